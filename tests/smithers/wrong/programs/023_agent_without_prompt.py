from smithers_py import Claude, plan


@plan
def App(ctx):
    Claude(model="sonnet")
