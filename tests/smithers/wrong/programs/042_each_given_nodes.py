from smithers_py import Command, Each, component

FILES = ["a.txt", "b.txt"]


@component
def App(ctx):
    return Each(FILES, children=[Command(["wc", name], key=name) for name in FILES])
