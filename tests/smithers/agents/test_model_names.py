"""A model's name that nobody knows, met here or only at the provider."""

import asyncio
from typing import Any

import pytest
from fake_provider import Recorder

from smithers_py.agents.models import nearest_model, resolve_model
from smithers_py.agents.run import AgentSpec, run_agent
from smithers_py.errors import AgentError
from smithers_py.loopback import Failure, Loopback


@pytest.mark.requirement("G-1", "E-1")
@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("claude-sonet-5-5", "anthropic:claude-sonnet-5-5"),
        ("anthropic:claude-haiku-55", "anthropic:claude-haiku-5-5"),
        ("gpt5", "openai:gpt-5"),
        ("claude-sonnet-5-5", None),
        ("something else", None),
    ],
)
def test_the_nearest_known_model(name: str, nearest: str | None) -> None:
    assert nearest_model(name) == nearest


@pytest.mark.requirement("G-1", "E-1")
@pytest.mark.parametrize(
    ("model", "hint"),
    [
        ("anthropic:claude-sonet-5-5", "Did you mean 'anthropic:claude-sonnet-5-5'?"),
        ("openai:something else", "Check the model's name."),
    ],
)
def test_a_name_only_the_provider_can_refuse(model: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model newer than our list must work, so the name goes to the provider; its 404 is no riddle."""
    from pydantic_ai.models import override_allow_model_requests

    not_found = Failure(status=404, type="not_found_error", message=f"model: {model}")
    with override_allow_model_requests(True), Loopback(lambda request: not_found) as server:
        for variable, value in server.env.items():
            monkeypatch.setenv(variable, value)
        with pytest.raises(AgentError) as caught:
            asyncio.run(run_agent(AgentSpec(task_id="t", model=model, prompt="hello"), Recorder()))
        assert server.count() == 1
    assert caught.value.retryable is False
    assert caught.value.hint == hint


def test_the_offline_model_touches_no_tool() -> None:
    """It would call each with made-up arguments: `write` among them."""
    from pydantic_ai import Agent

    touched: list[str] = []

    def write(path: str, content: str) -> str:
        touched.append(path)
        return content

    agent: Any = Agent(resolve_model("test"), tools=[write])
    assert asyncio.run(agent.run("go")).output == "success (no tool calls)"
    assert touched == []
