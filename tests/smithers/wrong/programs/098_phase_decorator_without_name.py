from smithers_py import Task, phase


@phase
def build(ctx):
    Task(print)
