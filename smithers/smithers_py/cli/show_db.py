"""`smithers db state|transitions|frames`: what the database holds of an execution."""

import json
import sys
from pathlib import Path
from typing import Any

from smithers_py.cli.reading import read_execution
from smithers_py.cli.terminal import can_write, clean, human_duration, human_time, say, shorten, table, write_json
from smithers_py.cli.tree import print_tree
from smithers_py.harness.models import FrameSnapshot, FrameView, TransitionView

_CELL = 60


def show_state(
    database: Path | None, execution: str, *, as_json: bool, everything: bool, frame: int | None, key: str | None
) -> None:
    """Print every key and its value: now, or as frame `frame` saw it."""
    state = read_execution(
        database, execution, lambda reader, found: reader.state(found, frame=frame, everything=everything or bool(key))
    )
    if key is not None:
        state = {name: value for name, value in state.items() if name == key}
    if as_json:
        write_json(state)
        return
    _print_state(state)


def show_transitions(
    database: Path | None, execution: str, *, as_json: bool, everything: bool, frame: int | None, key: str | None
) -> None:
    """Print the changes of the state, oldest first."""
    rows = read_execution(
        database,
        execution,
        lambda reader, found: reader.transitions(found, frame=frame, key=key, everything=everything or bool(key)),
    )
    if as_json:
        write_json(rows)
        return
    table(
        ("frame", "key", "old", "new", "trigger", "node", "handler", "time"),
        (
            (
                str(row.frame),
                row.key,
                *_old_and_new(row),
                row.trigger or "",
                row.node_id or "",
                row.handler or "",
                human_time(row.timestamp),
            )
            for row in rows
        ),
    )


def show_frames(database: Path | None, execution: str, *, as_json: bool, everything: bool, frame: int | None) -> None:
    """Print the frames, oldest first; or one frame with its whole plan and the state it saw."""
    if frame is not None:
        number = frame
        snapshot = read_execution(
            database, execution, lambda reader, found: reader.frame(found, number, everything=everything)
        )
        write_json(snapshot) if as_json else _print_snapshot(snapshot)
        return
    frames = read_execution(database, execution, lambda reader, found: reader.frames(found))
    if as_json:
        write_json(frames)
        return
    table(
        ("frame", "time", "took", "+", "-", "~", "scopes", "bytes", "reason", "wrote"),
        (
            (
                str(one.frame),
                human_time(one.created_at),
                human_duration(sum(one.phase_ms.values())) if one.phase_ms else "-",
                str(one.mounted),
                str(one.unmounted),
                str(one.updated),
                str(one.scopes),
                str(one.bytes),
                shorten(one.reason, _CELL),
                " ".join(_visible(one.keys_written, everything)),
            )
            for one in frames
        ),
    )


def _old_and_new(row: TransitionView) -> tuple[str, str]:
    if row.delta is not None and row.old is None and row.new is None:
        # Too large to be shown whole: what was done to it says more.
        return "…", shorten(_compact(row.delta), _CELL)
    old, new = _compact(row.old), "(deleted)" if row.deleted else _compact(row.new)
    same = next((at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0)
    if max(len(old), len(new)) > _CELL and same > _CELL // 2:
        # Both cells would show the same beginning and cut off what changed.
        old, new = "…" + old[same - 1 :], "…" + new[same - 1 :]
    return shorten(old, _CELL), shorten(new, _CELL)


def _print_state(state: dict[str, Any]) -> None:
    for key, value in state.items():
        # A value is printed whole, on one line: it is the data that was asked for.
        say(f"{clean(key)} = {clean(_compact(value))}")


def _print_snapshot(snapshot: FrameSnapshot) -> None:
    say(_frame_line(snapshot))
    if snapshot.triggers:
        say(f"triggers: {clean(', '.join(snapshot.triggers))}")
    say("plan:")
    print_tree(snapshot.plan, {}, indent=1)
    say("state:")
    for key, value in snapshot.state.items():
        say(f"  {clean(key)} = {clean(_compact(value))}")


def _frame_line(frame: FrameView) -> str:
    return (
        f"frame {frame.frame} of {frame.execution_id}  {human_time(frame.created_at)}  {clean(frame.reason)}  "
        f"{frame.mounted} mounted, {frame.unmounted} unmounted, {frame.updated} updated"
    )


def _visible(keys: list[str], everything: bool) -> list[str]:
    return keys if everything else [key for key in keys if not key.startswith("$")]


def _compact(value: Any) -> str:
    # Escapes where the terminal has no such characters, so that the line stays JSON.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if can_write(sys.stdout, text) else json.dumps(value, separators=(",", ":"))
