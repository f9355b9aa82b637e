from smithers_py import Task, component


def compile_all():
    return 3


@component
def App(ctx):
    return Task(compile_all())
