"""The OpenAI Chat Completions protocol, which most other providers speak too."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from smithers_py.loopback.anthropic import words
from smithers_py.loopback.conversation import Request, Tool, ToolCall, Turns, answer_place, arguments, text_of
from smithers_py.loopback.replies import Failure, Reply, Usage

PATH = "/v1/chat/completions"


def read(raw: Mapping[str, Any], headers: Mapping[str, str]) -> Request:
    """The request in our form."""
    turns = Turns()
    system: list[str] = []
    for message in raw["messages"]:
        text = text_of(message.get("content"))
        if message["role"] in {"system", "developer"}:
            system.append(text)
        elif message["role"] == "tool":
            turns.result(message["tool_call_id"], text)
        else:
            calls = tuple(
                ToolCall(one["function"]["name"], arguments(one["function"]["arguments"]), one["id"])
                for one in message.get("tool_calls") or ()
            )
            turns.add(message["role"], text, calls)
    functions = [one["function"] for one in raw.get("tools") or () if one["type"] == "function"]
    tools = tuple(Tool(one["name"], one.get("description", ""), one.get("parameters", {})) for one in functions)
    form = (raw.get("response_format") or {}).get("json_schema") or {}
    schema, output_tool = answer_place(tools, form.get("schema"))
    return Request(
        protocol="openai-chat",
        model=raw["model"],
        system="\n".join(system),
        messages=turns.messages(),
        tools=tools,
        schema=schema,
        output_tool=output_tool,
        stream=bool(raw.get("stream")),
        raw=raw,
        headers=headers,
    )


def body(reply: Reply, request: Request, number: int) -> dict[str, Any]:
    """The whole answer; this protocol has no thinking."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.tool_calls:
        message["tool_calls"] = [_call(one) for one in reply.tool_calls]
    choice = {"index": 0, "message": message, "finish_reason": _reason(reply)}
    return {**_head(request, number, "chat.completion"), "choices": [choice], "usage": _usage(reply.usage)}


def events(reply: Reply, request: Request, number: int) -> Iterator[str]:
    """The same as a stream's events, a word at a time."""
    head = _head(request, number, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], reason: str | None = None) -> str:
        return _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    yield chunk({"role": "assistant", "content": ""})
    for word in words(reply.text) if reply.text else ():
        yield chunk({"content": word})
    for index, one in enumerate(reply.tool_calls):
        made = _call(one)
        written = words(made["function"]["arguments"])
        made["function"]["arguments"] = ""
        yield chunk({"tool_calls": [{"index": index, **made}]})
        for part in written:
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
    yield chunk({}, _reason(reply))
    if (request.raw.get("stream_options") or {}).get("include_usage"):
        yield _event({**head, "choices": [], "usage": _usage(reply.usage)})
    yield "data: [DONE]\n\n"


def failure(failed: Failure) -> dict[str, Any]:
    """The body of an HTTP error."""
    return {"error": {"message": failed.message, "type": failed.type, "param": None, "code": failed.type}}


def broken(kind: str) -> str:
    """The event with which a stream fails."""
    return _event({"error": {"message": "the stream failed", "type": kind, "code": kind}})


def _call(one: ToolCall) -> dict[str, Any]:
    return {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": json.dumps(one.args)}}


def _reason(reply: Reply) -> str:
    return "tool_calls" if reply.tool_calls else "stop"


def _head(request: Request, number: int, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": 1, "model": request.model}


def _usage(usage: Usage | None) -> dict[str, Any]:
    usage = usage or Usage(1, 1)
    sent = usage.input + usage.cache_read + usage.cache_write
    return {
        "prompt_tokens": sent,
        "completion_tokens": usage.output,
        "total_tokens": sent + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
    }


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"
