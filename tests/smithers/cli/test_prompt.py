"""A run on a terminal asks there, while other branches go on (P-1, P-2)."""

import json

import pytest

PLAN = """
from pydantic import BaseModel
from smithers_py import *

class Release(BaseModel):
    version: str
    count: int = 1

@plan
def App(ctx):
    with Parallel():
        with Step("ask"):
            Human("ship", "Ship it?").on_approve(lambda r: ctx.state.set("by", r.comment))
        with Step("typed"):
            Human("which", "Which one?", schema=Release).on_approve(lambda r: ctx.state.set("v", r.output.version))
        with Step("other"):
            Task(lambda: None, id="work").on_finished(lambda r: ctx.state.set("worked", True))
"""


@pytest.mark.requirement("P-1", "P-2", "C-3")
def test_the_answers_typed_there_are_the_answers(script, on_terminal, smithers):
    terminal = on_terminal("run", script(PLAN), rows=40)
    terminal.wait_for("ship asks:")
    terminal.wait_for("[y/n/l, and a comment] ")
    # Neither an answer nor a reason to ask less.
    terminal.type(b"perhaps\n")
    terminal.type(b"y go on\n")
    terminal.wait_for("which asks:")
    terminal.type(b"yes\n")
    terminal.wait_for("version: text: ")
    terminal.type(b"1.2\n")
    terminal.wait_for("count: whole number (optional): ")
    terminal.type(b"many\n")
    terminal.wait_for("count: must be whole number")
    terminal.type(b"y\n1.3\n2\n")
    assert terminal.wait() == 0
    assert json.loads(smithers("db", "state", "--json")[1]) == {"by": "go on", "v": "1.3", "worked": True}
    answered = json.loads(smithers("approvals", "--all", "--json")[1])
    assert [(one["status"], one["answered_from"]) for one in answered] == [("approved", "terminal")] * 2


@pytest.mark.requirement("P-1", "P-2")
def test_a_question_left_for_later_is_answered_from_elsewhere(script, on_terminal, smithers):
    terminal = on_terminal("run", script(PLAN), rows=40)
    terminal.wait_for("ship asks:")
    terminal.type(b"later\n")
    terminal.wait_for("later: smithers approve")
    terminal.wait_for("which asks:")
    assert smithers("approve", "which", "--output", '{"version": "2"}')[0] == 0
    terminal.wait_for("it was answered elsewhere")
    code, out, _ = smithers("approve", "ship", "--comment", "from here")
    assert (code, out.startswith("approved: Ship it?")) == (0, True)
    assert terminal.wait() == 0
    assert json.loads(smithers("db", "state", "--json")[1])["by"] == "from here"
