"""Progress in a pipe: one plain line on stderr for each status change."""

import sys
from typing import Self

from smithers_py.cli.terminal import clean, glyph, human_duration, note, shorten
from smithers_py.engine.asking import OF_PEOPLE
from smithers_py.engine.observer import FrameReport
from smithers_py.engine.results import RunResult
from smithers_py.harness.plan_view import PlanView, ViewNode

# A node that only takes its place has done nothing yet: no line, or a plan of 10,000 nodes would print 20,000.
_QUIET = frozenset({"idle", "scheduled"})


class PlainProgress:
    """The Observer that writes lines."""

    def __init__(self, view: PlanView) -> None:
        self.view = view
        # Messages of the frame that is about to be reported: a status line need not repeat them.
        self._told: list[str] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def started(self, execution_id: str, name: str) -> None:
        """Name the execution, so that another terminal can follow it."""
        self.view.begin(execution_id, name)
        note(f"run {clean(name)} {execution_id}")

    def frame(self, report: FrameReport) -> None:
        """A line for every node whose status changed in this frame: what ended first, then what began."""
        changed = self.view.apply(report.patches, report.statuses)
        self.view.frame = report.index
        for node in sorted(changed, key=lambda node: (node.status == "running", node.is_leaf)):
            if node.status not in _QUIET:
                note(self._line(node))
        self._told.clear()

    def _line(self, node: ViewNode) -> str:
        line = f"{glyph(node.status, sys.stderr)} {node.status:<9} {node.path()}"
        took = node.duration_ms(self.view.now())
        if took is not None and node.ended_ms is not None:
            line += f"  {human_duration(took)}"
        if node.detail and not any(node.detail in message for message in self._told):
            line += f"  {shorten(clean(node.detail), 300)}"
        if node.status == "blocked" and node.detail in OF_PEOPLE:
            line += f"  answer with: smithers approve {clean(node.node_id)}"
        return line

    def output(self, node_id: str, stream: str, line: str) -> None:
        """Output of commands and agents stays in the logs."""

    def log(self, level: str, message: str) -> None:
        """Warnings and errors of the engine."""
        if level == "error":
            self._told.append(message)
            note(clean(message))
        elif level == "warning":
            note(clean(f"warning: {message}"))

    def tell(self, message: str) -> None:
        """A word from the command line itself."""
        note(message)

    def ended(self, result: RunResult) -> None:
        """Nothing: the summary follows."""
