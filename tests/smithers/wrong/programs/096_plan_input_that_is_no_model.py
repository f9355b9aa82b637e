from smithers_py import Task, plan


@plan(input=dict)
def App(ctx):
    Task(print, key=ctx.input["target"])
