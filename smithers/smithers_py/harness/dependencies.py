"""Which parts of a plan read which keys, and who writes them (`smithers graph --deps`; R-6, O-3).

Readers are known from rendering the plan; what an execution read in the frames that it had is added when one is given.
Writers are known from executions only: a handler is code that has to run before anybody knows what it writes.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable

from pydantic import Field

from smithers_py.engine.preview import Preview
from smithers_py.harness.models import ReadModel
from smithers_py.harness.reader import Reader
from smithers_py.harness.why_changes import name_of
from smithers_py.harness.why_history import History

_INITIAL = "given at the start"


class KeyReader(ReadModel):
    """A component, or an If, Switch, Each, loop or Phase with a callable, that reads a key. "" is the entry."""

    node_id: str
    label: str


class KeyWriter(ReadModel):
    """Who wrote a key, by what, and how often. `node_id` None: from outside the plan."""

    node_id: str | None
    label: str
    handler: str | None
    times: int


class KeyUse(ReadModel):
    """One key; names like `vol:x`, `file:x` and `x*` (a listing of a prefix) are no keys of the state."""

    key: str
    readers: list[KeyReader] = Field(default_factory=list)
    writers: list[KeyWriter] = Field(default_factory=list)


class Dependencies(ReadModel):
    """The keys in order of name. `execution_id` is the execution whose records are in it."""

    execution_id: str | None
    keys: list[KeyUse]

    def to_mermaid(self) -> str:
        """Writers, keys and readers as a Mermaid flow chart."""
        lines = ["flowchart LR"]
        names: dict[str, str] = {}

        def node(label: str) -> str:
            if label not in names:
                names[label] = f"n{len(names)}"
                lines.append(f'  {names[label]}["{_quoted(label)}"]')
            return names[label]

        for index, use in enumerate(self.keys):
            lines.append(f'  k{index}(["{_quoted(use.key)}"])')
            lines += [f'  {node(one.label)} -- "{_quoted(one.handler or "set")}" --> k{index}' for one in use.writers]
            lines += [f"  k{index} --> {node(one.label)}" for one in use.readers]
        return "\n".join(lines)


def read_of_preview(shown: Preview) -> Dependencies:
    """Who reads what when the plan mounts, unreached phases included."""
    labels = {node.node_id: node.label if node.id is None else f"{node.label} {node.id}" for node in shown.form.nodes}
    labels[""] = shown.form.name
    pairs = [(key, KeyReader(node_id=node, label=labels[node])) for node, keys in shown.reads.items() for key in keys]
    return _together(None, pairs, [])


async def with_execution(reader: Reader, execution_id: str, known: Dependencies) -> Dependencies:
    """What is known, and who read and wrote what in an execution. The engine's own `$` keys have no writer."""

    def work(conn: sqlite3.Connection) -> Dependencies:
        history = History(conn, execution_id)
        pairs = [(use.key, one) for use in known.keys for one in use.readers]
        for node, runs in history.scope_runs.items():
            one = KeyReader(node_id=_any_iteration(node), label=_label(history, node))
            pairs += [(key, one) for run in runs for key in run.read]
        counted: Counter[tuple[str, str | None, str, str | None]] = Counter()
        for key, rows in history.changes.items():
            for row in rows:
                if row.frame_index < 0:
                    counted[key, None, _INITIAL, None] += 1
                elif not key.startswith("$"):
                    outside = row.node_id is None and row.handler != "init"
                    label = "outside the plan" if outside else _label(history, row.node_id or "")
                    counted[key, None if outside else _any_iteration(row.node_id or ""), label, row.handler] += 1
        writers = [
            (key, KeyWriter(node_id=node, label=label, handler=handler, times=times))
            for (key, node, label, handler), times in counted.items()
        ]
        return _together(execution_id, pairs, writers)

    return await reader.db.read(work)


def _together(
    execution_id: str | None, readers: Iterable[tuple[str, KeyReader]], writers: Iterable[tuple[str, KeyWriter]]
) -> Dependencies:
    read: dict[str, dict[str, KeyReader]] = {}
    wrote: dict[str, list[KeyWriter]] = {}
    for key, one in readers:
        read.setdefault(key, {}).setdefault(one.node_id, one)
    for key, writer in writers:
        wrote.setdefault(key, []).append(writer)
    return Dependencies(
        execution_id=execution_id,
        keys=[
            KeyUse(key=key, readers=list(read.get(key, {}).values()), writers=wrote.get(key, []))
            for key in sorted(read.keys() | wrote.keys())
        ],
    )


def _label(history: History, node_id: str) -> str:
    return _any_iteration(name_of(history, node_id).replace("`", ""))


def _any_iteration(node_id: str) -> str:
    """The id without its iteration numbers: `loop/*/tests`."""
    return "/".join("*" if part.isdigit() else part for part in node_id.split("/"))


def _quoted(text: str) -> str:
    return " ".join(text.split()).replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
