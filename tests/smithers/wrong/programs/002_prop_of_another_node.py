from smithers_py import Command, Phase, plan


@plan
def App(ctx):
    with Phase("build"):
        Command("make", prompt="Build it")
