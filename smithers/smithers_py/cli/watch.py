"""`smithers run --watch`: the plan that runs follows its files (C-6).

A save is loaded fresh, compared with what runs, and taken over between two frames. What cannot be loaded is told and
changes nothing. When the execution ends, the next save goes on with it. Ctrl-C ends the watching.
"""

import asyncio
import contextlib
import sys
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from watchfiles import awatch

from smithers_py.cli.failure import BAD_INPUT, FAILED, INTERRUPTED, report
from smithers_py.cli.interrupt import Interrupts
from smithers_py.cli.lines import Lines
from smithers_py.cli.prompt import Screen, held
from smithers_py.cli.run import Engine, report_broken, run_once, tell_ending, write_result
from smithers_py.cli.show_diff import print_diff
from smithers_py.cli.terminal import is_terminal, note
from smithers_py.clock import SystemClock
from smithers_py.dsl.component import Element
from smithers_py.dsl.reload import PlanScript
from smithers_py.engine.launch import RunOptions, StopRequest, run_plan, validated_input
from smithers_py.engine.plan_change import PlanDiff
from smithers_py.engine.reload import NewScript, propose, take_over
from smithers_py.engine.results import RunResult
from smithers_py.engine.resume import ResumeOptions, preview_script, resume_script
from smithers_py.engine.run import Run
from smithers_py.errors import ScriptNotFoundError, SmithersError, UsageError
from smithers_py.harness.plan_view import PlanView
from smithers_py.state.context import signal_hook
from smithers_reactive import Runtime

_QUIET_MS = 50
"""Saves that follow each other within so long are one."""
_MOST_MS = 300
"""How long such a burst may keep us waiting."""
_LOOK_MS = 1000
"""How often to look without being told, where a file system does not tell."""
_WAITING = "waiting for a save; Ctrl-C ends"
_GOES_ON = "the plan goes on as it was; the next save is tried again"

T = TypeVar("T")


def watch_command(options: RunOptions, *, confirm: bool, as_json: bool) -> int:
    """Run the plan and go on with each save; returns the exit code of the last ending (C-4).

    Raises:
        UsageError: `confirm` where nobody can be asked.
        ScriptNotFoundError: there is no such file.
    """
    if confirm and not (is_terminal(sys.stderr) and sys.stdin.isatty()):
        raise UsageError("--confirm asks on a terminal, and this is none", hint="Leave it out: saves are taken over.")
    if options.script is None:
        raise UsageError("no script was given", hint="smithers run SCRIPT --watch")
    try:
        return asyncio.run(_session(options, confirm=confirm, as_json=as_json))
    except KeyboardInterrupt:
        return INTERRUPTED


async def _session(options: RunOptions, *, confirm: bool, as_json: bool) -> int:
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(contextlib.closing(Lines())) if confirm else None
        return await _Watch(options, lines, as_json=as_json).run()


class _Left:
    """Ctrl-C while nothing runs."""

    exit_code = INTERRUPTED

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def request(self, now: bool) -> None:  # noqa: ARG002 - see Stoppable
        self.asked.set()


