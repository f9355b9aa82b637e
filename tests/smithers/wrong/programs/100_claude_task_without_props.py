from smithers_py import claude_task, phase


@phase("write")
def write(ctx):
    @claude_task
    def done(result):
        ctx.state.set("poem", result.output)
