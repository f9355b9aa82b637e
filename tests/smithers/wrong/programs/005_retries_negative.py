from smithers_py import Task, plan


@plan
def App(ctx):
    Task(print, retries=-1)
