from smithers_py import Task, plan


def done(result, context):
    context.state.set("done", True)


@plan
def App(ctx):
    Task(print, id="hello").on_finished(done)
