from smithers_py import Command, Phase, plan


@plan
def App(ctx):
    with Phase("build"):
        Command("echo compiling; echo no rule to make target >&2; exit 2")
