from smithers_py import Phase, Task, component


@component
def Build(ctx):
    return Task(print)


@component
def App(ctx):
    return Phase("build", children=[Build])


app = App
