"""An agent's stream, batched on its way to the engine (G-2)."""

import asyncio
from typing import TYPE_CHECKING, Any

from smithers_py.workers.control import Control

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse, ModelResponsePart, ModelResponsePartDelta
    from pydantic_ai.usage import RunUsage

BATCH_EVENTS = 64
BATCH_SECONDS = 1 / 20


class AgentStream:
    """Emits what a model writes as `text` events, at most 20 a second or one for 64 pieces.

    Payload: `{"text": str, "thinking": bool}`.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._loop = asyncio.get_running_loop()
        self._pieces: list[str] = []
        self._thinking = False
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, part: "ModelResponsePart") -> None:
        """A part of an answer begins."""
        from pydantic_ai.messages import TextPart, ThinkingPart

        if isinstance(part, (TextPart, ThinkingPart)):
            self.add(part.content, thinking=isinstance(part, ThinkingPart))

    def go_on(self, delta: "ModelResponsePartDelta") -> None:
        """More of it."""
        from pydantic_ai.messages import TextPartDelta, ThinkingPartDelta

        if isinstance(delta, (TextPartDelta, ThinkingPartDelta)):
            self.add(delta.content_delta or "", thinking=isinstance(delta, ThinkingPartDelta))

    def take(self, response: "ModelResponse") -> None:
        """A whole answer, of a model that does not stream."""
        for part in response.parts:
            self.begin(part)

    def add(self, text: str, *, thinking: bool = False) -> None:
        """Take one piece; it is emitted with its neighbours of the same kind."""
        if not text:
            return
        if thinking != self._thinking:
            self.flush()
            self._thinking = thinking
        self._pieces.append(text)
        if len(self._pieces) >= BATCH_EVENTS:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(BATCH_SECONDS, self.flush)

    def flush(self) -> None:
        """Emit what is held."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pieces:
            text = "".join(self._pieces)
            self._pieces.clear()
            self._control.emit("text", {"text": text, "thinking": self._thinking})


def usage_json(usage: "RunUsage") -> dict[str, int]:
    """Counts of a run: requests, tool calls, and tokens in, out, read from and written to the provider's cache."""
    return {
        "requests": usage.requests,
        "tool_calls": usage.tool_calls,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
    }


def call_json(response: "ModelResponse", took_ms: int) -> dict[str, Any]:
    """One model call (G-7): who answered, its tokens, its cost in US dollars (None: no known price), milliseconds."""
    used = response.usage
    return {
        "model": response.model_name,
        "provider": response.provider_name,
        "input_tokens": used.input_tokens,
        "output_tokens": used.output_tokens,
        "cache_read_tokens": used.cache_read_tokens,
        "cache_write_tokens": used.cache_write_tokens,
        "cost_usd": None if used.cost is None else float(used.cost),
        "ms": took_ms,
    }
