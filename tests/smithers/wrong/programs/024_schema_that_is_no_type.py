from smithers_py import Claude, plan


@plan
def App(ctx):
    Claude(prompt="How many files?", schema={"count": int})
