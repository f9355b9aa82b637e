from smithers_py import Task, plan


@plan
def App(ctx):
    ctx.state.init("files", [])
    Task(print, id="hello").on_finished(lambda r: ctx.state.merge("files", {"a.txt": 3}))
