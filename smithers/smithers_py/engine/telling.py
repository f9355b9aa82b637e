"""What an observer is told of a task's stream events (G-2)."""

from typing import Any

import orjson

_LONGEST = 80


def told_of(kind: str, payload: dict[str, Any]) -> str | None:
    """One event as `Observer.output` takes it; None: nothing for a screen."""
    if kind in ("stdout", "stderr", "text"):
        return str(payload.get("line", payload.get("text", "")))
    if kind == "usage":
        return str(payload.get("input_tokens", 0) + payload.get("output_tokens", 0))
    if kind == "tool":
        return tool_line(payload) if payload.get("phase") == "start" else ""
    return None


def tool_line(payload: dict[str, Any]) -> str:
    """`read a.txt`: the tool and what of its arguments says most, the first one."""
    tool, args = str(payload.get("tool", "")), payload.get("args")
    if isinstance(args, str):
        args = orjson.loads(args)
    if not isinstance(args, dict) or not args:
        return tool
    first = str(next(iter(args.values()))).strip().partition("\n")[0]
    return f"{tool} {first if len(first) <= _LONGEST else first[:_LONGEST] + '…'}"
