"""The committed durable state of one execution, in memory (S-1, S-3, S-5).

Reads see the state of the last published flush and nothing else: a flush is planned (`plan_flush`, no mutation),
committed by the engine in its transaction, and then published, which is when values change and readers are marked.
"""

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any

from smithers_py.state.actions import Batch
from smithers_py.state.codec import decode
from smithers_py.state.plan import FlushPlan, KeyResult, Planner
from smithers_py.state.tracking import KeyNodes, is_under
from smithers_py.state.values import LARGE, Entry, add_digests
from smithers_py.state.vol import VolStore
from smithers_reactive import Runtime


class StateStore:
    """Durable state, with the volatile state beside it as `vol` because one flush decides both.

    Reads are tracked: while a scope runs on the runtime's thread, they subscribe it to the key's node (named by the
    key), absent keys too.
    """

    def __init__(self, rt: Runtime) -> None:
        self.vol = VolStore(rt)
        self._rt = rt
        self._nodes = KeyNodes(rt)
        self._entries: dict[str, Entry] = {}
        self._total = 0
        self._version = 0
        # A sync task reads from its own thread while a flush changes a large value in place.
        self._lock = Lock()

    def load(self, texts: Mapping[str, str]) -> None:
        """Replace everything by what the database holds (resume): encoded texts by key.

        How many deltas lie behind a large value is not known here, so its next change writes a keyframe.
        """
        before = self._entries
        self._entries = {key: Entry(key, text) for key, text in texts.items()}
        self._total = 0
        for entry in self._entries.values():
            self._total = add_digests(self._total, 0, entry.digest)
            if entry.large:
                entry.since = entry.base_size
        self._version += 1
        keys = before.keys() | self._entries.keys()
        with self._rt.batch():
            self._nodes.touch(sorted(keys), sorted(before.keys() ^ self._entries.keys()))

    def step(self, texts: Mapping[str, str | None]) -> None:
        """Make what a stored flush did true here: new texts by key, None for absent (resume)."""
        moved = [key for key, text in texts.items() if (key in self._entries) == (text is None)]
        for key, text in texts.items():
            before = self._entries.pop(key, None)
            entry = None if text is None else Entry(key, text)
            if entry is not None:
                self._entries[key] = entry
                entry.since = entry.base_size if entry.large else 0
            self._total = add_digests(self._total, before.digest if before else 0, entry.digest if entry else 0)
        self._version += 1
        with self._rt.batch():
            self._nodes.touch(list(texts), moved)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`; containers are decoded afresh, so changing one changes nothing.

        Raises:
            StateValueError: the value is of a class that is not loaded or was changed.
        """
        self._nodes.track(key)
        entry = self._entries.get(key)
        if entry is None:
            return default
        if entry.constant:
            return entry.value
        if entry.size <= LARGE:
            return entry.read(key)
        with self._lock:
            text = entry.text()
        return decode(text, key)

    engine_get = get
    """The same for the engine's own `$` keys, under a name that says so."""

    def keys(self, prefix: str = "") -> list[str]:
        """The keys that begin with `prefix`, sorted; the engine's `$` keys only when the prefix begins so. Tracked."""
        self._nodes.track_prefix(prefix)
        return sorted(key for key in list(self._entries) if is_under(key, prefix))

    def is_read(self, key: str) -> bool:
        """Whether a mounted scope reads `key`, or lists keys among which it is."""
        return self._nodes.observed(key)

    def has(self, key: str) -> bool:
        """Whether `key` has a value; not tracked."""
        return key in self._entries

    def texts(self) -> dict[str, str]:
        """Every key's encoded text, `$` keys included; not tracked. O(size of the state)."""
        with self._lock:
            return {key: entry.text() for key, entry in self._entries.items()}

    @property
    def state_hash(self) -> bytes:
        """16 bytes that stand for the durable state: the sum modulo 2**128 of per-key digests.

        A large value's digest is chained over its deltas, so it tells changes apart but also depends on their history.
        """
        return self._total.to_bytes(16, "big")

    def planner(self) -> Planner:
        """Begin to decide a flush, for who must look at failed batches before adding more; changes nothing here."""
        return Planner(self._version, self._total, self._entries.get, self.vol.peek)

    def plan_flush(self, batches: Iterable[Batch]) -> FlushPlan:
        """Decide what the batches change; changes nothing. Failing batches are in the plan's `failed`."""
        planner = self.planner()
        planner.apply(batches)
        return planner.finish()

    def publish(self, plan: FlushPlan) -> None:
        """Make a plan the state, after its commit, and mark the readers of what changed.

        Raises:
            RuntimeError: the state has moved since the plan was made; it would be built on values that are gone.
        """
        if plan.version != self._version:
            raise RuntimeError("this flush was planned on an older state and cannot be published")
        self._version += 1
        self._total = plan.total
        moved = [key for key, result in plan.results.items() if (key in self._entries) == result.draft.absent]
        with self._lock:
            for key, result in plan.results.items():
                self._take(key, result)
        with self._rt.batch():
            self._nodes.touch(plan.results, moved)
            if plan.vol_changes:
                self.vol.publish({change.key: change.value for change in plan.vol_changes})
            for node, value in plan.signal_writes:
                node.write(value)

    def _take(self, key: str, result: KeyResult) -> None:
        draft = result.draft
        if draft.stepped and draft.entry is not None:
            draft.entry.advance(draft.ops, draft.size, result.base_size, result.since, result.digest)
        elif draft.text is None:
            self._entries.pop(key, None)
        else:
            entry = Entry(key, draft.text, result.digest)
            entry.base_size, entry.since = result.base_size, result.since
            self._entries[key] = entry
