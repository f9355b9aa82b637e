from smithers_py import Task, phase


@phase("build", skip=True)
def build(ctx):
    Task(print)
