from smithers_py import Phase, Task, plan


@plan
def App(ctx):
    with Phase("build"):
        Task(print)
    with Phase("build"):
        Task(print)
