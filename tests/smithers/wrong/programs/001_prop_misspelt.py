from smithers_py import Claude, Phase, component


@component
def App(ctx):
    return Phase("write", children=[Claude(promt="Write a poem")])
