from smithers_py import Task, plan


@plan
def App(ctx):
    ctx.state.init("notes", "none yet")
    Task(print, id="hello").on_finished(lambda r: ctx.state.append("notes", "done"))
