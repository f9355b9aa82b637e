from smithers_py import Phase, plan


@plan
def App(ctx):
    with Phase("build")
        pass
