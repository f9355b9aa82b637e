from smithers_py import Phase, component


@component
def App(ctx):
    return Phase("build", name="compile")
