from smithers_py import Task, plan


@plan
def App(ctx):
    def done(r):
        ctx.state.count = 1

    Task(print, id="hello").on_finished(done)
