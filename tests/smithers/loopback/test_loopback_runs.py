"""`smithers run` as a process of its own against the server: bad answers, bad names, missing keys (issue 5, show 6)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smithers_py.loopback import Failure, Loopback, Reply, Request, answer

SMITHERS = Path(sys.executable).parent / "smithers"
SECONDS = 120
PLAN = """
from pydantic import BaseModel

from smithers_py import Claude, plan


class Report(BaseModel):
    title: str
    score: int


class Input(BaseModel):
    model: str


@plan(input=Input)
def judge(ctx):
    Claude(id="judge", model=ctx.input.model, schema=Report, prompt="Judge it.", retries=0).on_finished(
        lambda r: ctx.state.set("score", r.structured.score)
    )
"""

Smithers = Callable[..., Any]


@pytest.fixture
def smithers(workspace: Path) -> Smithers:
    """`smithers(*arguments, env=None)`: the finished process, in a folder with the plan."""
    (workspace / "plan.py").write_text(PLAN)

    def run(*arguments: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        full = {**os.environ, **(env or {})}
        command = [SMITHERS, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=full, check=False)

    return run


def judged(smithers: Smithers, model: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, Any], str]:
    """Exit code and JSON of a run, and what `inspect` prints for people."""
    done = smithers("run", "plan.py", "--json", "--input", json.dumps({"model": model}), env=env)
    return done.returncode, json.loads(done.stdout), smithers("inspect", "latest").stdout


@pytest.mark.requirement("G-4")
@pytest.mark.parametrize("model", ["sonnet", "openai:gpt-5"])
def test_what_did_not_fit_is_fed_back_and_mended(smithers: Smithers, model: str) -> None:
    def brain(request: Request) -> Reply:
        return answer({"title": "t", "score": 7 if request.turn else "many"})

    with Loopback(brain) as server:
        code, result, _ = judged(smithers, model, server.env)
        first, second = server.requests
    assert (code, result["status"]) == (0, "completed")
    assert json.loads(smithers("db", "state", "latest", "--json").stdout) == {"score": 7}
    assert "many" not in str(first.request.raw)
    told = [second.request.last.text, *(result.text for result in second.request.results())]
    assert "valid integer" in " ".join(told)


@pytest.mark.requirement("G-4", "E-4")
@pytest.mark.parametrize("model", ["sonnet", "openai:gpt-5"])
def test_after_the_limit_inspect_says_what_did_not_fit(smithers: Smithers, model: str) -> None:
    with Loopback(lambda request: answer({"title": "t", "score": "many"})) as server:
        code, result, shown = judged(smithers, model, server.env)
        assert server.count() == 3  # the answer, and two that should have mended it
    assert (code, result["status"]) == (1, "failed")
    for text in (shown, result["errors"][0]["message"]):
        assert "what it wrote did not fit" in text
        assert "score: Input should be a valid integer" in text
        assert "'many'" in text
    assert "Claude judge" in shown


@pytest.mark.requirement("E-4", "G-1")
@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("sonet", "did you mean 'sonnet'?"),
        ("openia:gpt-5", "did you mean 'openai:gpt-5'?"),
        ("sonnet", "needs ANTHROPIC_API_KEY, which is not set"),
        ("openai:gpt-5", "needs OPENAI_API_KEY, which is not set"),
    ],
)
def test_a_name_nobody_knows_and_a_key_that_is_missing(smithers: Smithers, model: str, said: str) -> None:
    code, result, shown = judged(smithers, model)
    assert code == 1
    assert result["errors"][0]["code"] == "E505"
    assert said in result["errors"][0]["message"]
    assert said in shown


@pytest.mark.requirement("E-4", "G-1")
def test_a_name_the_provider_refuses(smithers: Smithers) -> None:
    not_found = Failure(status=404, type="not_found_error", message="model: claude-sonet-5-5")
    with Loopback(lambda request: not_found) as server:
        code, _, shown = judged(smithers, "anthropic:claude-sonet-5-5", server.env)
        assert server.count() == 1
    assert code == 1
    assert "the provider answered 404: model: claude-sonet-5-5" in shown
    (line,) = [line for line in shown.splitlines() if "Claude judge (judge, attempt 1)" in line]
    assert line.count("Did you mean 'anthropic:claude-sonnet-5-5'?") == 1


@pytest.mark.requirement("G-1")
def test_a_short_name_of_the_configuration_goes_before_ours(smithers: Smithers, workspace: Path) -> None:
    (workspace / "smithers.toml").write_text('[models]\nsonnet = "openai:gpt-5-mini"\n')
    with Loopback(lambda request: answer({"title": "t", "score": 7})) as server:
        code, _, _ = judged(smithers, "sonnet", server.env)
        (entry,) = server.requests
    assert code == 0
    assert (entry.request.protocol, entry.request.model) == ("openai-responses", "gpt-5-mini")
