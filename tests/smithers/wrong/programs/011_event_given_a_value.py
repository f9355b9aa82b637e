from smithers_py import Claude, component


@component
def App(ctx):
    return Claude(prompt="Write a poem", on_finished="done")
