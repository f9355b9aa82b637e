"""What the head frame's flush made true, applied to a tree that was rebuilt as it was before (Z-1, Z-18)."""

import orjson

from smithers_persistence.head import HeadRows
from smithers_py.engine.flush import apply_status
from smithers_py.engine.instance import CONTEXT_KINDS, Instance, Outcome
from smithers_py.engine.progress import bump, lane_of, loop_state, settle
from smithers_py.engine.reopen import unreach
from smithers_py.engine.restore import outcome_of, status_word
from smithers_py.engine.run import Run
from smithers_py.engine.work import StatusChange
from smithers_py.nodes import NodeKind


def advance(run: Run, rows: HeadRows) -> None:
    """Step state, statuses and loops over the flush, and have every open container asked who is next."""
    texts = {key: rows.state.get(key) for key in rows.before}
    run.state.step(texts)
    # What it said of a new incarnation may be what stood there already.
    same = [f"{kind}/{node_id}" for node_id, told in rows.former.items() if told for kind in ("$node", "$loop")]
    texts |= {key: rows.state.get(key) for key in same}
    for key, text in texts.items():
        kind, _, node_id = key.partition("/")
        inst = run.tree.by_id.get(node_id)
        if inst is None or text is None:
            continue
        if kind == "$node":
            _status(run, inst, text)
        elif kind == "$loop":
            _loop(inst, text)
    if rows.flushed:
        run.owed.turned = []
        run.owed.entered = [inst for inst in run.owed.entered if inst.status == "idle"]
    for inst in run.tree.root.walk():
        if (inst.is_root or inst.kind in CONTEXT_KINDS) and inst.reached and inst.outcome is Outcome.OPEN:
            run.tree.touch(inst)


def _status(run: Run, inst: Instance, text: str) -> None:
    status, more = status_word(text)
    outcome = outcome_of(status, more)
    if inst.is_item and inst.outcome is not Outcome.OPEN and outcome is Outcome.OPEN:
        _open_again(run, inst, status)
    if inst.kind in CONTEXT_KINDS and status == "running" and not inst.reached:
        # It began in the head frame and holds nothing: only the flush tells.
        inst.reached = True
        lane = lane_of(inst)
        if lane is not None:
            lane[0] += 1
        bump(inst.parent or inst, (0, -1, 0, 0))
    apply_status(run, StatusChange(inst, status, outcome))
    if inst.kind is NodeKind.STOP and status == "succeeded":
        # It had ended the run, whose closing record is missing.
        run.owed.stops.append(inst)


def _open_again(run: Run, inst: Instance, status: str) -> None:
    """The flush brought back what had ended (reopen.py): the next frame gives it its turn, or renders it again."""
    run.tree.touch(settle(inst, Outcome.OPEN))
    if status == "idle":
        unreach(inst)
        for below in inst.walk():
            below.frozen = False
    elif inst.frozen and inst.kind in CONTEXT_KINDS and not (inst.parent and inst.parent.frozen):
        run.tree.reopened[inst] = None


def _loop(inst: Instance, text: str) -> None:
    state = loop_state(inst)
    state.iteration, word = orjson.loads(text)
    state.between = word == "between"
    state.done = None if word in ("between", "running") else word
