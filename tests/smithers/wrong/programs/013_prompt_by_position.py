from smithers_py import Claude, Phase, plan


@plan
def App(ctx):
    with Phase("write"):
        Claude("Write a poem")
