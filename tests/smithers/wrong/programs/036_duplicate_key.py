from smithers_py import Command, Fragment, component


@component
def App(ctx):
    return Fragment(
        children=[
            Command("true", key="build"),
            Command("false", key="build"),
        ]
    )
