from smithers_py import If, Task, component


@component
def App(ctx):
    return If(children=[Task(print)])
