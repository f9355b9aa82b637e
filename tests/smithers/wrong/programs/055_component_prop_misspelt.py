from smithers_py import Phase, Task, component


@component
def Build(ctx, target):
    return Task(print, key=target)


@component
def App(ctx):
    return Phase("build", children=[Build(taget="all")])


app = App
