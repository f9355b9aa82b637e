from smithers_py import Phase, Task, component


@component
def App(ctx):
    return Phase("build", [Task(print)])
