from smithers_py import Claude, plan


@plan
def App(ctx):
    Claude(prompt="Write a poem").on_finish(lambda r: ctx.state.set("poem", r.output))
