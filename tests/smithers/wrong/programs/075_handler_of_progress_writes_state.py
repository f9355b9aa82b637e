from smithers_py import Claude, plan


@plan
def App(ctx):
    Claude(prompt="Write a poem", id="poet").on_progress(lambda event: ctx.state.set("last", str(event)))
