from smithers_py import Ralph, Task, component


@component
def App(ctx):
    return Ralph(children=[Task(print)])
