from smithers_py import Smithers, plan


@plan
def App(ctx):
    Smithers("other")
