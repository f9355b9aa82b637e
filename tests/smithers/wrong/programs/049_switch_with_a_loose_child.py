from smithers_py import Case, Switch, Task, plan


@plan
def App(ctx):
    with Switch("red"):
        with Case("red"):
            Task(print)
        Task(print)
