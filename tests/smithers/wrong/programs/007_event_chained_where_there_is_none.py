from smithers_py import Parallel, Task, plan


@plan
def App(ctx):
    with Parallel().on_complete(lambda r: None):
        Task(print)
