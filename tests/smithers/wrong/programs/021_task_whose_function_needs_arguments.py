from smithers_py import Task, plan


def compile_all(folder):
    return folder


@plan
def App(ctx):
    Task(compile_all)
