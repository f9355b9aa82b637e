from smithers_py import Task, component


@component
def App(ctx):
    settings = {"targt": "all"}
    return Task(print, key=settings["target"])
