from smithers_py import Phase, Task, component


@component
def App(ctx):
    with Phase("build"):
        Task(print)
