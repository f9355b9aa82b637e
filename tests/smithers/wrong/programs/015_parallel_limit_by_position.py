from smithers_py import Parallel, Task, plan


@plan
def App(ctx):
    with Parallel(3):
        Task(print)
