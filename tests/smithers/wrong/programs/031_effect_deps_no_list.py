from smithers_py import Effect, plan


@plan
def App(ctx):
    Effect("announce", deps="phase", run=lambda: print("hello"))
