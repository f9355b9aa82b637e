"""A provider on loopback that speaks as much of the Anthropic Messages API as the tests need.

Each request consumes one step; the last step stays. A step is `{"text": ...}`, `{"tool": (name, input)}`,
`{"status": 429, "error": type, "headers": {...}}` or `{"hang": True}` (answers never).
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Self

from smithers_persistence.records import AgentSession
from smithers_persistence.rows import AgentRow, ToolCallRow
from smithers_py.state.actions import Action
from smithers_py.workers.control import Answer, AskRequest

USAGE = {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}


class FakeProvider:
    def __init__(self, *steps: dict[str, Any]) -> None:
        self.steps = list(steps)
        self.requests: list[dict[str, Any]] = []
        self.asked = asyncio.Event()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    def model(self, name: str = "claude-sonnet-5-5") -> Any:
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        return AnthropicModel(name, provider=AnthropicProvider(api_key="a test's key", base_url=self.url))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = next(int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length"))
            request = json.loads(await reader.readexactly(length))
            self.requests.append(request)
            self.asked.set()
            step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
            if step.get("hang"):
                await reader.read()  # until the client goes away
            else:
                writer.write(_answer(step, request))
                await writer.drain()
        finally:
            writer.close()


def _answer(step: dict[str, Any], request: dict[str, Any]) -> bytes:
    status = step.get("status", 200)
    headers = {"connection": "close", "content-type": "application/json", **step.get("headers", {})}
    if status >= 400:
        error = {"type": step.get("error", "api_error"), "message": step.get("message", "no")}
        body = json.dumps({"type": "error", "error": error}).encode()
    elif request.get("stream"):
        headers["content-type"] = "text/event-stream"
        body = "".join(
            f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in _events(step, request["model"])
        ).encode()
    else:
        body = json.dumps(_message(step, request["model"])).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body


def _message(step: dict[str, Any], model: str) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = []
    if "text" in step:
        blocks.append({"type": "text", "text": step["text"]})
    if "tool" in step:
        blocks.append({"type": "tool_use", "id": "toolu_1", "name": step["tool"][0], "input": step["tool"][1]})
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": blocks,
        "stop_reason": "tool_use" if "tool" in step else "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    }


def _events(step: dict[str, Any], model: str) -> list[dict[str, Any]]:
    message = _message(step, model)
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    ]
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            start: dict[str, Any] = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": f"{word} "} for word in block["text"].split(" ")]
        else:
            start = {**block, "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 20}})
    events.append({"type": "message_stop"})
    return events


class Recorder:
    """A Control that keeps what was emitted."""

    task_id = "t"
    attempt = 1

    def __init__(self, stored: AgentSession | None = None) -> None:
        self.stored = stored
        self.rows: list[AgentRow] = []
        """Every checkpoint, the end last."""
        self.asked: list[AskRequest] = []
        self.answer = Answer(approved=True)
        self.events: list[tuple[str, dict[str, Any]]] = []

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        self.events.append((kind, payload))

    async def record_process(self, pid: int, pgid: int, start_time: str, boot_id: str) -> None:
        raise AssertionError("an agent starts no process")

    async def ask(self, request: AskRequest) -> Answer:
        self.asked.append(request)
        return self.answer

    def blocked(self, reason: str | None, until_ms: int | None = None) -> None:
        self.events.append(("blocked", {"reason": reason, "until": until_ms}))

    async def load_session(self) -> AgentSession | None:
        return self.stored

    async def forget_session(self) -> None:
        self.stored = None

    async def checkpoint(self, row: AgentRow, wrote: ToolCallRow | None = None, actions: Sequence[Action] = ()) -> None:
        self.rows.append(row)

    def ends_with(self, row: AgentRow) -> None:
        self.rows.append(row)

    @property
    def messages(self) -> list[str]:
        """What was stored of the conversation."""
        return [message.message_json for row in self.rows for message in row.messages]

    def payloads(self, kind: str) -> list[dict[str, Any]]:
        return [payload for emitted, payload in self.events if emitted == kind]

    @property
    def text(self) -> str:
        return "".join(payload["text"] for payload in self.payloads("text"))
