from pydantic import BaseModel

from smithers_py import Task, plan


class Progress(BaseModel):
    count: int = 0


@plan
def App(ctx):
    Task(print, key=ctx.state.typed(Progress).cuont)
