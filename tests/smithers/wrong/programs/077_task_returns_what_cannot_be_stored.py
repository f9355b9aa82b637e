from smithers_py import Task, plan


def compile_all():
    return {"log": iter([])}


@plan
def App(ctx):
    Task(compile_all, id="compile")
