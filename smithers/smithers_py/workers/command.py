"""Runs the program of a `Command` (N-5, T-7, Z-10)."""

import asyncio
import difflib
import os
import shlex
import shutil
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smithers_py.errors import CommandFailed, InvalidPropError, TaskError, TaskTimeout
from smithers_py.workers.capture import Capture, PipeReader
from smithers_py.workers.control import ProcessControl
from smithers_py.workers.process import GatedProcess


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """What to run: either `argv` or `shell` (a line for /bin/sh)."""

    argv: list[str] | None = None
    shell: str | None = None
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables added to this process's own environment."""
    timeout: float | None = None
    """Seconds from the program's start; None for no limit."""
    check: bool = True
    """Whether a non-zero exit is an error."""
    grace_seconds: float = 5.0
    """Seconds between SIGTERM and SIGKILL."""
    output_limit: int = 1_000_000
    """Characters kept of each stream, half from its beginning and half from its end."""
    called: str | None = None
    """What errors call it; None: the command itself, as people type it."""

    def command_line(self) -> list[str]:
        """The arguments to execute. Raises InvalidPropError unless exactly one of argv and shell is given."""
        if (self.argv is None) == (self.shell is None) or self.argv == []:
            raise InvalidPropError("Command needs either argv (a list that is not empty) or shell (a text)")
        return ["/bin/sh", "-c", self.shell] if self.shell is not None else list(self.argv or ())

    def label(self) -> str:
        """The command as people type it, cut to 200 characters."""
        if self.called is not None:
            return self.called
        text = self.shell if self.shell is not None else shlex.join(self.argv or ())
        return text if len(text) <= 200 else f"{text[:199]}…"


@dataclass(frozen=True, slots=True)
class CommandOutput:
    """What a program that ended left."""

    exit_code: int
    """As a shell reports it: 128 + the signal's number when a signal ended the program."""
    stdout: str
    stderr: str
    truncated: bool
    """Whether the middle of either stream was left out."""
    duration_ms: int
    signal: str | None
    """The signal's name ("SIGSEGV"), None after an ordinary exit."""


async def run_command(spec: CommandSpec, control: ProcessControl) -> CommandOutput:
    """Run the program to its end, in a session and process group of its own, with /dev/null as stdin.

    `control.record_process` is awaited before the program begins; each line goes to `control.emit` as it comes. When
    the program has exited, processes that it left in its group get `grace_seconds` to close its output and are then
    ended with it.

    Raises CommandFailed (non-zero exit and `check`), TaskTimeout (after SIGTERM, grace and SIGKILL to the group),
    TaskError (no such program or folder, or the system refused to start it), InvalidPropError. On cancellation the
    group is ended the same way before CancelledError goes on; a second cancellation means SIGKILL now.
    """
    argv = spec.command_line()
    env = {**os.environ, **spec.env}
    _check_startable(argv[0], spec.cwd, env.get("PATH", os.defpath))
    try:
        process = GatedProcess(argv, spec.cwd, env)
    except (OSError, ValueError) as error:
        raise TaskError(f"command {spec.label()!r} cannot be started: {error}") from error
    try:
        output = await _supervise(process, spec, control)
    finally:
        process.close()
    if spec.check and output.exit_code != 0:
        hint = f"It was ended by {output.signal}." if output.signal else None
        raise CommandFailed(output.exit_code, output.stdout, output.stderr, command=spec.label(), hint=hint)
    return output


async def _supervise(process: GatedProcess, spec: CommandSpec, control: ProcessControl) -> CommandOutput:
    captures = [Capture(kind, control.emit, spec.output_limit) for kind in ("stdout", "stderr")]
    readers = [PipeReader(pipe, capture) for pipe, capture in zip(process.pipes, captures, strict=True)]
    in_time = True
    started = time.monotonic()
    try:
        try:
            identity = process.identity()
            await control.record_process(identity.pid, identity.pgid, identity.start_time, identity.boot_id)
            started = time.monotonic()
            process.release()
            in_time = await process.wait(spec.timeout)
            if in_time:
                await _drain(readers, spec.grace_seconds)
        finally:
            await process.end(spec.grace_seconds)
    finally:
        for reader in readers:
            reader.close()
    if not in_time:
        raise TaskTimeout(spec.timeout or 0, what=f"command {spec.label()!r}")
    code = process.returncode or 0
    return CommandOutput(
        exit_code=code if code >= 0 else 128 - code,
        stdout=captures[0].text,
        stderr=captures[1].text,
        truncated=any(capture.truncated for capture in captures),
        duration_ms=round((time.monotonic() - started) * 1000),
        signal=_signal_name(-code) if code < 0 else None,
    )


async def _drain(readers: list[PipeReader], seconds: float) -> None:
    """Wait until the output's ends are closed: `exec > >(tee log)` leaves a process that still writes."""
    await asyncio.wait({reader.ended for reader in readers}, timeout=seconds)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no name
        return f"signal {number}"


def _check_startable(program: str, cwd: Path, path: str) -> None:
    """Raise the error that a person understands, where exec would only say "not found"."""
    if not cwd.is_dir():
        if cwd.exists():
            raise TaskError(f"the working folder {str(cwd)!r} is not a folder", hint="Pass a folder as cwd=...")
        hint = _nearest_hint(cwd.name, _names(cwd.parent)) or "Make it first, or pass another cwd=..."
        raise TaskError(f"the working folder {str(cwd)!r} does not exist", hint=hint)
    if "/" not in program:
        if shutil.which(program, path=path) is None:
            names = {name for folder in path.split(os.pathsep) for name in _names(Path(folder))}
            hint = _nearest_hint(program, names) or "Install it, or give its full path."
            raise TaskError(f"there is no program {program!r} on PATH", hint=hint)
        return
    file = cwd / program
    if file.is_dir():
        raise TaskError(f"the program {program!r} is a folder", hint="Name a file in it.")
    if not file.is_file():
        seen_from = "" if Path(program).is_absolute() else f" in {str(cwd)!r}"
        hint = _nearest_hint(file.name, _names(file.parent)) or "Paths of programs count from the working folder, cwd."
        raise TaskError(f"there is no program {program!r}{seen_from}", hint=hint)
    if not os.access(file, os.X_OK):
        raise TaskError(f"the program {program!r} is not executable", hint=f"chmod +x {shlex.quote(str(file))}")


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:  # a PATH entry that does not exist
        return []


def _nearest_hint(name: str, names: Iterable[str]) -> str | None:
    near = difflib.get_close_matches(name, sorted(names), n=1)
    return f"Did you mean {near[0]!r}?" if near else None
