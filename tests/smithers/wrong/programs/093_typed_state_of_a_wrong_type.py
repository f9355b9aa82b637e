from pydantic import BaseModel

from smithers_py import Task, plan


class Progress(BaseModel):
    count: int = 0


@plan
def App(ctx):
    def done(r):
        ctx.state.typed(Progress).count = "many"

    Task(print, id="hello").on_finished(done)
