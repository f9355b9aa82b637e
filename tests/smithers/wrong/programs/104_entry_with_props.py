from smithers_py import Task, component


@component
def App(ctx, target):
    return Task(print, key=target)
