from smithers_py import Ralph, Task, plan


@plan
def App(ctx):
    with Ralph("polish", max_iterations=0):
        Task(print)
