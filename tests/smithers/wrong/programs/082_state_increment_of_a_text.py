from smithers_py import Task, plan


@plan
def App(ctx):
    ctx.state.init("count", "0")
    Task(print, id="hello").on_finished(lambda r: ctx.state.increment("count"))
