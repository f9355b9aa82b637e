"""A text with its lines: offsets to lines and columns and back, and the errors that point into it."""

from bisect import bisect_right

from smithers_py.errors import PxSyntaxError


class Source:
    """A text of Python or `.px`. Offsets count characters; lines here count from 0, in errors from 1."""

    def __init__(self, text: str, filename: str) -> None:
        self.text = text
        self.filename = filename
        self.starts = [0]
        start = text.find("\n") + 1
        while start:
            self.starts.append(start)
            start = text.find("\n", start) + 1
        ascii_only = text.isascii()
        self._wide = set[int]() if ascii_only else {n for n, line in enumerate(text.split("\n")) if not line.isascii()}
        self._columns: dict[int, list[int]] = {}

    def start_of(self, line: int) -> int:
        """The offset at which a line begins; beyond the text for a line that is not there."""
        return self.starts[line] if line < len(self.starts) else len(self.text) + 1

    def line_of(self, offset: int) -> int:
        """The line of an offset."""
        return bisect_right(self.starts, offset) - 1

    def place_of(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, the column in bytes of UTF-8, as `ast` counts."""
        line = self.line_of(offset)
        column = offset - self.starts[line]
        return line, self.bytes_before(line)[column] if line in self._wide else column

    def offset_of(self, line: int, column: int) -> int:
        """The offset of a line and a column in bytes; what lies beyond the text is its end."""
        if line >= len(self.starts):
            return len(self.text)
        if line in self._wide:
            column = bisect_right(self.bytes_before(line), column) - 1
        return min(self.starts[line] + column, len(self.text))

    def line_text(self, line: int) -> str:
        """A line without its line break."""
        end = self.starts[line + 1] - 1 if line + 1 < len(self.starts) else len(self.text)
        return self.text[self.starts[line] : end]

    def error(self, problem: str, expected: str, offset: int, end: int | None = None) -> PxSyntaxError:
        """The error at an offset; `end` is where the wrong part ends, if it is known to be longer than a character."""
        offset = min(offset, len(self.text))
        line = self.line_of(offset)
        column = offset - self.starts[line]
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

    def bytes_before(self, line: int) -> list[int]:
        """For each column of a line (and the one after it) the bytes before it; empty where both count the same.

        Kept: a line may be very long.
        """
        if line not in self._wide:
            return []
        known = self._columns.get(line)
        if known is None:
            known = [0]
            for char in self.line_text(line):
                code = ord(char)
                known.append(known[-1] + (1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4))
            self._columns[line] = known
        return known
