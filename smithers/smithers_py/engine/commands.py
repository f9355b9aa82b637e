"""What people ask of a run from any process: seen at once, applied by a frame, answered with its effect (C-7, Z-21).

    queued ── watching thread ──> seen ── next frame ──> done | refused      (in the transaction of what it did)

`stop` and `terminate` do not wait for a frame: they end the run, and the closing record answers them. What is still
open when a run ends is refused then. A command that comes while no engine runs waits for the next one (`begin`).
"""

import asyncio
import sqlite3
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import orjson

from smithers_persistence import Database, commands
from smithers_persistence.commands import CommandRecord
from smithers_persistence.people import ApprovalRecord
from smithers_persistence.rows import CommandAnswer, EventRow
from smithers_persistence.watch import Watch, Watched
from smithers_py.engine.instance import Instance
from smithers_py.engine.run import Ending, Run
from smithers_py.engine.triggers import Trigger

_WATCHES: WeakKeyDictionary[Database, Watch] = WeakKeyDictionary()
_AT_ONCE = frozenset({"stop", "terminate"})


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a command, for whoever asked."""

    command: CommandRecord
    message: str
    refused: bool = False


class Commands:
    """The commands of one execution. On the engine's thread, but for `told`."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.inbox: deque[CommandRecord] = deque()
        """Seen, and not yet applied by a frame."""
        self.open: dict[int, CommandRecord] = {}
        """Seen, and not yet answered on disk."""
        self.cancelling: dict[Instance, list[CommandRecord]] = {}
        """Answered with the end of these tasks."""
        self.half_done: dict[int, str] = {}
        """By id, what to answer once the frame that follows has done the rest."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watch: Watch | None = None

    async def begin(self) -> None:
        """Take what was asked while no engine ran, and watch for more. The run must own its execution by now."""
        run = self.run
        self._loop = asyncio.get_running_loop()
        if run.next_frame > 0 or run.store.holder.epoch > 1:
            # What it stood at is not known: the first look stores what it stands at now.
            run.standing = ""
            run.paused, waiting = await run.store.apply(self._taken, "commands.taken")
            self._arrived(waiting, [])
        self._watch = _WATCHES.setdefault(run.store.db, Watch(run.store.db.path))
        self._watch.add(Watched(run.store.holder, self.told))

    def close(self) -> None:
        """Stop watching. Safe to call twice."""
        if self._watch is not None:
            self._watch.remove(self.run.execution_id)
            self._watch = None

    def told(self, asked: list[CommandRecord], answered: list[ApprovalRecord]) -> None:
        """What the watching thread found; called there."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the rows stay as they are, for whoever goes on
                self._loop.call_soon_threadsafe(self._arrived, asked, answered)

    def watch_answer(self, approval_id: int) -> None:
        """Look for the answer to this question."""
        if self._watch is not None:
            self._watch.ask(self.run.execution_id, approval_id)

    def forget_answer(self, approval_id: int) -> None:
        """Nobody waits for it any more."""
        if self._watch is not None:
            self._watch.forget(self.run.execution_id, approval_id)

    def take(self) -> list[CommandRecord]:
        """What the frame that begins now will apply."""
        taken = list(self.inbox)
        self.inbox.clear()
        return taken

    def ended(self, inst: Instance, outcome: str) -> list[Done]:
        """The answers that come with the end of a task's work."""
        waiting = self.cancelling.pop(inst, [])
        text = f"{inst.path_name} was cancelled" if outcome == "cancelled" else f"{inst.path_name} had {outcome} before"
        return [Done(one, text) for one in waiting]

    def answers(self, done: list[Done]) -> list[CommandAnswer]:
        """Rows for the transaction of the effects."""
        now = self.run.clock.now_ms()
        for one in done:
            self.open.pop(one.command.id, None)
        return [
            CommandAnswer(one.command.id, "refused" if one.refused else "done", now, _json({"message": one.message}))
            for one in done
        ]

    def events(self, done: list[Done]) -> list[EventRow]:
        """Who asked what, from where, and what came of it, for the log."""
        return [self._event(one) for one in done]

    def last(self, ending: Ending) -> list[Done]:
        """Everything that is still open when the run ends: it asked for that, or comes too late."""
        asked = list(self.open.values())
        return [
            Done(one, _ended_text(ending))
            if one.verb in _AT_ONCE
            else Done(one, "the execution has ended", refused=True)
            for one in asked
        ]

    # -- parts ----------------------------------------------------------------------------------------------------

    def _taken(self, conn: sqlite3.Connection) -> tuple[bool, list[CommandRecord]]:
        run = self.run
        waiting = commands.open_commands(conn, run.execution_id)
        for one in waiting:
            commands.see(conn, one.id, run.store.holder, run.clock.now_ms())
        return commands.is_paused(conn, run.execution_id), waiting

    def _arrived(self, asked: list[CommandRecord], answered: list[ApprovalRecord]) -> None:
        for row in answered:
            self.run.questions.answered(row)
        for command in asked:
            if command.id in self.open:
                continue
            self.open[command.id] = command
            if command.verb in _AT_ONCE:
                end_by(self.run, command)
            else:
                self.inbox.append(command)
                self.run.post(Trigger("operator", command.verb))

    def _event(self, done: Done) -> EventRow:
        asked = done.command
        told = {"by": asked.asked_by, "from": asked.asked_from, "answer": done.message}
        if asked.args_json is not None:
            told["args"] = orjson.loads(asked.args_json)
        level = "warning" if done.refused else "info"
        # Whoever watches the run should not wonder why it stands still.
        self.run.observer.log("warning", f"{asked.verb} by {asked.asked_by}: {done.message}")
        event = self.run.event(f"command.{asked.verb}", asked.node_id, level=level, payload=_json(told))
        return replace(event, source="operator")


def end_by(run: Run, command: CommandRecord) -> None:
    """`stop`: tasks get their grace, effects clean up. `terminate`: now, also when it is stopping already."""
    terminate = command.verb == "terminate"
    if run.ending is None:
        if terminate:
            run.ending = Ending("terminated", 143, stop_reason="terminated", status_reason=f"by {command.asked_by}")
        else:
            run.ending = Ending("stopped", 4, stop_reason="stopped", status_reason=f"by {command.asked_by}")
    for child in list(run.children):
        end_by(child, command)
    if terminate:
        run.limits = replace(run.limits, grace_ms=0)
        for inst in list(run.tasks.running):
            run.tasks.cancel(inst)
    run.post(Trigger("stop", command.verb))


def _ended_text(ending: Ending) -> str:
    return ending.status if ending.status in ("stopped", "terminated") else f"the execution {ending.status} before"


def _json(value: object) -> str:
    return orjson.dumps(value, default=str).decode()
