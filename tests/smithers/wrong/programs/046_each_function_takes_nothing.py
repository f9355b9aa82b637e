from smithers_py import Each, Task, component


@component
def App(ctx):
    return Each(["a", "b"], children=lambda: Task(print, key="a"))
