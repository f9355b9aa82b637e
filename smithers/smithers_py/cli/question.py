"""A question to a person as lines: what is asked, with the diff or the command line (P-1)."""

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
    lines = _cut(message) if message.startswith(asked.title) else [clean(asked.title)]
    if payload.get("command"):
        lines.append(f"$ {shorten(clean(str(payload['command'])), _WIDEST)}")
    elif payload.get("diff"):
        lines += _cut(str(payload["diff"]))
    elif payload.get("args") is not None:
        lines.append(shorten(clean(f"{payload.get('tool', '')} {payload['args']}"), _WIDEST))
    lines += [f"  {clean(field)}" for field in asked.fields]
    if payload.get("refused"):
        lines.append(f"the last answer did not fit: {clean(str(payload['refused']))}")
    return lines


def _cut(text: str) -> list[str]:
    lines = [shorten(clean(line), _WIDEST) for line in text.strip("\n").splitlines()]
    more = len(lines) - _MOST_LINES
    return lines if more <= 0 else [*lines[:_MOST_LINES], f"… {more:,} more lines (smithers approvals --json)"]
