from smithers_py import Claude, Task, plan


@plan
def App(ctx):
    with Claude(prompt="Write a poem"):
        Task(print)
