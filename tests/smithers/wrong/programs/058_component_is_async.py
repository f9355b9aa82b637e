from smithers_py import Task, component


@component
async def App(ctx):
    return Task(print)
