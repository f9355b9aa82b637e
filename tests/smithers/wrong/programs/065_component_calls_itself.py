from smithers_py import Phase, component


@component
def App(ctx):
    return App()
