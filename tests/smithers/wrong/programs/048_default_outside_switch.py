from smithers_py import Default, If, Task, component


@component
def App(ctx):
    return If(True, children=[Default(children=[Task(print)])])
