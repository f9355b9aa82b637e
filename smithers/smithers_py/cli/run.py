"""`smithers run`: start the engine, show its progress, print the result."""

import asyncio
import sys
from dataclasses import replace

from smithers_py.cli.failure import FAILED, INTERRUPTED, report
from smithers_py.cli.interrupt import Interrupts
from smithers_py.cli.plain import PlainProgress
from smithers_py.cli.summary import database_flag, print_summary
from smithers_py.cli.terminal import is_terminal, note, write_json
from smithers_py.clock import SystemClock
from smithers_py.engine.launch import RunOptions, StopRequest, run_script
from smithers_py.engine.results import RunResult
from smithers_py.errors import SmithersError
from smithers_py.harness.plan_view import PlanView


def run_command(options: RunOptions, *, as_json: bool) -> int:
    """Run the plan; returns the exit code (C-4). Errors raised before there is an execution pass through (exit 2)."""
    view = PlanView(SystemClock())
    try:
        result = asyncio.run(_run(options, view))
    except KeyboardInterrupt:
        _tell_resume(view, options)
        return INTERRUPTED
    except SmithersError as error:
        if not view.execution_id:
            raise
        report(error)
        _tell_resume(view, options)
        return FAILED
    if result.exit_code in {130, 143}:
        _tell_resume(view, options)
    print_summary(result, view, options.db_path, to_stderr=as_json)
    if as_json:
        # The last thing on stdout, and one line (Z-22).
        sys.stdout.flush()
        write_json(result.to_json())
    return result.exit_code


async def _run(options: RunOptions, view: PlanView) -> RunResult:
    progress = _progress(view)
    stop = StopRequest()
    async with progress:
        with Interrupts(stop, progress.tell) as interrupts:
            result = await run_script(options, progress, stop)
    if interrupts.exit_code is not None and result.status == "stopped":
        return replace(result, exit_code=interrupts.exit_code)
    return result


def _progress(view: PlanView):  # noqa: ANN202 - one of two observers that share no base
    if is_terminal(sys.stderr):
        # Rich is imported only where something is drawn: a run in a pipe starts 40 ms sooner.
        from smithers_py.cli.live import LiveProgress

        return LiveProgress(view)
    return PlainProgress(view)


def _tell_resume(view: PlanView, options: RunOptions) -> None:
    if view.execution_id:
        note(
            "interrupted; the state is kept. Go on with: "
            f"smithers resume {view.execution_id}{database_flag(options.db_path)}"
        )
