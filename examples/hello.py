"""The smallest plan: an agent answers, its answer is kept in state, a program prints it.

smithers run examples/hello.py
"""

from smithers_py import Claude, Command, Phase, plan


@plan
def hello(ctx):
    with Phase("ask"):
        # "test" is the offline model: it needs no key and always gives the same answer.
        Claude(model="test", prompt="Say hello to somebody who runs their first plan.").on_finished(
            lambda r: ctx.state.set("greeting", r.output, trigger="claude.finished")
        )
    with Phase("tell"):
        # This phase mounts when the first is complete, so the greeting is in state by then.
        Command(["echo", "the agent says:", ctx.state.get("greeting", "")])
