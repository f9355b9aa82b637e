"""What each command does to a run, inside the frame that takes it (C-7, Z-21)."""

import difflib
from collections.abc import Callable

import orjson

from smithers_persistence.commands import CommandRecord
from smithers_py.engine.again import rerun_node, reset_loop, retry_node
from smithers_py.engine.commands import Done
from smithers_py.engine.instance import Instance, Outcome
from smithers_py.engine.run import Run
from smithers_py.engine.triggers import Trigger
from smithers_py.engine.work import Frame, StatusChange
from smithers_py.errors import StateValueError
from smithers_py.nodes import NodeKind
from smithers_py.state.actions import Batch, Set
from smithers_py.state.codec import encode


def apply_commands(run: Run, frame: Frame) -> None:
    """Apply what the frame took, in order of asking: before it chooses what starts."""
    _follow_parent(run, frame)
    for command in frame.commands:
        verb = _VERBS.get(command.verb)
        done = Done(command, f"this engine does not know {command.verb!r}", refused=True)
        if verb is not None:
            done = verb(run, frame, command)
        if done is not None:
            frame.answers.append(done)


def _pause(run: Run, frame: Frame, command: CommandRecord) -> Done:
    return Done(command, _set_paused(run, frame, True))


def _unpause(run: Run, frame: Frame, command: CommandRecord) -> Done:
    return Done(command, _set_paused(run, frame, False))


def _set_paused(run: Run, frame: Frame, paused: bool) -> str:
    """Child executions are paused with it: each writes that in a frame of its own (Z-11)."""
    for child in list(run.children):
        child.pausing = paused
        child.post(Trigger("operator", "pause" if paused else "unpause"))
    if run.paused == paused:
        return "it was paused already" if paused else "it was not paused"
    run.paused = paused

    frame.paused = paused
    return "paused: nothing new starts, what runs goes on" if paused else "goes on"


def _follow_parent(run: Run, frame: Frame) -> None:
    """A child execution pauses and goes on with its parent."""
    wanted, run.pausing = run.pausing, None
    if wanted is not None and wanted != run.paused:
        _set_paused(run, frame, wanted)


def _set(_run: Run, frame: Frame, command: CommandRecord) -> Done:
    """The operator's write comes after all others of the frame (Z-15)."""
    args = orjson.loads(command.args_json or "{}")
    key = args.get("key")
    if not isinstance(key, str) or "value" not in args:
        return Done(command, "set needs a key and a value", refused=True)
    if key.startswith("$"):
        return Done(command, f"the key {key!r} is the engine's own", refused=True)
    try:
        text, type_name = encode(key, args["value"])
    except StateValueError as error:
        return Done(command, error.message, refused=True)
    trigger = f"set by {command.asked_by}"
    action = Set(key, text, type_name, trigger)
    frame.operator.append(Batch(None, "operator", trigger, [action], frame.index, "operator"))
    return Done(command, f"{key} is set")


def _cancel(run: Run, frame: Frame, command: CommandRecord) -> Done | None:
    found = _task(run, command.node_id or "")
    if isinstance(found, str):
        return Done(command, found, refused=True)
    if found in run.tasks.running:
        run.commands.cancelling.setdefault(found, []).append(command)
        run.tasks.cancel(found)
        return None
    if not run.tasks.withdraw(found):
        return Done(command, f"{found.path_name} is {found.status}: there is nothing to cancel", refused=True)
    frame.withdrawn.append(found)
    frame.statuses.append(StatusChange(found, "cancelled", Outcome.SETTLED, "operator"))
    return Done(command, f"{found.path_name} was cancelled before it started")


def _retry(run: Run, frame: Frame, command: CommandRecord) -> Done:
    found = _task(run, command.node_id or "")
    return Done(command, found, refused=True) if isinstance(found, str) else retry_node(run, frame, command, found)


def _rerun(run: Run, _frame: Frame, command: CommandRecord) -> Done | None:
    done = run.commands.half_done.pop(command.id, None)
    if done is not None:
        return Done(command, done)
    found = _node(run, command.node_id or "")
    return Done(command, found, refused=True) if isinstance(found, str) else rerun_node(run, command, found)


def _reset(run: Run, frame: Frame, command: CommandRecord) -> Done:
    found = _node(run, command.node_id or "")
    return Done(command, found, refused=True) if isinstance(found, str) else reset_loop(run, frame, command, found)


def _task(run: Run, asked: str) -> Instance | str:
    """The mounted runnable that is meant; else why there is none."""
    found = _node(run, asked)
    if isinstance(found, Instance) and found.kind is not NodeKind.RUNNABLE:
        return f"{found.path_name} does no work of its own; name one of the nodes in it"
    return found


def _node(run: Run, asked: str) -> Instance | str:
    """The mounted node that is meant by an id, the explicit id within its scope, or a beginning; else why not."""
    found = run.tree.find(asked)
    by_name = [inst for key, inst in run.tree.by_id.items() if key.endswith(f"/{asked}")]
    if len(found) != 1 and len(by_name) == 1:
        found = by_name
    if not found:
        near = difflib.get_close_matches(asked, [inst.explicit or key for key, inst in run.tree.by_id.items()], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"there is no node {asked!r} in the plan.{hint}"
    if len(found) > 1:
        return f"{asked!r} is the beginning of {len(found)} nodes: {', '.join(inst.node_id for inst in found[:3])}"
    return found[0]


_VERBS: dict[str, Callable[[Run, Frame, CommandRecord], Done | None]] = {
    "pause": _pause,
    "unpause": _unpause,
    "set": _set,
    "cancel": _cancel,
    "retry": _retry,
    "rerun": _rerun,
    "reset-loop": _reset,
}
