from smithers_py import Each, Task, component


@component
def App(ctx):
    return Each(3, children=lambda n: Task(print, key=n))
