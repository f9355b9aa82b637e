from smithers_py import Effect, plan


@plan
def App(ctx):
    Effect("announce", deps=[open], run=lambda: print("hello"))
