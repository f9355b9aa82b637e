"""Pieces of Python text, each with the place in the `.px` source that it stands for, and the way back to it.

A piece is *verbatim* (a copy of the source from `start`) or made up (an attribute's `=`, a bracket), and then stands
for the whole of start to end. What an error or a traceback points at is always the source of some piece.
"""

from bisect import bisect_right
from typing import NamedTuple

from smithers_py.px.source import Source


class Piece(NamedTuple):
    """Python text for `source[start:end]`."""

    text: str
    start: int
    end: int
    verbatim: bool = False


Part = Piece | list["Part"]
"""Pieces nest as the elements do, so that an element's pieces are made once and given on as they are."""


def flat(parts: list[Part]) -> list[Piece]:
    """The pieces in order, at any depth."""
    found: list[Piece] = []
    stack: list[Part] = [parts]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack.extend(reversed(part))
        else:
            found.append(part)
    return found


class Generated:
    """The Python text of a source, and for each place in it the place in the source."""

    def __init__(self, source: Source, parts: list[Part]) -> None:
        self.source = source
        self._pieces: list[Piece] = []
        self._starts: list[int] = []
        """Offset in `text` at which each piece begins."""
        out: list[str] = []
        size = line = 0
        following = source.start_of(1)
        for piece in flat(parts):
            if piece.start >= following:
                # What was left out between two pieces had line breaks; they all lie within brackets.
                first = source.line_of(piece.start)
                out.append("\n" * (first - line))
                size += first - line
                line = first
                following = source.start_of(line + 1)
            self._starts.append(size)
            self._pieces.append(piece)
            out.append(piece.text)
            size += len(piece.text)
            if piece.verbatim and piece.end >= following:
                line += piece.text.count("\n")
                following = source.start_of(line + 1)
        self.text = "".join(out)
        self.lines = Source(self.text, source.filename)

    def origin(self, offset: int, *, end: bool = False) -> int:
        """The source offset of an offset in the text; with `end`, of the end of what reaches up to it."""
        at = bisect_right(self._starts, offset - 1 if end and offset else offset) - 1
        if at < 0:
            return 0
        piece = self._pieces[at]
        if piece.verbatim:
            return min(piece.start + offset - self._starts[at], piece.end)
        return piece.end if end else piece.start

    def place(self, line: int, column: int, *, end: bool = False) -> tuple[int, int, int]:
        """Line, column and offset in the source of a place in the text; columns in bytes, lines from 0."""
        source, lines = self.source, self.lines
        table = lines.bytes_before(line)
        offset = lines.starts[line] + (bisect_right(table, column) - 1 if table else column)
        at = bisect_right(self._starts, offset - end) - 1
        piece = self._pieces[at]
        if piece.verbatim:
            found = min(piece.start + offset - self._starts[at], piece.end)
        else:
            found = piece.end if end else piece.start
        start = source.starts[line]
        if not start <= found < source.start_of(line + 1):
            return *source.place_of(found), found
        table = source.bytes_before(line)
        return line, table[found - start] if table else found - start, found
