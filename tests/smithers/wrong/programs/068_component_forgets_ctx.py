from smithers_py import Task, component


@component
def App():
    return Task(print, key=ctx.state.get("target", "all"))
