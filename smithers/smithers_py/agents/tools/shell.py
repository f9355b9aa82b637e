"""The built-in shell tool: one command line, bounded in time, output and processes (G-5).

Ours and not that of pydantic-ai-harness, which counts no processes, finds none that left their group, and records none
for a later engine to end: this one runs through the same gate as a Command (Z-10).
"""

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from smithers_py.agents.tools.census import MARK, Census, mark_of
from smithers_py.agents.tools.confine import Refused
from smithers_py.agents.tools.environment import Environment
from smithers_py.workers.capture import Capture, PipeReader
from smithers_py.workers.control import Control
from smithers_py.workers.pool import DaemonPool
from smithers_py.workers.process import GatedProcess

SHELL_SECONDS = 120
SHELL_SECONDS_MOST = 1_800
OUTPUT_CHARS = 30_000
"""What is kept of a command's output for the model, half from its beginning and half from its end."""
SHOWN_CHARS = 200_000
"""How much of it people see as it comes."""
PROCESSES = 256
"""A command with more is ended."""

_DRAIN_SECONDS = 0.5
_NICER = 10
_CHARS_PER_LINE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellTool:
    """Runs command lines in the workspace, under /bin/sh, with the user's rights."""

    workspace: Path
    environment: Environment
    """What it sees, and what is taken out of the lines that people see; the policy does so with the answer."""
    control: Control
    grace_seconds: float = 5.0
    processes: int = PROCESSES

    async def shell(self, command: str, timeout: int = SHELL_SECONDS) -> str:  # noqa: ASYNC109 - for the model to choose
        """Run a command line in the workspace with /bin/sh and return its output and exit code. It gets no input.
        Processes that it leaves in the background are ended with it.

        Args:
            command: The command line.
            timeout: Seconds after which it is ended, 1800 at most.
        """
        if "\0" in command:
            raise Refused("a command cannot contain a NUL character")
        mark = mark_of(self.control.task_id)
        env = {**self.environment.visible, MARK: mark}
        try:
            process = GatedProcess(["/bin/sh", "-c", command], self.workspace, env)
        except OSError as error:
            raise Refused(f"the command cannot be started: {error.strerror}") from error
        run = _Run(self, process, Census(process.pid, mark), max(1, min(timeout, SHELL_SECONDS_MOST)))
        try:
            return await run.to_end()
        finally:
            process.close()


class _Run:
    """One command, from its gate to its last process."""

    def __init__(self, tool: ShellTool, process: GatedProcess, census: Census, seconds: int) -> None:
        self._tool = tool
        self._process = process
        self._census = census
        self._seconds = seconds
        self._ended_because: str | None = None
        self._budget = _Budget(tool.control, tool.environment)
        self._captures = [_Shown(kind, self._budget, OUTPUT_CHARS) for kind in ("stdout", "stderr")]

    async def to_end(self) -> str:
        readers = [PipeReader(pipe, at) for pipe, at in zip(self._process.pipes, self._captures, strict=True)]
        started = time.monotonic()
        try:
            try:
                await self._go()
                await asyncio.wait({reader.ended for reader in readers}, timeout=_DRAIN_SECONDS)
            finally:
                # Too many processes, or one too deaf: no grace for those.
                await self._process.end(0.0 if self._ended_because else self._tool.grace_seconds)
                await asyncio.to_thread(self._census.kill, outsiders_only=True)
        finally:
            for reader in readers:
                reader.close()
        return self._answer(time.monotonic() - started)

    async def _go(self) -> None:
        identity = self._process.identity()
        # The engine is what must stay quick when a command takes all it can get.
        with suppress(OSError):
            mine = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, self._process.pid, min(mine + _NICER, 19))
        control = self._tool.control
        await control.record_process(identity.pid, identity.pgid, identity.start_time, identity.boot_id)
        stop, pool = Event(), DaemonPool(max_threads=1)
        exited = asyncio.ensure_future(self._process.wait(self._seconds))
        watching = asyncio.ensure_future(pool.run(self._census.watch, stop, self._tool.processes))
        self._process.release()
        try:
            await asyncio.wait({exited, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.set()
            exited.cancel()
            # The group's id may be another's once its leader is reaped: nobody may signal it after that.
            count = await asyncio.shield(watching)
            pool.close()
        if count is not None:
            self._ended_because = f"it had {count} processes and was killed; {self._tool.processes} are allowed"
        elif not exited.result():
            await self._process.end(self._tool.grace_seconds)
            self._ended_because = f"it was ended after {self._seconds} s, its time limit"

    def _answer(self, seconds: float) -> str:
        texts = [capture.text for capture in self._captures]
        parts = [texts[0].rstrip("\n")] if texts[0] else []
        if texts[1]:
            parts.append(f"stderr:\n{texts[1].rstrip(chr(10))}")
        if self._ended_because:
            parts.append(f"({self._ended_because})")
        else:
            parts.append(f"(exit code {self._process.returncode}, {seconds:.1f} s)")
        return "\n".join(parts)


class _Budget:
    """Passes a command's lines on to people until enough were shown, without the secrets in them."""

    def __init__(self, control: Control, environment: Environment) -> None:
        self._control = control
        self._environment = environment
        self.left = SHOWN_CHARS

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        if self.left <= 0:
            return
        line = self._environment.redact(payload["line"])
        # A short line costs a row too.
        self.left -= max(len(line), _CHARS_PER_LINE)
        self._control.emit(kind, {"line": line})
        if self.left <= 0:
            self._control.emit(kind, {"line": "… (more output is not shown here)"})


class _Shown(Capture):
    """A capture that, once nothing more is shown, only keeps what the model gets: 100 MB are read in a second."""

    def __init__(self, kind: str, budget: _Budget, limit: int) -> None:
        super().__init__(kind, budget.emit, limit)
        self._budget = budget

    def feed(self, data: bytes, *, final: bool = False) -> None:
        if self._budget.left > 0:
            super().feed(data, final=final)
        else:
            self._kept.add(self._decoder.decode(data, final))
