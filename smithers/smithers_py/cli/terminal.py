"""Words, glyphs, colours and columns of the human output. Data goes to stdout, progress to stderr (C-3)."""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TextIO

from smithers_py.where import excerpt

# Status of a node (T-8) or an execution (Z-21) → glyph, glyph where only ASCII can be written, ANSI colour.
_MARKS: dict[str, tuple[str, str, str]] = {
    "idle": ("·", ".", "90"),
    "scheduled": ("○", "o", "90"),
    "running": ("●", "*", "36"),
    "succeeded": ("✓", "+", "32"),
    "failed": ("✗", "x", "31"),
    "blocked": ("◆", "?", "33"),
    "waiting": ("◆", "?", "33"),
    "cancelled": ("⊘", "-", "33"),
    "abandoned": ("⊘", "-", "31"),
    "skipped": ("↷", ">", "90"),
    "paused": ("‖", "=", "33"),
    "completed": ("✓", "+", "32"),
    "done": ("✓", "+", "32"),
    "denied": ("✗", "x", "33"),
    "open": ("●", "*", "36"),
    "stopped": ("■", "#", "33"),
    "stalled": ("⚠", "!", "31"),
    "orphaned": ("⚠", "!", "31"),
    "stale": ("⚠", "!", "33"),
    "recovering": ("●", "*", "33"),
    "terminated": ("✗", "x", "31"),
}
_UNKNOWN = ("·", ".", "0")

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """`text` on one line without control characters: a program's output must not steer the user's terminal."""
    return _CONTROL.sub("", text.replace("\t", " ").replace("\n", " "))


def can_write(stream: TextIO, text: str) -> bool:
    """Whether the stream's encoding has the characters of `text`."""
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def glyph(status: str, stream: TextIO) -> str:
    """The one-character mark of a status; never the only sign of it, the word stands beside it (U-2)."""
    mark = _mark(status)
    return mark[0] if can_write(stream, mark[0]) else mark[1]


def ansi_colour(status: str) -> str:
    """The SGR number of a status's colour."""
    return _mark(status)[2]


def _mark(status: str) -> tuple[str, str, str]:
    # `failed(handler)`, `waiting-human`: the word before the bracket or dash has the mark.
    return _MARKS.get(re.split(r"[(-]", status, maxsplit=1)[0], _UNKNOWN)


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at the stream and cursor movement works there."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def paint(text: str, status: str, stream: TextIO) -> str:
    """`text` in the colour of `status`, if the stream is a terminal and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR") or not is_terminal(stream):
        return text
    return f"\x1b[{ansi_colour(status)}m{text}\x1b[0m"


def human_count(count: int) -> str:
    """`950`, `1.2k`, `45k`, `3.1M`."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            shown = count / size
            return f"{shown:.1f}{unit}" if shown < 10 else f"{shown:.0f}{unit}"
    return str(count)


def human_duration(ms: float | None) -> str:
    """Milliseconds for people: 0.4s, 12.3s, 3m05s, 2h03m; empty when unknown."""
    if ms is None:
        return ""
    seconds = ms / 1000
    if seconds < 59.95:
        return f"{seconds:.1f}s" if seconds >= 0.1 else f"{ms:.0f}ms"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def human_time(ms: int | None) -> str:
    """Milliseconds since the epoch as local date and time; empty when unknown."""
    return "" if ms is None else datetime.fromtimestamp(ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def shorten(text: str, width: int) -> str:
    """`text` cut to `width` characters, with an ellipsis if it was longer."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def error_text(error: Any) -> str:
    """A stored error for people: its message, where it happened (file:line) and what to do."""
    if not isinstance(error, dict):
        return str(error)
    where = error.get("where") or {}
    place = f" ({where['file']}:{where['line']})" if where.get("file") and where.get("line") else ""
    hint = f" {error['hint']}" if error.get("hint") else ""
    return f"{error.get('message', error)}{place}.{hint}"


def caret_lines(error: Any) -> list[str]:
    """The line of a `.px` file that an error (its JSON form) happened in, and carets under the expression (A-3).

    Nothing for other files: their line is told in the one paragraph that an error is.
    """
    where = (error.get("where") or {}) if isinstance(error, dict) else {}
    text, column, file = where.get("text"), where.get("column"), str(where.get("file"))
    if not text or not column or not (file.endswith(".px") or error.get("code") == "E205"):
        return []
    number = str(where.get("line", ""))
    source, carets = excerpt(text, column, where.get("end_column"))
    return [clean(f"  {number} | {source}"), f"  {' ' * len(number)} | {carets}"]


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, status_column: int | None = None) -> None:
    """Print aligned columns to stdout: on a terminal cut to its width, in a pipe whole."""
    out = sys.stdout
    body = [[clean(cell) for cell in row] for row in rows]
    widths = [max(len(line[at]) for line in [list(header), *body]) for at in range(len(header))]
    room = shutil.get_terminal_size().columns if is_terminal(out) else None
    for number, line in enumerate([list(header), *body]):
        cells = [cell.ljust(widths[at]) for at, cell in enumerate(line)]
        cells[-1] = line[-1]
        if room is not None:
            used = sum(len(cell) + 2 for cell in cells[:-1])
            cells[-1] = shorten(cells[-1], max(10, room - used))
        if number and status_column is not None:
            cells[status_column] = paint(cells[status_column], line[status_column].split(" ")[-1], out)
        say("  ".join(cells).rstrip())


def say(text: str = "") -> None:
    """Print a line of data to stdout; what its encoding lacks is written as an escape instead of failing."""
    out = sys.stdout
    out.write((text if can_write(out, text) else _escaped(text, out)) + "\n")


def note(text: str) -> None:
    """Print a line of progress or error to stderr."""
    sys.stderr.write((text if can_write(sys.stderr, text) else _escaped(text, sys.stderr)) + "\n")
    sys.stderr.flush()


def _escaped(text: str, stream: TextIO) -> str:
    encoding = stream.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def write_json(value: Any) -> None:
    """Print one JSON value on one line of stdout (C-3). Pydantic models are written by their fields."""
    from pydantic_core import to_json

    out = sys.stdout
    text = to_json(value).decode()
    # JSON has an escape of its own for what the stream's encoding cannot carry.
    if not can_write(out, text):
        import json

        text = json.dumps(json.loads(text), separators=(",", ":"))
    out.write(text + "\n")
