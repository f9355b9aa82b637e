"""The OpenAI Responses protocol, which PydanticAI's `openai:` models speak."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from smithers_py.loopback.anthropic import words
from smithers_py.loopback.conversation import Request, Tool, ToolCall, Turns, answer_place, arguments, text_of
from smithers_py.loopback.openai_chat import failure
from smithers_py.loopback.replies import Reply, Usage

__all__ = ["PATH", "body", "broken", "events", "failure", "read"]

PATH = "/v1/responses"


def read(raw: Mapping[str, Any], headers: Mapping[str, str]) -> Request:
    """The request in our form."""
    turns = Turns()
    system = [raw.get("instructions") or ""]
    given: Any = raw["input"]
    items: list[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else given
    for item in items:
        kind = item.get("type", "message")
        if kind == "function_call":
            turns.add("assistant", calls=(ToolCall(item["name"], arguments(item["arguments"]), item["call_id"]),))
        elif kind == "function_call_output":
            turns.result(item["call_id"], text_of(item["output"]))
        elif kind == "message" and item["role"] in {"system", "developer"}:
            system.append(text_of(item["content"]))
        elif kind == "message":
            turns.add(item["role"], text_of(item["content"]))
    functions = [one for one in raw.get("tools") or () if one["type"] == "function"]
    tools = tuple(Tool(one["name"], one.get("description") or "", one.get("parameters") or {}) for one in functions)
    form = (raw.get("text") or {}).get("format") or {}
    schema, output_tool = answer_place(tools, form.get("schema"))
    return Request(
        protocol="openai-responses",
        model=raw["model"],
        system="\n".join(filter(None, system)),
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
    return {**_head(request, number, "completed"), "output": _output(reply, number), "usage": _usage(reply.usage)}


def events(reply: Reply, request: Request, number: int) -> Iterator[str]:
    """The same as a stream's events, a word at a time."""
    count = 0

    def event(kind: str, **data: Any) -> str:
        nonlocal count
        count += 1
        return _event(kind, sequence_number=count - 1, **data)

    opening = {**_head(request, number, "in_progress"), "output": []}
    yield event("response.created", response=opening)
    for index, item in enumerate(_output(reply, number)):
        place = {"output_index": index, "item_id": item["id"]}
        if item["type"] == "message":
            part = item["content"][0]
            inside = {**place, "content_index": 0}
            blank = {**item, "status": "in_progress", "content": []}
            yield event("response.output_item.added", output_index=index, item=blank)
            yield event("response.content_part.added", **inside, part={**part, "text": ""})
            for word in words(part["text"]):
                yield event("response.output_text.delta", **inside, delta=word, logprobs=[])
            yield event("response.output_text.done", **inside, text=part["text"], logprobs=[])
            yield event("response.content_part.done", **inside, part=part)
        elif item["type"] == "function_call":
            blank = {**item, "status": "in_progress", "arguments": ""}
            yield event("response.output_item.added", output_index=index, item=blank)
            for word in words(item["arguments"]):
                yield event("response.function_call_arguments.delta", **place, delta=word)
            yield event("response.function_call_arguments.done", **place, arguments=item["arguments"])
        else:
            text = item["summary"][0]["text"]
            inside = {**place, "summary_index": 0}
            yield event("response.output_item.added", output_index=index, item={**item, "summary": []})
            part = {"type": "summary_text", "text": ""}
            yield event("response.reasoning_summary_part.added", **inside, part=part)
            for word in words(text):
                yield event("response.reasoning_summary_text.delta", **inside, delta=word)
            yield event("response.reasoning_summary_text.done", **inside, text=text)
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=body(reply, request, number))


def broken(kind: str) -> str:
    """The event with which a stream fails."""
    return _event("error", sequence_number=0, code=kind, message="the stream failed", param=None)


def _output(reply: Reply, number: int) -> list[dict[str, Any]]:
    output: list[dict[str, Any]] = []
    if reply.thinking:
        summary = [{"type": "summary_text", "text": reply.thinking}]
        output.append({"type": "reasoning", "id": f"rs_{number}", "summary": summary})
    if reply.text or not (reply.tool_calls or reply.thinking):
        part = {"type": "output_text", "text": reply.text, "annotations": []}
        message = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed"}
        output.append({**message, "content": [part]})
    for index, one in enumerate(reply.tool_calls):
        function = {"name": one.name, "arguments": json.dumps(one.args), "call_id": one.id}
        output.append({"type": "function_call", "id": f"fc_{number}_{index}", "status": "completed", **function})
    return output


def _head(request: Request, number: int, status: str) -> dict[str, Any]:
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": request.model,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
    }


def _usage(usage: Usage | None) -> dict[str, Any]:
    usage = usage or Usage(1, 1)
    sent = usage.input + usage.cache_read + usage.cache_write
    return {
        "input_tokens": sent,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sent + usage.output,
    }


def _event(kind: str, **data: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n"
