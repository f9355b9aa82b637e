from smithers_py import Task, While, plan


@plan
def App(ctx):
    with While("polish", max_iterations=3):
        Task(print)
