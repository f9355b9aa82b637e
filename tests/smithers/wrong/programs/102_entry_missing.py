from smithers_py import Task


def App(ctx):
    return Task(print)
