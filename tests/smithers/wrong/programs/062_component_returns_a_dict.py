from smithers_py import Task, component


@component
def App(ctx):
    return {"children": [Task(print)]}
