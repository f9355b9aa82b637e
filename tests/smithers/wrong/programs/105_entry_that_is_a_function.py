from smithers_py import Task


def app(ctx):
    return Task(print)
