from smithers_py import Task, component


@component
def Build(ctx):
    return Task(print)


@component
def Test(ctx):
    return Task(print)
