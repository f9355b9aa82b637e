"""A flush, decided but not yet written (S-4, S-5, Z-15).

Batch after batch is applied on drafts. A batch that fails leaves no trace; the others go on. Each batch gives at most
one change per key: what it set twice is one transition, what it set and set back is none. Nothing in memory changes
here, so a plan that cannot be committed is simply dropped.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from smithers_py.state.actions import Batch, SignalNode, SignalSet, VolDelete, VolInit, VolSet, VolUpdate
from smithers_py.state.activity import Activity, current
from smithers_py.state.codec import type_name_of
from smithers_py.state.deltas import join_ops, size_of, splice
from smithers_py.state.draft import Draft, Mark
from smithers_py.state.values import LARGE, Entry, add_digests, digest_of
from smithers_py.state.vol import VolChange, apply_vol, same


@dataclass(slots=True)
class KvWrite:
    """The row of a key: its text, its registered type, and whether later deltas are to be folded on it."""

    value_text: str
    type_name: str | None
    is_keyframe: bool


@dataclass(slots=True)
class Change:
    """One transition (S-5). Texts are None for absent, and both None when `delta_text` says what changed instead.

    `kv` is the key's row to write with it: on the last change of a key in a flush, for a large value only when a
    keyframe is due. A deleted key's row is to be removed.
    """

    key: str
    old_text: str | None
    new_text: str | None
    delta_text: str | None
    deleted: bool
    trigger: str | None
    node_id: str | None
    handler: str | None
    kv: KvWrite | None = None


@dataclass(slots=True)
class KeyResult:
    """What publishing a key needs: its draft, and the accounts of a large value."""

    draft: Draft
    digest: int
    base_size: int
    since: int


@dataclass(slots=True)
class FlushPlan:
    """What a flush will write and publish. `failed` are the dropped batches, each with the error of its action.

    `keys_written` are the changed keys in order, volatile ones as `vol:<key>`; `state_hash` is 16 bytes for the
    durable state after this flush.
    """

    version: int
    changes: list[Change] = field(default_factory=list)
    vol_changes: list[VolChange] = field(default_factory=list)
    signal_writes: list[tuple[SignalNode, Any]] = field(default_factory=list)
    failed: list[tuple[Batch, Exception]] = field(default_factory=list)
    keys_written: list[str] = field(default_factory=list)
    state_hash: bytes = b""
    results: dict[str, KeyResult] = field(default_factory=dict)
    total: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing changes at all."""
        return not (self.changes or self.vol_changes or self.signal_writes)


