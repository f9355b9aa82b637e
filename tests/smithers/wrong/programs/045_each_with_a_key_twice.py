from smithers_py import Command, Each, component


@component
def App(ctx):
    return Each(["a.txt", "b.txt", "a.txt"], children=lambda name: Command(["wc", name], key=name))
