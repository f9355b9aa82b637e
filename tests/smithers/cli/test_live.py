"""The live tree: what is drawn, how much and how often."""

import asyncio
import io

import pytest
from rich.console import Console

from smithers_py.cli.live import LiveProgress
from smithers_py.cli.plain import PlainProgress
from smithers_py.clock import SystemClock
from smithers_py.engine.observer import FrameReport
from smithers_py.engine.results import RunResult
from smithers_py.harness.plan_view import PlanView

pytestmark = pytest.mark.requirement("C-3", "T-8")

PLAN = [
    ["+", "root", None, None, "App", None, {}],
    ["+", "b", "root", None, "Phase", "build", {}],
    ["+", "c", "b", None, "Command", None, {"argv": ["make"]}],
]


def on_screen(progress, console, height):
    with console.capture() as captured:
        console.print(progress.render(height))
    return captured.get().splitlines()


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=60, height=12, force_terminal=True, no_color=True, highlight=False)


@pytest.fixture
def progress(console):
    async def make():
        return LiveProgress(PlanView(SystemClock()), console)

    return asyncio.run(make())


def test_a_line_has_glyph_label_word_and_last_output(progress, console):
    progress.started("ex1", "demo")
    progress.frame(FrameReport(3, PLAN, [("c", "running", None)]))
    progress.output("c", "stdout", "\x1b[31mcompiling\x1b[0m main.c")
    lines = on_screen(progress, console, 12)
    assert lines[2].startswith("    ")
    for part in ("Command c", "running", "compiling main.c"):
        assert part in lines[2]
    for part in ("running", "demo ex1", "frame 3", "1 running"):
        assert part in lines[-1]


def test_a_long_line_is_cut_to_the_width(progress, console):
    progress.started("ex1", "demo")
    progress.frame(FrameReport(0, PLAN, [("c", "failed", "x" * 500)]))
    assert all(len(line) <= 60 for line in on_screen(progress, console, 12))


@pytest.mark.parametrize("height", [3, 8, 24])
def test_ten_thousand_nodes_fit_and_the_running_one_is_seen(progress, console, height):
    many = [["+", f"n{n}", "b", f"n{n - 1}" if n else "c", "Task", None, {}] for n in range(10_000)]
    progress.started("ex1", "demo")
    progress.frame(FrameReport(0, PLAN + many, [("n7000", "running", None)]))
    lines = on_screen(progress, console, height)
    assert len(lines) < height
    if height > 3:
        assert any("n7000" in line and "running" in line for line in lines)
    assert any("more" in line and "," in line for line in lines)


def test_frames_only_mark_and_drawing_keeps_its_distance():
    async def body():
        out = io.StringIO()
        console = Console(file=out, width=60, height=12, force_terminal=True, no_color=True)
        progress = LiveProgress(PlanView(SystemClock()), console)
        async with progress:
            progress.started("ex1", "demo")
            progress.frame(FrameReport(0, PLAN, []))
            before = out.tell()
            for n in range(1_000):
                progress.frame(FrameReport(n, [], [("c", "running" if n % 2 else "scheduled", None)]))
            assert out.tell() == before
            progress.ended(RunResult("ex1", "completed", 0, 1_000, 10))
        return out.getvalue()

    drawn = asyncio.run(body())
    assert drawn.count("completed") == 1
    assert drawn.endswith("\x1b[?25h")


def test_plain_lines_are_one_for_each_change(capsys):
    progress = PlainProgress(PlanView(SystemClock()))
    progress.started("ex1", "demo")
    progress.frame(FrameReport(0, PLAN, [("b", "running", None), ("c", "scheduled", None)]))
    progress.frame(FrameReport(1, [], [("c", "running", None)]))
    progress.frame(FrameReport(2, [], [("c", "running", None)]))
    progress.frame(FrameReport(3, [], [("c", "failed", "exit\ncode 1")]))
    progress.log("info", "nothing")
    progress.log("warning", "a late result was ignored")
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert captured.out == ""
    assert len(lines) == 5
    assert lines[0] == "run demo ex1"
    assert lines[2].endswith("running   Phase build / Command c")
    assert "failed    Phase build / Command c" in lines[3]
    assert lines[3].endswith("exit code 1")
    assert lines[4] == "warning: a late result was ignored"
