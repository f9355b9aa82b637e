from pydantic import BaseModel

from smithers_py import Task, plan


class Job(BaseModel):
    target: str


@plan(input=Job)
def App(ctx):
    Task(print, key=ctx.input.target)
