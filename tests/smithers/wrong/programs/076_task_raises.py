from smithers_py import Phase, Task, plan


def compile_all():
    raise FileNotFoundError("no Makefile here")


@plan
def App(ctx):
    with Phase("build"):
        Task(compile_all)
