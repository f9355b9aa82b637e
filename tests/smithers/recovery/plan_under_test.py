"""The plan that is killed everywhere: one of each kind of work, and nothing in its state that depends on time or order.

Task bodies append their name to `ran.txt` beside this file: what a body did outside can happen again for an attempt
that died, and only for that. Everything else is told by the state.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic_ai.models.test import TestModel

from smithers_py import (
    Agent,
    Claude,
    Command,
    Effect,
    End,
    Human,
    Parallel,
    Phase,
    Ralph,
    Smithers,
    Step,
    Task,
    Timer,
    idempotent,
    plan,
)

CALLS_TOOLS = TestModel(call_tools=["tally", "grep"])
RAN = Path(__file__).with_name("ran.txt")


def ran(name: str) -> int:
    """Note that a body began; how often it had begun before."""
    file = os.open(RAN, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(file, f"{name}\n".encode())
    finally:
        os.close(file)
    return RAN.read_text().split().count(name) - 1


def returns(name: str, value: Any) -> Callable[[], Any]:
    def body() -> Any:
        ran(name)
        return value

    return body


def flaky() -> str:
    if ran("flaky") == 0:
        raise ConnectionError("not yet")
    return "at last"


def broken() -> None:
    ran("broken")
    raise ValueError("always")


async def writes(ctx: Any) -> int:
    ran("writes")
    ctx.state.append("bodies", "writes")
    return 1


@idempotent
def tally(word: str, ctx: Any) -> int:
    """Count a word."""
    ran("tally")
    ctx.state.append("tallied", word)
    return len(word)


def one_more(n: int | None) -> int:
    return (n or 0) + 1


@plan
def Child(ctx):
    with Phase("only"):
        Task(returns("child_one", 4), id="one").on_finished(lambda r: ctx.state.increment("got", r.output))
        Command(["echo", "child"], id="said").on_finished(lambda r: ctx.state.append("said", r.stdout.strip()))
        End({"got": ctx.state.get("got"), "said": ctx.state.get("said")})


@plan
def App(ctx):
    stage = ctx.state.get("stage", "none")

    def label():
        ctx.vol.set("label", stage)
        ctx.state.increment(f"labelled_{stage}")
        return lambda: ctx.vol.delete("label")

    Effect("label", deps=[stage], run=label)
    Effect("note", deps=[stage], run=lambda: ctx.state.append("stages", stage))
    Effect("loud", deps=[stage], run=lambda: (ctx.vol.set("loud", stage), ctx.state.increment("loud"))[0])

    with Phase("prepare", on_start=lambda: ctx.state.set("stage", "prepare")).on_complete(
        lambda r: ctx.state.append("phases", r.name)
    ):
        with Parallel():
            for name, value in (("a", 1), ("b", 2), ("c", 3)):
                Task(returns(name, value), id=name).on_finished(lambda r: ctx.state.increment("sum", r.output))
            Command("echo out; echo err >&2", id="shell").on_finished(
                lambda r: ctx.state.merge("shell", {"out": r.stdout.strip(), "err": r.stderr.strip()})
            )
            Task(flaky, id="flaky", retries=1).on_finished(lambda r: ctx.state.set("flaky", r.output))
            Task(broken, id="broken").on_error(lambda e: ctx.state.append("errors", e.code))
        Task(writes, id="writes").on_finished(lambda r: ctx.state.update("writes", one_more))
    with Phase("rounds", on_start=lambda: ctx.state.set("stage", "rounds")):
        with (
            Ralph(id="ralph", max_iterations=5)
            .on_iteration(lambda n: ctx.state.append("iterations", n))
            .on_complete(lambda r: ctx.state.set("rounds", [r.reason, r.iterations]))
        ):
            Task(returns("round", 10), id="round").on_finished(lambda r: ctx.state.increment("rounded", r.output))
            Command(["echo", "again"], id="again").on_finished(lambda r: ctx.state.append("said", r.stdout.strip()))
    with Phase("people", on_start=lambda: ctx.state.set("stage", "people")):
        with Step("wait").on_complete(lambda r: ctx.state.append("phases", r.name)):
            Timer("pause", seconds=0.05).on_finished(lambda r: ctx.state.set("rested", True))
            Human("ship", "Ship it?").on_approve(lambda r: ctx.state.set("shipped", r.approved))
    with Phase("last", on_start=lambda: ctx.state.set("stage", "last")):
        with Parallel():
            Claude(id="poet", model="test", prompt="A poem").on_finished(lambda r: ctx.state.set("poem", r.output))
            Agent(id="coder", model=CALLS_TOOLS, prompt="Tally", tools=[tally, "grep"]).on_finished(
                lambda r: ctx.state.set("coded", r.output.partition(",")[0])  # what grep found changes with every run
            )
            Smithers(Child, id="child").on_finished(lambda r: ctx.state.set("child", r.output))
        Task(returns("end", 0), id="end").on_finished(lambda r: ctx.state.append("phases", "last"))
        End({"sum": ctx.state.get("sum"), "rounded": ctx.state.get("rounded")})
