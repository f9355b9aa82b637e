from smithers_py import Case, Phase, Task, plan


@plan
def App(ctx):
    with Phase("decide"):
        with Case("red"):
            Task(print)
