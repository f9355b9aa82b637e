from smithers_py import Human, plan


@plan
def App(ctx):
    Human(message="Ship it?")
