"""Rate limits and retries in whole runs, counted at a provider on loopback."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from smithers_persistence import Database
from smithers_py import Claude, Parallel, component
from smithers_py.clock import SystemClock
from smithers_py.engine.observer import FrameReport, NullObserver
from smithers_py.engine.spending import Windows
from smithers_py.loopback import Loopback, Request, call, out_of_quota, overloaded, rate_limited, say, server_error

TWENTY = """
from smithers_py import Claude, Parallel, plan


@plan
def App(ctx):
    with Parallel():
        for i in range(20):
            Claude(id=f"w{i}", prompt=f"hello {i}", max_turns=2)
"""
MODEL = "anthropic:claude-sonnet-5-5"


@component
def App(ctx: Any, **props: Any) -> Any:
    return Claude(id="one", prompt="hello", max_turns=3, on_finished=lambda r: ctx.state.set("said", r.output), **props)


@pytest.mark.requirement("E-2")
def test_twenty_agents_share_three_places(workspace: Path, smithers: Any) -> None:
    def brain(request: Request) -> Any:
        time.sleep(0.2)
        return say("done")

    (workspace / "plan.py").write_text(TWENTY)
    with Loopback(brain, limit=3, retry_after=1.0) as server:
        done = smithers("run", "plan.py", "--json", env=server.env)
    assert json.loads(done.stdout)["status"] == "completed", done.stderr
    entries = server.requests
    refused = [entry for entry in entries if entry.status == 429]
    assert sum(entry.status == 200 for entry in entries) == 20
    assert 1 <= len(refused) <= 10, "at most 1.5x the least number of requests"
    for one in refused:
        # What was under way when the refusal was told is not inside the window.
        told = (one.ended or one.started) + 0.05
        inside = [e.number for e in entries if told < e.started < one.started + 1.0]
        assert not inside, (one.number, inside)
    assert server.max_in_flight == 3


@pytest.mark.requirement("E-2")
def test_a_window_in_the_database_holds_for_the_next_process(workspace: Path, smithers: Any) -> None:
    (workspace / "plan.py").write_text(TWENTY.replace("range(20)", "range(1)"))
    assert smithers("run", "plan.py", "--model", "test").returncode == 0
    clock = SystemClock()

    async def close() -> int:
        database = await Database.open(workspace / ".smithers" / "db.sqlite")
        windows = Windows(database, clock)
        until = clock.now_ms() + 3_000
        assert await windows.close(MODEL, until, "rate_limited") == until
        assert await windows.close(MODEL, until - 1_000, "rate_limited") == until
        assert await windows.read("other:model") is None
        await database.close()
        return until

    with Loopback(lambda _: say("done")) as server:
        until = asyncio.run(close())
        shift = time.time() - time.monotonic()
        done = smithers("run", "plan.py", env=server.env)
    assert done.returncode == 0, done.stderr
    assert [entry.status for entry in server.requests] == [200]
    assert (server.requests[0].started + shift) * 1000 >= until - 5


@pytest.mark.requirement("E-1")
@pytest.mark.parametrize("model", [MODEL, "openai-chat:gpt-5"])
def test_a_request_that_fails_once_is_sent_again_inside_the_conversation(ran: Any, model: str) -> None:
    failures = iter([server_error(500), overloaded()])

    def brain(request: Request) -> Any:
        return next(failures, None) or say("done")

    with Loopback(brain) as server:
        result = ran(server, App(model=model))
    assert result.status == "completed", result.errors
    assert [entry.status for entry in server.requests] == [500, 529, 200]


@pytest.mark.requirement("E-1")
def test_rate_limits_eat_no_attempts(ran: Any) -> None:
    failures = iter([rate_limited(0)] * 3)

    def brain(request: Request) -> Any:
        return next(failures, None) or say("done")

    with Loopback(brain) as server:
        result = ran(server, App(retries=0))
    assert result.status == "completed", result.errors
    assert len(server.requests) == 4


@pytest.mark.requirement("E-1")
@pytest.mark.parametrize(
    ("model", "failure"),
    [
        (MODEL, out_of_quota(402)),
        ("openai-chat:gpt-5", out_of_quota(429)),  # with a 429 too waiting does not pay the bill
        (MODEL, server_error(400)),
        (MODEL, server_error(401)),
    ],
)
def test_what_waiting_does_not_mend_is_asked_once(ran: Any, model: str, failure: Any) -> None:
    with Loopback(lambda _: failure) as server:
        result = ran(server, App(model=model))
    assert result.status == "failed"
    assert len(server.requests) == 1
    assert result.errors[0]["type"] == "AgentError"


@pytest.mark.requirement("E-1")
def test_retries_0_sends_a_failing_request_once(ran: Any) -> None:
    with Loopback(lambda _: server_error(500)) as server:
        result = ran(server, App(retries=0))
    assert (result.status, len(server.requests)) == ("failed", 1)


@pytest.mark.requirement("E-2")
def test_a_tool_call_in_between_gives_the_place_away(ran: Any) -> None:
    def look() -> str:
        """Look."""
        return "seen"

    @component
    def Many(ctx: Any) -> Any:
        return Parallel(children=[Claude(id=f"w{i}", prompt="x", max_turns=3, tools=[look]) for i in range(6)])

    def brain(request: Request) -> Any:
        return say("done") if request.results("look") else call("look")

    with Loopback(brain, limit=2, retry_after=0) as server:
        result = ran(server, Many())
    assert result.status == "completed", result.errors
    assert sum(entry.status == 200 for entry in server.requests) == 12


class Statuses(NullObserver):
    """What people were told of each node."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str | None]] = []

    def frame(self, report: FrameReport) -> None:
        self.told += report.statuses


@pytest.mark.requirement("E-3")
def test_people_are_told_until_when_a_node_waits(ran: Any) -> None:
    failures = iter([rate_limited(1), server_error(500)])
    observer = Statuses()
    with Loopback(lambda _: next(failures, None) or say("done")) as server:
        result = ran(server, App(), observer=observer)
    assert result.status == "completed", result.errors
    told = [(status, re.sub(r"\d\d:\d\d:\d\d", "T", detail or "")) for _, status, detail in observer.told]
    assert told[:3] == [("running", ""), ("blocked", "rate_limit until T"), ("running", "")]
    assert told[-1] == ("succeeded", "")


@pytest.mark.requirement("E-3", "O-2")
def test_another_process_sees_until_when_a_node_waits(workspace: Path, smithers: Any) -> None:
    failures = iter([rate_limited(20)])
    (workspace / "plan.py").write_text(TWENTY.replace("range(20)", "range(1)"))
    with Loopback(lambda _: next(failures, None) or say("done")) as server:
        running = subprocess.Popen(
            [sys.executable, "-m", "smithers_py", "run", "plan.py"],
            cwd=workspace,
            env={**os.environ, **server.env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        with running:
            assert running.stderr is not None
            lines = iter(running.stderr)
            line = next(line for line in lines if "blocked" in line)
            shown = smithers("inspect")
            task = json.loads(smithers("inspect", "--json").stdout)["tasks"][0]
            running.terminate()
            rest = "".join(lines)
    assert re.search(r"blocked +Claude w0 +rate_limit until \d\d:\d\d:\d\d", line), line + rest
    assert re.search(r"Claude w0 +blocked\(rate_limit until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)", shown.stdout), (
        shown.stdout
    )
    assert task["blocked"]["reason"] == "rate_limit"
    assert task["blocked"]["until"] > time.time() * 1000
    assert len(server.requests) == 1
