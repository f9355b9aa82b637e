"""Where something happened, and what was probably meant: the parts every error's text is made of."""

import re
import sys
from collections.abc import Iterable
from functools import cache
from itertools import islice
from types import TracebackType
from typing import NamedTuple


class Where(NamedTuple):
    """Where an error happened; what is not known is None.

    `line` counts from 1, `column` and `end_column` (just after it) characters from 1; `text` is the source line. These
    three are for the caret under the line. (No dataclass: to import what makes those costs a script 10 ms.)
    """

    execution_id: str | None = None
    frame: int | None = None
    node: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    end_column: int | None = None
    text: str | None = None

    def __str__(self) -> str:
        parts: list[str] = []
        if self.node:
            parts.append(f"at {self.node}")
        if self.file:
            parts.append(f"in {self.file}:{self.line}" if self.line else f"in {self.file}")
        if self.frame is not None:
            parts.append(f"frame {self.frame}")
        if self.execution_id:
            parts.append(f"execution {self.execution_id}")
        return ", ".join(parts)


NOWHERE = Where()
_LONGEST_TEXT = 400
"""Characters of a source line that an error keeps; of a longer one only its number is told."""


def did_you_mean(name: str, known: Iterable[str], *, label: str = "") -> str:
    """A hint: the nearest of `known` if one is near, else all of them (the first twenty)."""
    import difflib  # only errors need it

    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    if not names:
        return ""
    listed = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return f"{label or 'Known names'}: {listed}."


def suggestion(error: BaseException) -> str:
    """What was probably meant by a name that the user's code got wrong; empty when nothing is near."""
    if isinstance(error, AttributeError):
        known = [] if error.obj is None else [name for name in dir(error.obj) if not name.startswith("_")]
    elif isinstance(error, NameError):
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        known = [*trace.tb_frame.f_locals, *trace.tb_frame.f_globals] if trace is not None else []
        if error.name == "ctx":
            return "Name the context as the function's first parameter: ctx."
    elif isinstance(error, ImportError) and error.name in sys.modules:
        found = re.match(r"cannot import name '(\w+)'", error.msg)
        near = did_you_mean(found[1], dir(sys.modules[error.name])) if found is not None else ""
        return near if near.startswith("Did") else ""
    else:
        return ""
    near = did_you_mean(error.name, known) if error.name else ""
    return near if near.startswith("Did") else ""


def an(noun: str) -> str:
    """`noun` with its article: "a list", "an int"."""
    return f"{'an' if noun[:1].lower() in 'aeio' else 'a'} {noun}"


@cache
def _not_the_users() -> tuple[str, ...]:
    """How the file names of our own code and of libraries begin."""
    import sysconfig  # reads the build's data: too slow for an import that may never fail
    from importlib.util import find_spec
    from pathlib import Path

    libraries = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    # In a checkout our packages are not among the libraries.
    packages = [find_spec(name) for name in ("smithers_reactive", "smithers_persistence")]
    ours = {str(Path(spec.origin).parent) for spec in packages if spec is not None and spec.origin is not None}
    return (str(Path(__file__).parent), *libraries, *ours, "<frozen")


def is_users(file: str) -> bool:
    """Whether the code of a file is neither ours nor a library's nor Python's own."""
    return not file.startswith(_not_the_users())


def user_location(error: BaseException) -> tuple[str, int] | None:
    """File and line (from 1) of the innermost frame of the user's own code in the error's traceback, if any."""
    place = user_place(error)
    return None if place is None or place.file is None or place.line is None else (place.file, place.line)


def user_place(error: BaseException) -> Where | None:
    """The same with the columns and the text of what was being evaluated there, as far as Python knows them (A-3)."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        text = (error.text or "").rstrip("\n") or None
        return Where(None, None, None, error.filename, error.lineno, error.offset, error.end_offset, text)
    found: TracebackType | None = None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if is_users(trace.tb_frame.f_code.co_filename):
            found = trace
        trace = trace.tb_next
    return None if found is None else _evaluated(found)


def _evaluated(trace: TracebackType) -> Where:
    """What a frame was evaluating when it raised."""
    import linecache

    code = trace.tb_frame.f_code
    plain = Where(file=code.co_filename, line=trace.tb_lineno)
    positions = next(islice(code.co_positions(), trace.tb_lasti // 2, None), (None,) * 4)
    line, end_line, start, end = positions
    if line is None or line != trace.tb_lineno or start is None or end is None:
        return plain
    text = linecache.getline(code.co_filename, line).rstrip("\n")
    if not text or len(text) > _LONGEST_TEXT:
        return plain
    column = column_of(text, start)
    stop = column_of(text, end) if end_line == line else len(text) + 1
    return plain._replace(column=column, end_column=max(stop, column + 1), text=text)


def column_of(line: str, before: int) -> int:
    """The column, in characters from 1, of a place that has so many bytes of UTF-8 before it, as Python counts."""
    return len(line.encode(errors="surrogatepass")[:before].decode(errors="replace")) + 1


def excerpt(text: str, column: int, end_column: int | None) -> tuple[str, str]:
    """A source line and the line of carets under it, both without the indentation; columns count from 1."""
    shown = text.lstrip()
    start = max(0, column - 1 - (len(text) - len(shown)))
    stop = max(start + 1, (end_column or column + 1) - 1 - (len(text) - len(shown)))
    before = "".join("\t" if char == "\t" else " " * _width(char) for char in shown[:start])
    return shown.rstrip(), before + "^" * max(1, sum(_width(char) for char in shown[start:stop]))


def _width(char: str) -> int:
    """Columns of a terminal that a character takes."""
    import unicodedata  # a table of its own

    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
