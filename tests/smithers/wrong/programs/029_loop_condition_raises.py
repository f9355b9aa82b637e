from smithers_py import Task, While, plan


@plan
def App(ctx):
    with While("polish", lambda: ctx.state.get("score") < 8, max_iterations=3):
        Task(print)
