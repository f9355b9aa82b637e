from smithers_py import Task, component


@component("app")
def App(ctx):
    return Task(print)
