"""Agents of PydanticAI, with the providers' real clients, that talk to a loopback server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from smithers_py.loopback import Loopback

Ask = Callable[..., Any]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """`await ask(server, model, prompt="hello", stream=False, **agent)`: the run's result."""
    from pydantic_ai import Agent, ModelSettings
    from pydantic_ai.models import infer_model, override_allow_model_requests

    async def pass_over(ctx: Any, events: Any) -> None:
        async for _ in events:
            pass

    async def one(server: Loopback, name: str, prompt: str = "hello", *, stream: bool = False, **agent: Any) -> Any:
        for variable, value in server.env.items():
            monkeypatch.setenv(variable, value)
        model = infer_model(name)
        timeout = agent.pop("timeout", None)
        # Without max_tokens the client asks for as many as the model can write, and then always for a stream.
        settings = ModelSettings(max_retries=0, max_tokens=1000, **({"timeout": timeout} if timeout else {}))
        async with model:
            handler = pass_over if stream else None
            return await Agent(model, **agent).run(prompt, model_settings=settings, event_stream_handler=handler)

    with override_allow_model_requests(True):
        yield one
