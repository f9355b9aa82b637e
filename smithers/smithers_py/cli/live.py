"""Progress on a terminal: the plan as a live tree on stderr, drawn at most 12 times a second (C-3).

The observer's calls only change the view and mark it dirty; a task of its own draws. Drawing walks the whole plan
(1 ms per 3,000 nodes), so after a draw that took t the next one waits at least 10 t: never more than a tenth of
the loop's time, whatever the size of the plan.
"""

import asyncio
import contextlib
import sys
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.style import Style
from rich.text import Text

from smithers_py.cli.terminal import ansi_colour, clean, glyph, human_count, human_duration
from smithers_py.cli.window import CALM, Gap, choose_rows
from smithers_py.engine.asking import OF_PEOPLE
from smithers_py.engine.observer import FrameReport
from smithers_py.engine.results import RunResult
from smithers_py.harness.plan_view import PlanView, ViewNode

_SHORTEST_S = 1 / 12
_TICK_S = 0.25  # how often running durations move when nothing else changes
_URGENCY = {"failed": 0, "running": 1, "blocked": 2, "cancelled": 3}
_STYLES = {"90": "bright_black", "36": "cyan", "32": "green", "31": "red", "33": "yellow", "0": "default"}
_MAX_INDENT = 40


class LiveProgress:
    """The Observer that keeps a tree on the screen; an async context manager around the run."""

    def __init__(self, view: PlanView, console: Console | None = None) -> None:
        self.view = view
        self.console = console or Console(stderr=True, highlight=False)
        self._dirty = asyncio.Event()
        self.asked = asyncio.Event()
        """A node waits for a person."""
        self._held = False
        self._message = ""
        # Kept from before Rich puts its own stream in place, whose encoding nobody can ask.
        self._stream = sys.stderr
        # Prints of the user's code go above the tree when they would land on the same screen, else where they went.
        self._live = Live(
            console=self.console,
            auto_refresh=False,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=True,
            vertical_overflow="crop",
        )
        self._drawing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._live.start()
        self._drawing = asyncio.create_task(self._draw_until_cancelled())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._drawing
        # Stopping draws once more, which leaves the last state of the plan on the screen.
        self._live.update(self.render(self.console.height))
        self._live.stop()

    def started(self, execution_id: str, name: str) -> None:
        """Show the execution's name and id."""
        self.view.begin(execution_id, name)
        self._dirty.set()

    def frame(self, report: FrameReport) -> None:
        """Take over a frame's patches and statuses."""
        self.view.apply(report.patches, report.statuses)
        self.view.frame = report.index
        self._dirty.set()
        if any(status == "blocked" and detail in OF_PEOPLE for _, status, detail in report.statuses):
            self.asked.set()

    def output(self, node_id: str, stream: str, line: str) -> None:
        """Keep what the node does."""
        self.view.output(node_id, stream, line)
        self._dirty.set()

    def log(self, level: str, message: str) -> None:
        """Print warnings above the tree. Errors are in it, at the node that failed, and in the summary."""
        if level == "warning":
            self.console.print(Text(clean(f"{level}: {message}"), style="yellow"))

    def tell(self, message: str) -> None:
        """A word from the command line itself, shown in the last line."""
        self._message = message
        self._dirty.set()

    def hold(self) -> None:
        """Leave the screen to a question: the tree stays above it as it is now."""
        self._draw()
        self._held = True
        self._live.stop()

    def release(self) -> None:
        """Draw the tree again, below what was asked."""
        self._held = False
        self._live.start()
        self._dirty.set()

    def ended(self, result: RunResult) -> None:
        """Show the result's status in the last line."""
        self.view.status = result.status
        self._message = ""
        self._dirty.set()

    async def _draw_until_cancelled(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._dirty.wait(), _TICK_S)
            self._dirty.clear()
            before = loop.time()
            self._draw()
            await asyncio.sleep(max(_SHORTEST_S, 10 * (loop.time() - before)))

    def _draw(self) -> None:
        if self._held:
            return
        self._live.update(self.render(self.console.height), refresh=True)

    def render(self, height: int) -> Group:
        """What is drawn on a terminal of that many lines."""
        rows = self.view.rows()
        numbers = {node.node_id: number for number, (_, node) in enumerate(rows)}
        lines = choose_rows(
            [-1 if node.parent is None else numbers.get(node.parent, -1) for _, node in rows],
            [_URGENCY.get(node.status, CALM) for _, node in rows],
            max(1, height - 2),
        )
        drawn = [
            self._gap_line(line, rows) if isinstance(line, Gap) else self._node_line(*rows[line]) for line in lines
        ]
        return Group(*drawn, self._last_line())

    def _node_line(self, depth: int, node: ViewNode) -> Text:
        style = _STYLES[ansi_colour(node.status)]
        text = Text(_indent(depth), no_wrap=True, overflow="ellipsis")
        text.append(glyph(node.status, self._stream), style=style)
        text.append(f" {node.label()} ")
        if node.status != "idle":
            text.append(node.status, style=style)
        took = node.duration_ms(self.view.now())
        if took is not None:
            text.append(f" {human_duration(took)}", style="bright_black")
        if node.tokens:
            text.append(f" {human_count(node.tokens)} tokens", style="bright_black")
        if node.tool:
            text.append(f"  {clean(node.tool)}", style="cyan")
        told = node.detail or node.last_line
        if told:
            text.append(f"  {clean(told)}", style="red" if node.status == "failed" else "bright_black")
        return text

    def _gap_line(self, gap: Gap, rows: list[tuple[int, ViewNode]]) -> Text:
        more = "…" if glyph("idle", self._stream) == "·" else "..."
        return Text(f"{_indent(rows[gap.first][0])}{more} {gap.count:,} more", style=Style(color="bright_black"))

    def _last_line(self) -> Text:
        view = self.view
        style = _STYLES[ansi_colour(view.status)]
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{glyph(view.status, self._stream)} {view.status}", style=style)
        text.append(
            f"  {clean(view.name)} {view.execution_id}  frame {view.frame}  {human_duration(view.elapsed_ms())}"
        )
        counted = ", ".join(f"{count:,} {status}" for status, count in view.counts() if status != "idle")
        if self._message:
            text.append(f"  {self._message}", style="yellow")
        elif counted:
            text.append(f"  {counted}")
        return text


def _indent(depth: int) -> str:
    return "  " * depth if depth <= _MAX_INDENT else "  " * (_MAX_INDENT - 2) + f"[{depth}] "
