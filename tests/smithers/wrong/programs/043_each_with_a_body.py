from smithers_py import Command, Each, plan


@plan
def App(ctx):
    with Each(["a.txt", "b.txt"]):
        Command(["wc", "a.txt"])
