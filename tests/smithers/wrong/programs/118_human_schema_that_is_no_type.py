from smithers_py import Human, plan


@plan
def App(ctx):
    Human("ship", "Which version?", schema={"version": str})
