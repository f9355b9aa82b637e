from smithers_py import If, Task, component


async def ready():
    return True


@component
def App(ctx):
    return If(ready, children=[Task(print)])
