from smithers_py import Effect, component


@component
def App(ctx):
    count = ctx.state.get("count", 0)
    return Effect("counter", deps=[count], run=lambda: ctx.state.set("count", count + 1))
