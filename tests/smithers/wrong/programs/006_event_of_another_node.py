from smithers_py import Phase, Task, component


@component
def App(ctx):
    return Phase("build", on_finished=lambda r: None, children=[Task(print)])
