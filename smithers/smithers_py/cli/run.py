"""`smithers run`: start the engine, show its progress, print the result."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smithers_py.cli.failure import FAILED, INTERRUPTED, report, report_strays
from smithers_py.cli.interrupt import Interrupts
from smithers_py.cli.plain import PlainProgress
from smithers_py.cli.summary import database_flag, print_summary
from smithers_py.cli.terminal import is_terminal, note, write_json
from smithers_py.cli.trace import trace, tracing
from smithers_py.clock import SystemClock
from smithers_py.engine.launch import RunOptions, StopRequest, run_script
from smithers_py.engine.observer import Observer
from smithers_py.engine.results import RunResult
from smithers_py.errors import SmithersError
from smithers_py.harness.plan_view import PlanView

if TYPE_CHECKING:
    from smithers_py.cli.lines import Lines

Engine = Callable[[Observer, StopRequest], Awaitable[RunResult]]
"""Starts or resumes an execution and drives it to its end."""

Beside = Callable[[Any, StopRequest], Coroutine[Any, Any, None]]
"""What goes on beside the engine, with the progress on the screen, until the run has ended."""


def run_command(options: RunOptions, *, as_json: bool, watch: bool = False, confirm: bool = False) -> int:
    """Run the plan; returns the exit code (C-4). Errors raised before there is an execution pass through (exit 2)."""
    if watch or confirm:
        from smithers_py.cli.watch import watch_command

        return watch_command(options, confirm=confirm, as_json=as_json)
    return drive_command(lambda observer, stop: run_script(options, observer, stop), options.db_path, as_json=as_json)


def drive_command(engine: Engine, db_path: Path, *, as_json: bool) -> int:
    """Show an engine at work, let Ctrl-C stop it, print how it ended; returns the exit code."""
    view = PlanView(SystemClock())
    try:
        result = asyncio.run(run_once(engine, view, db_path))
    except KeyboardInterrupt:
        _tell_resume(view, db_path)
        write_result(_cut_short(view, "stopped", INTERRUPTED, "interrupted"), as_json=as_json)
        return INTERRUPTED
    except SmithersError as error:
        if not view.execution_id:
            raise
        report_broken(error, view, as_json=as_json)
        return FAILED
    tell_ending(result, view, db_path, as_json=as_json)
    write_result(result, as_json=as_json)
    return result.exit_code


def report_broken(error: SmithersError, view: PlanView, *, as_json: bool) -> None:
    """What ended the engine of an execution without its end being written."""
    error.locate(execution_id=view.execution_id)
    report(error)
    write_result(_cut_short(view, "failed", FAILED, "store", error), as_json=as_json)


def tell_ending(result: RunResult, view: PlanView, db_path: Path, *, as_json: bool) -> None:
    """How it ended, for people."""
    if result.exit_code in {130, 143}:
        _tell_resume(view, db_path)
    told = as_json and not is_terminal(sys.stderr)
    print_summary(result, view, db_path, to_stderr=as_json, told=told)
    sys.stdout.flush()  # in a pipe too, somebody may wait for it: a run that watches goes on


def _cut_short(
    view: PlanView, status: str, exit_code: int, reason: str, error: SmithersError | None = None
) -> RunResult:
    """The result of an execution whose engine could not write its end."""
    errors = [] if error is None else [error.to_json()]
    frames = view.frame + 1 if view.nodes else 0
    return RunResult(view.execution_id, status, exit_code, frames, view.elapsed_ms(), reason, None, errors)


def write_result(result: RunResult, *, as_json: bool) -> None:
    """The last thing on stdout, and one line, wherever there is an execution (Z-22)."""
    if as_json and result.execution_id:
        sys.stdout.flush()
        write_json(result.to_json())


async def run_once(
    engine: Engine, view: PlanView, db_path: Path, beside: Beside | None = None, lines: "Lines | None" = None
) -> RunResult:
    """Drive the engine to the execution's end and show it meanwhile. `lines`: what is typed, if it is read already."""
    report_strays(asyncio.get_running_loop())
    progress = _progress(view)
    stop = StopRequest()
    async with progress:
        with Interrupts(stop, progress.tell) as interrupts:
            prompting = _prompting(progress, view, db_path, lines)
            other = None if beside is None else asyncio.create_task(beside(progress, stop))
            over = asyncio.Event()
            traced = asyncio.create_task(trace(db_path, view, over)) if tracing() else None
            try:
                result = await engine(progress, stop)
            finally:
                over.set()
                if traced is not None:
                    await traced
                await _cancelled(prompting)
                await _cancelled(other)
    if interrupts.exit_code is not None and result.status == "stopped":
        return replace(result, exit_code=interrupts.exit_code)
    return result


def _progress(view: PlanView):  # noqa: ANN202 - one of two observers that share no base
    if is_terminal(sys.stderr) and not tracing():
        # Rich is imported only where something is drawn: a run in a pipe starts 40 ms sooner.
        from smithers_py.cli.live import LiveProgress

        return LiveProgress(view)
    return PlainProgress(view)


def _prompting(progress: Observer, view: PlanView, db_path: Path, lines: "Lines | None") -> "asyncio.Task[None] | None":
    """Ask a person who sits at the terminal what the run asks; elsewhere the log says how to answer."""
    if not (isinstance(progress, PlainProgress) or not is_terminal(sys.stdin)):
        from smithers_py.cli.live import LiveProgress
        from smithers_py.cli.prompt import ask_on_terminal

        if isinstance(progress, LiveProgress):
            return asyncio.create_task(ask_on_terminal(db_path, view, progress, lines))
    return None


async def _cancelled(task: "asyncio.Task[None] | None") -> None:
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _tell_resume(view: PlanView, db_path: Path) -> None:
    if view.execution_id:
        note(f"interrupted; the state is kept. Go on with: smithers resume {view.execution_id}{database_flag(db_path)}")
