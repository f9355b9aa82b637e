"""The decorators in real runs: the seed's example word for word, and those beside it."""

from collections.abc import Callable
from typing import Any

import pytest
from authoring_tools import Smithers, Write

from smithers_py import claude_task, command, phase
from smithers_py.errors import InvalidPropError

SEED = """from smithers_py import phase, claude_task

@phase("implement")
def implement(ctx):

    @claude_task(model="sonnet", prompt="Fix failing tests")
    def on_done(result):
        ctx.state.set("phase", "done", trigger="claude.finished")
"""
ALL = """from smithers_py import *

@phase("first", on_complete=lambda r, ctx: ctx.state.append("log", r.name))
def first(ctx):

    @command(["echo", "hi"], id="said", check=False)
    def said(result):
        ctx.state.set("said", [result.stdout.strip(), result.exit_code])

    @task(id="count", retries=1)
    def count(ctx):
        ctx.state.append("log", "count")
        return 42

    @count.on_finished
    def counted(result):
        ctx.state.set("counted", result.output)

    with Step("together"):
        @task
        async def other():
            raise ValueError("no")

        @other.on_error
        def told(error):
            ctx.state.set("told", str(error.error))

@phase("second", skip_if=lambda: False)
def second():
    @command("echo $0", shell=None, id="shell")
    def done(r, ctx):
        ctx.state.append("log", "second")
"""


def state(as_json: Callable[..., Any]) -> dict[str, Any]:
    found = as_json("db", "state", "latest")
    return {one["key"]: one["value"] for one in found} if isinstance(found, list) else found


@pytest.mark.requirement("A-1")
def test_the_seeds_example_runs_as_it_stands(script: Write, smithers: Smithers, as_json: Callable[..., Any]) -> None:
    code, out, err = smithers("run", script(SEED), "--model", "test", "--idle-timeout", "0")
    assert code == 0, out + err
    (change,) = as_json("db", "transitions", "latest")
    assert (change["key"], change["new"], change["trigger"]) == ("phase", "done", "claude.finished")
    assert state(as_json) == {"phase": "done"}


@pytest.mark.requirement("A-1", "Z-12", "Z-13")
def test_programs_and_functions(script: Write, smithers: Smithers, as_json: Callable[..., Any]) -> None:
    code, out, err = smithers("run", script(ALL), "--idle-timeout", "0")
    assert code == 0, out + err
    found = state(as_json)
    assert (found["said"], found["counted"], found["told"]) == (["hi", 0], 42, "no")
    assert found["log"] == ["count", "first", "second"]


@pytest.mark.requirement("A-4")
@pytest.mark.parametrize("decorator", [phase, claude_task, command])
def test_forgotten_parentheses_are_told(decorator: Callable[..., Any]) -> None:
    with pytest.raises(InvalidPropError, match=rf"Write @{decorator.__name__}\(") as caught:

        @decorator
        def wrong(ctx):
            pass

    assert caught.value.where.file == __file__


@pytest.mark.requirement("A-4")
def test_a_second_handler_of_one_event_is_told() -> None:
    with pytest.raises(InvalidPropError, match="on_finished twice"):

        @claude_task(prompt="x", on_finished=print)
        def done(result):
            pass