class Planner:
    """One flush being decided: `apply` as often as needed, `finish` once. See `StateStore.planner`.

    `entry_of` and `vol_of` look at the committed state; `total` is the sum of its digests.
    """

    def __init__(
        self, version: int, total: int, entry_of: Callable[[str], Entry | None], vol_of: Callable[[str], Any]
    ) -> None:
        self._entry_of = entry_of
        self._vol_of = vol_of
        self._drafts: dict[str, Draft] = {}
        self._vol: dict[str, Any] = {}
        self._signals: dict[int, tuple[SignalNode, Any]] = {}
        self._plan = FlushPlan(version, total=total)
        # One batch's part; taken over when it succeeds.
        self._marks: dict[str, Mark] = {}
        self._triggers: dict[str, str | None] = {}
        self._batch_vol: dict[str, Any] = {}
        self._batch_signals: dict[int, tuple[SignalNode, Any]] = {}

    def apply(self, batches: Iterable[Batch]) -> list[tuple[Batch, Exception]]:
        """Apply batches in flush order, on top of those applied before; returns the ones that failed and left nothing.

        An update's function runs here, exactly once.
        """
        failed = self._plan.failed
        before = len(failed)
        for batch in sorted(batches, key=lambda batch: (batch.kind == "operator", batch.frame, batch.order)):
            self._apply(batch)
        return failed[before:]

    def put(self, texts: Mapping[str, str]) -> None:
        """Set the engine's own small keys, after all batches: nothing is called, and nothing can fail."""
        for key, text in texts.items():
            draft = self._drafts.get(key)
            if draft is None:
                draft = self._drafts[key] = Draft(key, self._entry_of(key))
            old = draft.whole()
            if old != text:
                draft.put(text)
                self._plan.changes.append(Change(key, old, text, None, False, None, None, None))

    def finish(self) -> FlushPlan:
        """The plan of all that was applied."""
        plan = self._plan
        self._account(plan.total)
        if self._signals:
            plan.signal_writes = [
                (node, value) for node, value in self._signals.values() if not node.is_same(node.value, value)
            ]
        plan.keys_written = list(plan.results)
        if plan.vol_changes:
            plan.keys_written += dict.fromkeys(f"vol:{change.key}" for change in plan.vol_changes)
        return plan

    def _apply(self, batch: Batch) -> None:
        self._marks, self._triggers, self._batch_vol, self._batch_signals = {}, {}, {}, {}
        # An update's function may read ctx but not write through it: it runs in an activity that is over.
        activity = Activity("handler", batch.node_id, batch.handler, frame=batch.frame)
        activity.close()
        token = current.set(activity)
        try:
            for action in batch.actions:
                self._act(action)
        except Exception as error:  # noqa: BLE001 - Z-15: whatever an update raises drops its batch, and only that
            for key, mark in self._marks.items():
                self._drafts[key].back(mark)
            self._plan.failed.append((batch, error))
            return
        finally:
            current.reset(token)
        for key, mark in self._marks.items():
            self._change(batch, key, mark)
        self._signals.update(self._batch_signals)
        for key, value in self._batch_vol.items():
            if not same(self._vol.get(key, self._vol_of(key)), value):
                self._vol[key] = value
                trigger = self._triggers.get(f"vol:{key}") or batch.trigger
                self._plan.vol_changes.append(VolChange(key, value, trigger, batch.node_id, batch.handler))

    def _act(self, action: Any) -> None:
        if isinstance(action, SignalSet):
            node = action.node
            known = self._batch_signals.get(id(node)) or self._signals.get(id(node))
            value = action.value(known[1] if known else node.value) if action.is_update else action.value
            self._batch_signals[id(node)] = (node, value)
            return
        key = action.key
        if isinstance(action, VolSet | VolInit | VolUpdate | VolDelete):
            old = self._batch_vol.get(key, self._vol.get(key, self._vol_of(key)))
            self._batch_vol[key] = apply_vol(action, old)
            key = f"vol:{key}"
        else:
            draft = self._drafts.get(key)
            if draft is None:
                draft = self._drafts[key] = Draft(key, self._entry_of(key))
            if key not in self._marks:
                self._marks[key] = draft.mark()
            draft.apply(action)
        if action.trigger is not None or key not in self._triggers:
            self._triggers[key] = action.trigger

    def _change(self, batch: Batch, key: str, mark: Mark) -> None:
        """Record what the batch made of one key, if that is anything."""
        draft = self._drafts[key]
        old: str | None = None
        new: str | None = None
        delta: str | None = None
        if mark.stepped and draft.stepped:
            ops = draft.ops[mark.ops :]
            if not ops:
                return
            joined = join_ops(ops)
            delta = None if joined is None else joined.text()
        if delta is None:
            old = draft.whole_at(mark.ops) if mark.stepped else mark.text
            new = draft.whole()
            if old == new:
                draft.back(mark)
                return
            if old is not None and new is not None and mark.size > LARGE and draft.size > LARGE:
                found = splice(old, new)
                if size_of(found) < draft.size / 2:
                    old, new, delta = None, None, found
        trigger = self._triggers.get(key) or batch.trigger
        self._plan.changes.append(Change(key, old, new, delta, draft.absent, trigger, batch.node_id, batch.handler))

    def _account(self, total: int) -> None:
        """Digests, and the rows to write: each key's last change carries the row."""
        plan = self._plan
        by_key: dict[str, list[Change]] = {}
        for change in plan.changes:
            by_key.setdefault(change.key, []).append(change)
        for key, changes in by_key.items():
            draft = self._drafts[key]
            entry = draft.entry
            digest = entry.digest if entry is not None else 0
            result = KeyResult(draft, digest, entry.base_size if entry else 0, entry.since if entry else 0)
            whole = False
            for change in changes:
                if change.delta_text is None:
                    whole = True
                    result.digest = 0 if change.new_text is None else digest_of(key, change.new_text)
                else:
                    result.since += size_of(change.delta_text)
                    result.digest = digest_of(key, format(result.digest, "x"), change.delta_text)
            if not draft.absent and (whole or result.since > result.base_size):
                changes[-1].kv = _row(draft.whole() or "", draft.size)
                result.base_size, result.since = draft.size, 0
            total = add_digests(total, digest, result.digest)
            plan.results[key] = result
        plan.total = total
        plan.state_hash = total.to_bytes(16, "big")


def _row(text: str, size: int) -> KvWrite:
    name = type_name_of(orjson.loads(text)) if text.startswith('{"$type"') else None
    return KvWrite(text, name, size > LARGE)
