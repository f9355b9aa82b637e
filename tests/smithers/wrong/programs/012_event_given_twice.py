from smithers_py import Task, plan


@plan
def App(ctx):
    Task(print, on_finished=lambda r: None).on_finished(lambda r: ctx.state.set("done", True))
