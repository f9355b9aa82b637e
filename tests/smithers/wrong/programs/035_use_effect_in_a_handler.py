from smithers_py import Task, plan


@plan
def App(ctx):
    Task(print, id="hello").on_finished(lambda r: ctx.use_effect("announce", deps=[], fn=print))
