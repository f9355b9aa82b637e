from smithers_py import Command, plan


@plan
def App(ctx):
    Command("pytest", "-q")
