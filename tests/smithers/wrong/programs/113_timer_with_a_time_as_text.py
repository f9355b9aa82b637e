from smithers_py import Timer, plan


@plan
def App(ctx):
    Timer("nap", seconds="5 minutes")
