from smithers_py import Effect, component


@component
def App(ctx):
    return Effect("announce", run=lambda: print("hello"))
