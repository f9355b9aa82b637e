from smithers_py import Phase, Task, plan


@plan
def App(ctx):
    with Phase():
        Task(print)