class _Watch:
    """One `--watch`: the files, and the execution that follows them. With `lines` each change is asked about."""

    def __init__(self, options: RunOptions, lines: Lines | None, *, as_json: bool) -> None:
        assert options.script is not None  # noqa: S101 - the command has seen to it
        self.options = replace(options, name=options.name or options.script.stem)
        self.files = PlanScript(options.script, options.entry, options.workspace)
        self.lines = lines
        self.as_json = as_json
        self.runs: Element | None = None
        """The version that runs, or ran last."""
        self.untaken = False
        """A version was loaded that nothing has taken over."""

    async def run(self) -> int:
        """Until Ctrl-C; returns the exit code."""
        engine = await self._unless_left(self._first())
        if engine is None:
            return BAD_INPUT
        while True:
            view = PlanView(SystemClock())
            try:
                result = await run_once(engine, view, self.options.db_path, self._follow, self.lines)
            except SmithersError as error:
                if not view.execution_id:
                    raise
                report_broken(error, view, as_json=self.as_json)
                return FAILED
            tell_ending(result, view, self.options.db_path, as_json=self.as_json)
            left = result.exit_code in {INTERRUPTED, 143}
            engine = None if left else await self._unless_left(self._next(result))
            if engine is None:
                write_result(result, as_json=self.as_json)
                return result.exit_code

    # -- saves ----------------------------------------------------------------------------------------------------

    async def _saved(self) -> None:
        """Return when the files are not as they were loaded, and nobody has saved for a moment."""
        quiet = _QUIET_MS if self.files.differs() else _LOOK_MS
        changes = awatch(
            *self.files.folders(),
            watch_filter=None,
            recursive=False,
            debounce=_MOST_MS,
            step=_QUIET_MS,
            rust_timeout=quiet,
            yield_on_timeout=True,
        )
        async with contextlib.aclosing(changes):
            async for _ in changes:
                if self.files.differs():
                    return

    async def _loaded(self, rt: Runtime) -> NewScript | None:
        """The version that was saved; None when it is broken, which has been told then."""
        names = ", ".join(self.files.changed_names())
        await asyncio.to_thread(self.files.warm)
        try:
            with rt.activate():
                loaded = self.files.load()
        except SmithersError as error:
            note(f"saved {names}:")
            report(error)
            return None
        note(f"saved {names}:")
        try:
            given = validated_input(loaded.component, self.options.input)
        except SmithersError as error:
            report(error)
            self.files.take_back()
            return None
        self.untaken = True
        return NewScript(Element(loaded.component, loaded.props), loaded.sha256, given)

    # -- while nothing runs ---------------------------------------------------------------------------------------

    async def _first(self) -> Engine:
        """The first version that can be loaded, about to be run."""
        rt = Runtime(on_write=signal_hook)
        while True:
            try:
                with rt.activate():
                    loaded = self.files.load()
            except ScriptNotFoundError:
                raise
            except SmithersError as error:
                report(error)
                note(_WAITING)
                await self._saved()
                continue
            self.runs = element = Element(loaded.component, loaded.props)
            return lambda observer, stop: run_plan(
                element, self.options, observer, stop, rt=rt, script_hash=loaded.sha256
            )

    async def _next(self, ended: RunResult) -> Engine:
        """The next version that changes something, about to go on with the execution that has ended."""
        note(_WAITING)
        while True:
            if not self.untaken:
                await self._saved()
            rt = Runtime(on_write=signal_hook)
            version = await self._loaded(rt)
            self.untaken = False
            if version is None:
                note(_WAITING)
                continue
            options = ResumeOptions(
                execution_id=ended.execution_id, base=self.options, version=version, was=self.runs, rt=rt
            )
            if await self._wanted(options, ended):
                self.runs = version.element
                return lambda observer, stop: resume_script(options, observer, stop)
            note(_WAITING)

    async def _wanted(self, options: ResumeOptions, ended: RunResult) -> bool:
        assert self.options.script is not None  # noqa: S101 - see __init__
        try:
            diff = await preview_script(options, self.options.script)
        except SmithersError as error:
            report(error)
            self.files.take_back()
            return False
        print_diff(diff, f"  what it does to {ended.execution_id}:")
        if diff.is_idle and ended.status == "completed":
            return False
        if self.lines is not None and not await self._agreed(self.lines, None):
            self.files.take_back()
            return False
        return True

    async def _unless_left(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What comes of the work; None when Ctrl-C comes first."""
        left = _Left()
        with Interrupts(left, lambda _: None):
            return await _first_of(work, left.asked.wait())

    # -- while a run goes on --------------------------------------------------------------------------------------

    async def _follow(self, screen: Any, stop: StopRequest) -> None:
        """Take each save over into the run."""
        run = await stop.begun()
        while True:
            await self._saved()
            version = await self._loaded(run.rt)
            if version is None:
                note(_GOES_ON)
                continue
            try:
                if self.lines is None:
                    done = await take_over(run, version)
                    self.runs = version.element
                    print_diff(done, f"  from frame {run.next_frame} on:")
                else:
                    await self._ask_first(run, version, self.lines, screen)
            except SmithersError as error:
                report(error)
                note(_GOES_ON)
                self.files.take_back()
            except Exception as error:
                # The run goes on without anybody who watches: that is to be known now, not when it ends.
                report(error)
                raise
            self.untaken = False

    async def _ask_first(self, run: Run, version: NewScript, lines: Lines, screen: Screen) -> None:
        offered = await propose(run, version)
        print_diff(offered, "  what it does:")
        if not await self._agreed(lines, screen):
            self.files.take_back()
            return
        done = await take_over(run, version)
        self.runs = version.element
        note(f"taken over from frame {run.next_frame} on")
        if not _same(done, offered):
            print_diff(done, "  the run had moved on meanwhile, so it is:")

    async def _agreed(self, lines: Lines, screen: Screen | None) -> bool:
        """Whether the person says yes. A later save is a no: it will be asked about instead."""
        async with lines.turn:
            with contextlib.nullcontext() if screen is None else held(screen):
                said = await _first_of(_yes(lines), self._saved())
        if said is None:
            note("\nsaved again:")
        elif not said:
            note("left out; the plan goes on as it was")
        return bool(said)


def _same(one: PlanDiff, other: PlanDiff) -> bool:
    return [(node.node_id, node.what, node.then) for node in one.nodes] == [
        (node.node_id, node.what, node.then) for node in other.nodes
    ]


async def _yes(lines: Lines) -> bool:
    while not lines.ended:
        sys.stderr.write("take it over? [y/n] ")
        sys.stderr.flush()
        said = (await lines.next()).strip().lower()
        if said in {"y", "yes", "n", "no"}:
            return said in {"y", "yes"}
    return False


async def _first_of(work: Coroutine[Any, Any, T], other: Coroutine[Any, Any, Any]) -> T | None:
    """What comes of `work`; None when `other` ends first."""
    tasks = [asyncio.create_task(work), asyncio.create_task(other)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return tasks[0].result() if tasks[0].done() else None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
