"""What a changed script would do to a plan that is under way, found by rendering it without keeping anything (T-6).

The new script renders everything against the state as it is now, what has completed and is frozen included; the draft
is read and taken back. Props that only follow the state are no change of the script (Z-3). So a node that has started
differs when the script of before describes it otherwise under this very state; where that script is not at hand, when
its code differs, or a prop although nothing that the component around it reads has changed since the node started.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, TypeVar

from smithers_py.dsl.component import Element
from smithers_py.engine.causes import read_names
from smithers_py.engine.draft import Draft
from smithers_py.engine.instance import CONTEXT_KINDS, Instance
from smithers_py.engine.render import render
from smithers_py.engine.run import Run
from smithers_py.engine.signature import signature_of
from smithers_py.engine.task_state import state_of
from smithers_py.errors import SmithersError
from smithers_py.nodes import NodeKind

T = TypeVar("T")

_ENDED = ("succeeded", "failed", "cancelled", "skipped")


@dataclass(slots=True)
class Change:
    """One node that the new script describes otherwise: {prop: (old, new)}, `code` for a changed function."""

    inst: Instance
    props: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    code: bool = False

    @property
    def reruns(self) -> bool:
        """It has ended: the new version runs in its place. (A running one goes on, one that waits just changes.)"""
        return self.inst.kind is NodeKind.RUNNABLE and self.inst.reached and self.inst.status in _ENDED


@dataclass(slots=True)
class Comparison:
    """Instances in plan order; those that are new are detached and only good to be looked at."""

    new: list[Instance] = field(default_factory=list)
    gone: list[Instance] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    kept: list[Instance] = field(default_factory=list)
    moved: list[Instance] = field(default_factory=list)
    later: "Comparison | None" = None
    """The same of what is not mounted yet, because its turn has not come (Z-6)."""


Looks = dict[Instance, tuple[dict[str, Any], str, bytes | None]]
"""How a script describes what is mounted: props, prompt and code of each node."""


class _Drift:
    """Tells a prop that the script changed from one that only follows the state.

    `was`: how the script of before describes things, under the same state; where that is not known, what has changed
    since the node started tells.
    """

    def __init__(
        self, draft: Draft, last_changes: Mapping[str, int], because: AbstractSet[str] | None, was: Looks
    ) -> None:
        self.reads = {scope.owner: read_names(log) for scope, log in draft.logs}
        self.last_changes = last_changes
        self.because = because
        self.was = was

    def counts(self, inst: Instance, draft: Draft, *, code: bool) -> bool:
        """Whether another description of a node that has started is a change."""
        if inst in self.was:
            return self.was[inst] != _look(inst, draft)
        return (code and self.because is None) or self._moved(inst)

    def _moved(self, inst: Instance) -> bool:
        """By what the component above reads."""
        above = next((one for one in inst.ancestors() if one in self.reads), None)
        keys = self.reads[above] if above is not None else []
        if self.because is not None:
            return not self.because.isdisjoint(keys)
        return all(self.last_changes.get(key, -1) < inst.mounted_frame for key in keys)


def compare(
    run: Run,
    last_changes: Mapping[str, int],
    *,
    because: AbstractSet[str] | None = None,
    was: Element | None = None,
) -> Comparison:
    """Render the script that the run's root holds now, and say what is other than mounted; changes nothing.

    `last_changes`: by state key, the frame whose flush changed it last. `because`: the script is the same, and only
    what differs due to one of these keys counts. `was`: the script of before, where it is at hand.

    Raises:
        PlanError, RenderPhaseError, StateError: what the new script's components do wrong.
    """
    before = list(run.tree.root.walk())
    if was is None:
        return _rendered(run, lambda draft: _read(before, draft, _Drift(draft, last_changes, because, {})))
    looks: Looks = (
        _as(run, was, lambda draft: {inst: _look(inst, draft) for inst in before if inst in draft.descs}) or {}
    )
    found = _rendered(run, lambda draft: _read(before, draft, _Drift(draft, last_changes, because, looks)))
    if any(inst.kind in CONTEXT_KINDS and not inst.reached for inst in before):
        old = _as(run, was, _later, ahead=True)
        new = _as(run, run.tree.root.desc, _later, ahead=True)
        if old is not None and new is not None:
            found.later = _of_later(old, new)
    return found


def _as(run: Run, script: Any, read: Callable[[Draft], T], *, ahead: bool = False) -> T | None:
    """What `read` finds in a draft of a version of the script; None when that cannot be rendered (any more, or yet)."""
    root = run.tree.root
    before, root.desc = root.desc, script
    run.content.ahead = ahead
    try:
        return _rendered(run, read)
    except SmithersError:
        return None
    finally:
        root.desc, run.content.ahead = before, False


Later = dict[str, tuple[Instance, tuple[dict[str, Any], str, bytes | None]]]


def _later(draft: Draft) -> Later:
    """What would be mounted below containers whose turn has not come, by node id."""
    return {
        inst.node_id: (inst, _look(inst, draft))
        for inst in draft.created.values()
        if inst.kind is not NodeKind.TEXT and _waits(inst)
    }


def _waits(inst: Instance) -> bool:
    return any(one.kind in CONTEXT_KINDS and not one.reached for one in inst.ancestors())


def _of_later(old: Later, new: Later) -> Comparison:
    found = Comparison()
    found.new = [inst for name, (inst, _) in new.items() if name not in old]
    found.gone = [inst for name, (inst, _) in old.items() if name not in new]
    for name, (inst, look) in new.items():
        before = old[name][1] if name in old else look
        if before != look:
            names = {**before[0], **look[0]}
            props = {
                one: (before[0].get(one), look[0].get(one)) for one in names if before[0].get(one) != look[0].get(one)
            }
            if before[1] != look[1]:
                props["children"] = (before[1], look[1])
            found.changed.append(Change(inst, props, before[2] != look[2]))
    return found


def _rendered(run: Run, read: Callable[[Draft], T]) -> T:
    """What `read` finds in a draft of the whole plan, which is taken back."""
    tree = run.tree
    stale, unended, past = dict(tree.stale), dict(tree.unended), dict(tree.past)
    # Whose turn comes only because of what this render changes is part of the difference; all else is not.
    tree.stale.clear()
    rescripted, tree.rescripted = tree.rescripted, True
    run.files.begin_frame()
    run.content.begin(run.next_frame, run.clock.now_ms())
    dirty = run.rt.take_dirty()
    run.content.whole = True
    draft: Draft | None = None
    try:
        draft = render(run.tree, run.content, [], run.next_frame, comparing=True)
        return read(draft)
    finally:
        run.content.whole = False
        if draft is not None:
            draft.rollback()
        tree.stale, tree.unended, tree.past, tree.rescripted = stale, unended, past, rescripted
        run.rt.requeue([*run.rt.take_dirty(), *dirty])


def _look(inst: Instance, draft: Draft) -> tuple[dict[str, Any], str, bytes | None]:
    desc = draft.described.get(inst, inst.desc)
    texts = (str(one.desc.value) for one in inst.children if one.kind is NodeKind.TEXT)
    return desc.plan_props(), "".join(texts), signature_of(desc) if inst.kind is NodeKind.RUNNABLE else None


def _read(before: list[Instance], draft: Draft, drift: _Drift) -> Comparison:
    found = Comparison()
    dropped = {inst for top in draft.dropped for inst in top.walk()} - set(draft.relocated)
    found.new = [inst for inst in draft.created.values() if inst.kind is not NodeKind.TEXT]
    for inst in before:
        if inst.is_root or inst.kind is NodeKind.TEXT:
            continue
        if inst in dropped:
            found.gone.append(inst)
            continue
        change = _change(inst, draft, drift)
        if change is not None:
            found.changed.append(change)
        elif inst not in draft.relocated:
            found.kept.append(inst)
    found.moved = [inst for inst in draft.relocated if inst.kind is not NodeKind.TEXT]
    return found


def _change(inst: Instance, draft: Draft, drift: _Drift) -> Change | None:
    if inst not in draft.descs:
        return None
    desc = draft.described.get(inst, inst.desc)
    new, old = desc.plan_props(), inst.props
    props = {
        name: (old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name)
    } | _prompt_change(inst, draft)
    state = state_of(inst)
    code = state is not None and state.signature != signature_of(desc)
    if state is not None and not drift.counts(inst, draft, code=code):
        return None
    return Change(inst, props, code) if props or code else None


def _prompt_change(inst: Instance, draft: Draft) -> dict[str, tuple[Any, Any]]:
    """The text children of an agent are its prompt."""
    if inst.kind is not NodeKind.RUNNABLE:
        return {}
    old = [_old_text(one, draft) for one in draft.before.get(inst, inst.children) if one.kind is NodeKind.TEXT]
    new = [one.desc.value for one in inst.children if one.kind is NodeKind.TEXT]
    return {"children": ("".join(old), "".join(new))} if old != new else {}


def _old_text(text: Instance, draft: Draft) -> str:
    return str(draft.descs.get(text, text.desc).value)
