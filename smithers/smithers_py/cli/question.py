"""A question to a person as lines: what is asked, with the diff or the command line (P-1)."""

from collections.abc import Callable
from typing import Any

from smithers_py.cli.terminal import clean, shorten
from smithers_py.harness.models import ApprovalView

_MOST_LINES = 60
_WIDEST = 400


def question_lines(asked: ApprovalView) -> list[str]:
    """The title, and what a person needs to decide; a long diff is cut, `--json` has it whole."""
    payload: dict[str, Any] = asked.payload if isinstance(asked.payload, dict) else {}
    message = str(payload.get("message") or "").strip()
    # A title is the message's first line.
    lines = _cut(message, clean) if message.startswith(asked.title) else [clean(asked.title)]
    if payload.get("command"):
        lines += _command(str(payload["command"]))
    elif payload.get("diff"):
        lines += _cut(str(payload["diff"]), _visible)
    elif payload.get("args") is not None:
        lines.append(shorten(clean(f"{payload.get('tool', '')} {payload['args']}"), _WIDEST))
    if payload.get("note"):
        lines.append(f"note: {clean(str(payload['note']))}")
    lines += [f"  {clean(field)}" for field in asked.fields]
    if payload.get("refused"):
        lines.append(f"the last answer did not fit: {clean(str(payload['refused']))}")
    return lines


def _command(text: str) -> list[str]:
    """Whole, however long: a yes to a command is a yes to its end too."""
    first, *more = text.strip("\n").split("\n")
    return [f"$ {_visible(first)}", *(f"> {_visible(line)}" for line in more)]


def _visible(line: str) -> str:
    """Control characters and those that turn the direction of text as escapes: left out, they and what they enclose
    would be run, or written, without having been seen.
    """
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line.replace("\t", " "))


def _cut(text: str, shown: Callable[[str], str]) -> list[str]:
    lines = [shorten(shown(line), _WIDEST) for line in text.strip("\n").split("\n")]
    more = len(lines) - _MOST_LINES
    return lines if more <= 0 else [*lines[:_MOST_LINES], f"… {more:,} more lines (smithers approvals --json)"]
