"""Which rows of a plan fit into a terminal: failed and running ones first, the rest collapsed (F: live tree).

Pure: rows are numbered in plan order, and a row knows its parent's number. The choice is made in two passes.
1. Urgent rows in order of urgency, each with its nearest ancestors, so that one sees what is happening and where.
2. What room is left is filled outward from the rows already shown, or from the top.
A stretch of hidden rows is one line, "… 9,950 more", and counts as a line.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """`count` hidden rows, the first of them being row `first`."""

    first: int
    count: int


CALM = 9
"""The urgency of a row that need not be shown; a smaller number is more urgent."""


def choose_rows(parents: Sequence[int], urgency: Sequence[int], height: int) -> list[int | Gap]:
    """The lines to draw, at most `height` of them: row numbers and gaps, in plan order.

    `parents[i]` is the row of i's parent (-1 for a root), always smaller than i. `urgency[i]` is CALM or less.
    """
    total = len(parents)
    if total <= height:
        return list(range(total))
    if height < 2:
        # No room for a row and the word that there are more: the word alone.
        return [Gap(0, total)] if height == 1 else []
    choice = _Choice(total, height)
    chain_limit = max(3, height // 4)
    urgent = sorted((row for row in range(total) if urgency[row] < CALM), key=lambda row: urgency[row])
    for row in urgent:
        if choice.lines >= height:
            break
        at = row
        for _ in range(chain_limit):
            if at < 0 or not choice.add(at):
                break
            at = parents[at]
    choice.fill()
    return choice.result()


class _Choice:
    def __init__(self, total: int, height: int) -> None:
        self.total = total
        self.height = height
        # One sentinel at each end, shown, so that the edges are no special case.
        self.shown = bytearray(total + 2)
        self.shown[0] = self.shown[-1] = 1
        self.lines = 1
        self.rows: list[int] = []

    def add(self, row: int) -> bool:
        """Show a row if it fits; True when the row is shown."""
        place = row + 1
        if self.shown[place]:
            return True
        # One more row; it splits a gap (two hidden neighbours), shortens one, or closes one (none hidden).
        hidden = 2 - self.shown[place - 1] - self.shown[place + 1]
        grown = self.lines + hidden
        if grown > self.height:
            return False
        self.shown[place] = 1
        self.lines = grown
        self.rows.append(row)
        return True

    def fill(self) -> None:
        if not self.rows:
            self.add(0)
        edge = deque(self.rows)
        while edge:
            row = edge.popleft()
            for near in (row + 1, row - 1):
                if 0 <= near < self.total and not self.shown[near + 1] and self.add(near):
                    edge.append(near)

    def result(self) -> list[int | Gap]:
        lines: list[int | Gap] = []
        hidden_from = 0
        for row in sorted(self.rows):
            if row > hidden_from:
                lines.append(Gap(hidden_from, row - hidden_from))
            lines.append(row)
            hidden_from = row + 1
        if hidden_from < self.total:
            lines.append(Gap(hidden_from, self.total - hidden_from))
        return lines
