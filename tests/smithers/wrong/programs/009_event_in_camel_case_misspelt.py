from smithers_py import Claude, component


@component
def App(ctx):
    return Claude(prompt="Write a poem", onFinishd=lambda r: ctx.state.set("poem", r.output))
