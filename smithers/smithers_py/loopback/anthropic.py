"""The Anthropic Messages protocol: what a request says, how an answer is written."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from smithers_py.loopback.conversation import Request, Tool, ToolCall, Turns, answer_place, text_of
from smithers_py.loopback.replies import Failure, Reply, Usage

PATH = "/v1/messages"


def read(raw: Mapping[str, Any], headers: Mapping[str, str]) -> Request:
    """The request in our form."""
    turns = Turns()
    for message in raw["messages"]:
        content: Any = message["content"]
        blocks: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for block in blocks:
            if block["type"] == "tool_use":
                turns.add("assistant", calls=(ToolCall(block["name"], block["input"], block["id"]),))
            elif block["type"] == "tool_result":
                is_error = bool(block.get("is_error"))
                turns.result(block["tool_use_id"], text_of(block.get("content")), is_error=is_error)
            elif block["type"] == "text":
                turns.add(message["role"], block["text"])
    tools = tuple(
        Tool(one["name"], one.get("description", ""), one.get("input_schema", {})) for one in raw.get("tools", ())
    )
    form = raw.get("output_format") or raw.get("output_config", {}).get("format") or {}
    schema, output_tool = answer_place(tools, form.get("schema"))
    return Request(
        protocol="anthropic",
        model=raw["model"],
        system=text_of(raw.get("system")),
        messages=turns.messages(),
        tools=tools,
        schema=schema,
        output_tool=output_tool,
        stream=bool(raw.get("stream")),
        raw=raw,
        headers=headers,
    )


def body(reply: Reply, request: Request, number: int) -> dict[str, Any]:
    """The whole answer."""
    blocks: list[dict[str, Any]] = []
    if reply.thinking:
        blocks.append({"type": "thinking", "thinking": reply.thinking, "signature": "loopback"})
    if reply.text or not (reply.tool_calls or reply.thinking):
        blocks.append({"type": "text", "text": reply.text})
    blocks += [{"type": "tool_use", "id": one.id, "name": one.name, "input": one.args} for one in reply.tool_calls]
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": blocks,
        "stop_reason": "tool_use" if reply.tool_calls else "end_turn",
        "stop_sequence": None,
        "usage": _usage(reply.usage or Usage(1, 1)),
    }


def events(reply: Reply, request: Request, number: int) -> Iterator[str]:
    """The same as a stream's events, a word at a time."""
    message = body(reply, request, number)
    opening = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    yield _event("message_start", message=opening)
    for index, block in enumerate(message["content"]):
        start, deltas = _pieces(block)
        yield _event("content_block_start", index=index, content_block=start)
        for delta in deltas:
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=delta, usage=message["usage"])
    yield _event("message_stop")


def failure(failed: Failure) -> dict[str, Any]:
    """The body of an HTTP error."""
    return {"type": "error", "error": {"type": failed.type, "message": failed.message}}


def broken(kind: str) -> str:
    """The event with which a stream fails."""
    return _event("error", error={"type": kind, "message": "the stream failed"})


def _pieces(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "text":
        return {"type": "text", "text": ""}, [{"type": "text_delta", "text": word} for word in words(block["text"])]
    if block["type"] == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": word} for word in words(block["thinking"])]
        signed = {"type": "signature_delta", "signature": block["signature"]}
        return {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]
    written = words(json.dumps(block["input"]))
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in written]


def words(text: str) -> list[str]:
    """A text in pieces that give it back when joined."""
    parts = text.split(" ")
    return [*(f"{part} " for part in parts[:-1]), parts[-1]]


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write,
    }


def _event(kind: str, **data: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n"
