from smithers_py import Phase, component


@component
def App(ctx):
    ctx.state.set("phase", "build")
    return Phase("build")
