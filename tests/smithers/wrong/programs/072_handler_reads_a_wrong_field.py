from smithers_py import Command, plan


@plan
def App(ctx):
    Command("echo hello", id="hello").on_finished(lambda r: ctx.state.set("text", r.ouput))
