"""Questions asked on the terminal of `smithers run`, while other branches go on (P-1, P-2).

The answer is written like one from any other process; when somebody else is faster, the prompt goes away.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from smithers_py.cli.lines import Lines
from smithers_py.cli.question import question_lines
from smithers_py.cli.terminal import clean, note
from smithers_py.errors import UsageError
from smithers_py.harness.answer_fields import describe, field_schemas
from smithers_py.harness.approvals import answer_approval, list_approvals
from smithers_py.harness.commands import open_writer
from smithers_py.harness.models import ApprovalView
from smithers_py.harness.plan_view import PlanView
from smithers_py.harness.reader import Reader

if TYPE_CHECKING:
    from smithers_persistence import Database

_LOOK_SECONDS = 0.3
_YES, _NO = frozenset({"y", "yes"}), frozenset({"n", "no"})


class Screen(Protocol):
    """The progress that has to make room for a question."""

    asked: asyncio.Event

    def hold(self) -> None:
        """Stop drawing and leave the screen to the question."""
        ...

    def release(self) -> None:
        """Draw again."""
        ...


class _Gone(Exception):  # noqa: N818 - it ends a prompt, nothing is wrong
    """The question was answered elsewhere or withdrawn."""


async def ask_on_terminal(db_path: Path, view: PlanView, screen: Screen, lines: Lines | None = None) -> None:
    """Ask every question of the execution until cancelled, or until the input ends.

    `lines`: what is typed, if somebody else asks on this terminal too.
    """
    if lines is None:
        with contextlib.closing(Lines()) as typed:
            await ask_on_terminal(db_path, view, screen, typed)
        return
    later: set[int] = set()
    await screen.asked.wait()
    async with open_writer(db_path) as db:
        while not lines.ended:
            screen.asked.clear()
            open_ = [one for one in await list_approvals(Reader(db), view.execution_id) if one.id not in later]
            for one in open_:
                async with lines.turn:
                    with held(screen):
                        answered = await _ask(db, one, lines)
                if not answered:
                    later.add(one.id)
            if not open_:
                await screen.asked.wait()


async def _ask(db: "Database", asked: ApprovalView, lines: Lines) -> bool:
    """Ask one question; False when the person leaves it for later."""
    note(f"\n{clean(asked.node_id)} asks:")
    for line in question_lines(asked):
        note(line)
    while True:
        try:
            said = (await _line(db, asked, lines, "yes, no or later? [y/n/l, and a comment] ")).strip()
            word, _, comment = said.partition(" ")
            if lines.ended or word.lower() in {"l", "later"}:
                note(f"later: smithers approve {asked.id}")
                return False
            if word.lower() not in _YES | _NO:
                continue
            approved = word.lower() in _YES
            output = await _fields(db, asked, lines) if approved else None
            await answer_approval(
                db, asked, approved=approved, comment=comment.strip() or None, output=output, source="terminal"
            )
        except _Gone:
            note("\nit was answered elsewhere")
            return True
        except UsageError as wrong:
            note(str(wrong))
        else:
            return True


async def _fields(db: "Database", asked: ApprovalView, lines: Lines) -> Any:
    """The typed answer, field by field; None when the question asks for none."""
    schema = asked.payload.get("schema") if isinstance(asked.payload, dict) else None
    if schema is None:
        return None
    fields = field_schemas(schema)
    told = describe(schema)
    if not fields:
        return _value(await _line(db, asked, lines, f"{told[0]}: "), schema)
    values: dict[str, Any] = {}
    for (name, field), line in zip(fields.items(), told, strict=True):
        text = await _line(db, asked, lines, f"{line}: ")
        if text.strip():
            values[name] = _value(text, field)
    return values


def _value(text: str, schema: dict[str, Any]) -> Any:
    if schema.get("type") == "string" or "enum" in schema:
        return text.strip()
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text.strip()


async def _line(db: "Database", asked: ApprovalView, lines: Lines, prompt: str) -> str:
    """The next line typed. Raises _Gone when the question is not open any more."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    while True:
        try:
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(lines.next(), _LOOK_SECONDS)
        except asyncio.CancelledError:
            # The run is over: what follows does not stand behind the question.
            note("")
            raise
        still_open = await list_approvals(Reader(db), asked.execution_id)
        if asked.id not in {one.id for one in still_open}:
            raise _Gone


@contextlib.contextmanager
def held(screen: Screen) -> Generator[None]:
    """Leave the screen to a question meanwhile."""
    screen.hold()
    try:
        yield
    finally:
        screen.release()
