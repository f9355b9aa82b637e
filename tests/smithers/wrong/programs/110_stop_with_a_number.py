from smithers_py import Stop, component


@component
def App(ctx):
    return Stop(3)
