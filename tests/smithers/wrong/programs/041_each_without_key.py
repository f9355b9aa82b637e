from smithers_py import Command, Each, component


@component
def App(ctx):
    return Each(["a.txt", "b.txt"], children=lambda name: Command(["wc", name]))
