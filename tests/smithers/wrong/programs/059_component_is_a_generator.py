from smithers_py import Task, component


@component
def App(ctx):
    yield Task(print)
