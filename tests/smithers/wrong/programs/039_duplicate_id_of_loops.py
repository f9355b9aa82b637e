from smithers_py import Ralph, Task, plan


@plan
def App(ctx):
    with Ralph("again", max_iterations=2):
        Task(print)
    with Ralph("again", max_iterations=2):
        Task(print)
