"""A text with its lines: offsets to lines and columns and back, and the errors that point into it."""

from bisect import bisect_right

from smithers_py.errors import PxSyntaxError


class Source:
    """A text of Python or `.px`. Offsets count characters; lines here count from 0, in errors from 1."""

    def __init__(self, text: str, filename: str) -> None:
        self.text = text
        self.filename = filename
        self._ascii = text.isascii()
        self._starts = [0]
        start = text.find("\n") + 1
        while start:
            self._starts.append(start)
            start = text.find("\n", start) + 1
        self._columns: dict[int, list[int]] = {}

    def line_of(self, offset: int) -> int:
        """The line of an offset."""
        return bisect_right(self._starts, offset) - 1

    def place_of(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, the column in bytes of UTF-8, as `ast` counts."""
        line = self.line_of(offset)
        column = offset - self._starts[line]
        return line, column if self._ascii else self._bytes_before(line)[column]

    def offset_of(self, line: int, column: int) -> int:
        """The offset of a line and a column in bytes; what lies beyond the text is its end."""
        if line >= len(self._starts):
            return len(self.text)
        if not self._ascii:
            column = bisect_right(self._bytes_before(line), column) - 1
        return min(self._starts[line] + column, len(self.text))

    def line_text(self, line: int) -> str:
        """A line without its line break."""
        end = self._starts[line + 1] - 1 if line + 1 < len(self._starts) else len(self.text)
        return self.text[self._starts[line] : end]

    def error(self, problem: str, expected: str, offset: int, end: int | None = None) -> PxSyntaxError:
        """The error at an offset; `end` is where the wrong part ends, if it is known to be longer than a character."""
        offset = min(offset, len(self.text))
        line = self.line_of(offset)
        column = offset - self._starts[line]
        text = self.line_text(line)
        width = 1 if end is None or self.line_of(end) != line else max(1, end - offset)
        return PxSyntaxError(
            problem,
            expected=expected,
            file=self.filename,
            line=line + 1,
            column=column + 1,
            end_column=column + 1 + width,
            text=text,
        )

    def _bytes_before(self, line: int) -> list[int]:
        """For each column of a line (and the one after it) the bytes before it. Kept: a line may be very long."""
        known = self._columns.get(line)
        if known is None:
            known = [0]
            for char in self.line_text(line):
                code = ord(char)
                known.append(known[-1] + (1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4))
            self._columns[line] = known
        return known
