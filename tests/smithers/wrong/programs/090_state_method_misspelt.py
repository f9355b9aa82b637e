from smithers_py import Task, plan


@plan
def App(ctx):
    Task(print, key=ctx.state.gett("target", "all"))
