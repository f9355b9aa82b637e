from smithers_py import Task, component


@component
def Build(ctx, key):
    return Task(print, key=key)
