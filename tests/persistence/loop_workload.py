"""A loop as the engine would write it: per iteration three frames, three `$` transitions of about 25 bytes, one item
appended to a large value, one node mounted and one unmounted, one task with one attempt, two events.

Run as a script it is the child that the crash tests kill: `loop_workload.py DATABASE ITERATIONS`.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from smithers_persistence import Database, ExecutionStore
from smithers_persistence.rows import (
    PHASES,
    EndExecution,
    EventRow,
    FinishedTask,
    FrameFlush,
    FrameOpening,
    FrameWrite,
    InstanceRow,
    KvWrite,
    NewExecution,
    TaskClaim,
    TaskRow,
    TransitionRow,
)

EXECUTION = "x7k2m9qa1b"
START = 1_762_000_000_000
PHASE_MS = dict(zip(PHASES, (0.012, 0.113, 0.054, 0.312, 0.071, 0.093, 0.4), strict=True))
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -"


def digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def random_item(size: int = 1000) -> Callable[[int], str]:
    """Incompressible apart from its alphabet, so that packing does not flatter the measurement."""
    chance = random.Random(7)
    return lambda i: "".join(chance.choices(LETTERS, k=size))


class Loop:
    """Holds what the engine would hold: the decoded list, the last texts, the running frame number."""

    def __init__(self, store: ExecutionStore, item: Callable[[int], str]) -> None:
        self.store = store
        self.item = item
        self.frame = 0
        self.items: list[str] = []
        self.texts: dict[str, str] = {}
        self.log_size = 2
        self.base_size = 0
        self.since = 0
        self.state = 0

    def change(self, key: str, new: str, now: int, **more: str) -> tuple[TransitionRow, KvWrite]:
        old, self.texts[key] = self.texts.get(key), new
        return TransitionRow(key, old, new, now, **more), KvWrite(key, new, now)

    def append(self, i: int, now: int, node: str) -> tuple[TransitionRow, list[KvWrite]]:
        """The large value: a delta, and a new keyframe when the deltas since outweigh the last one."""
        item = self.item(i)
        self.items.append(item)
        delta = json.dumps({"append": [item]}, separators=(",", ":"))
        self.since += len(delta)
        row = TransitionRow("log", None, None, now, delta, trigger="task.finished", node_id=node, handler="on_finished")
        if self.since <= self.base_size:
            return row, []
        text = json.dumps(self.items, separators=(",", ":"))
        self.base_size, self.since = max(len(text), 4096), 0
        return row, [KvWrite("log", text, now, "list", keyframe=True)]

    def flush(self, rows: list[TransitionRow], kv: list[KvWrite], **more: object) -> FrameFlush:
        self.state += 1
        keys = [row.key for row in rows]
        return FrameFlush(rows, kv, digest(str(self.state)), phase_ms=PHASE_MS, keys_written=keys, **more)

    async def iterate(self, i: int) -> None:
        node, before, mounted = f"loop/{i}/run", f"loop/{i - 1}/run", self.frame
        now = START + 12 * i
        await self.store.commit(self.mount(i, node, before, now))
        ended = EventRow("task.finished", now + 5, node_id=node)
        await self.store.finish(FinishedTask(node, mounted, 1, "succeeded", now + 5, '"ok"', events=[ended]))
        status, status_kv = self.change("$status/run", f'["succeeded",{mounted},"{i:06}"]', now + 6)
        appended, log_kv = self.append(i, now + 6, node)
        handled = self.flush(
            [status, appended],
            [status_kv, *log_kv],
            statuses=[(node, mounted, "succeeded")],
            handled=[(node, mounted, "succeeded")],
        )
        await self.plain_frame(now + 6, "task.finished", 0, [], handled)
        loop, loop_kv = self.change("$loop/loop", f'{{"iteration":{i},"done":0}}', now + 7)
        await self.plain_frame(now + 7, "flush", 1, ["log"], self.flush([loop], [loop_kv]))
        if self.store.keyframe_due:
            nodes = [["loop", None, "While", None, {}], [node, "loop", "Task", None, {"fn": "app:work"}]]
            await self.store.write_keyframe(self.frame - 1, nodes)

    def mount(self, i: int, node: str, before: str, now: int) -> FrameWrite:
        patches: list[list[object]] = [["+", node, "loop", None, "Task", None, {"fn": "app:work"}]]
        if i:
            patches.insert(0, ["-", before, "loop", None, "Task", None, {"fn": "app:work"}])
        else:
            patches.insert(0, ["+", "loop", None, None, "While", None, {}])
        delta = json.dumps(patches, separators=(",", ":"))
        instances = [InstanceRow(node, "loop", "Task")]
        if i == 0:
            instances.insert(0, InstanceRow("loop", None, "While"))
        opening = FrameOpening(
            delta.encode(),
            digest(delta),
            mounted=1,
            unmounted=int(i > 0),
            scopes=1,
            keys_read=["$loop/loop"],
            instances=instances,
            closed=[(before, self.frame - 3)] if i else [],
            new_tasks=[TaskRow(node, self.frame, "task", now, digest("signature"))],
            claims=[TaskClaim(node, self.frame, 1, now)],
            events=[EventRow("task.started", now, node_id=node)],
        )
        status, status_kv = self.change("$status/run", f'["running",{self.frame},"{i:06}"]', now)
        write = FrameWrite(self.frame, now, "flush", ["flush"], opening, self.flush([status], [status_kv]))
        self.frame += 1
        return write

    async def plain_frame(self, now: int, reason: str, scopes: int, keys_read: list[str], flush: FrameFlush) -> None:
        opening = FrameOpening(None, digest("plan"), scopes=scopes, keys_read=keys_read)
        # Opened and flushed apart, as a frame is whose handlers take their time.
        write = FrameWrite(self.frame, now, reason, [reason], opening)
        await self.store.commit(write)
        await self.store.commit(FrameWrite(self.frame, now, reason, [reason], None, flush))
        self.frame += 1


async def run_loop(db: Database, iterations: int, item: Callable[[int], str]) -> Loop:
    """Create the execution, run all iterations, end it."""
    initial, kv = TransitionRow("mode", None, '"fast"', START), KvWrite("mode", '"fast"', START)
    new = NewExecution(
        EXECUTION, START, "host-4711", name="loop", initial=FrameFlush([initial], [kv], digest("initial"))
    )
    loop = Loop(await ExecutionStore.create(db, new, clock=lambda: START), item)
    for i in range(iterations):
        await loop.iterate(i)
    await loop.store.end(EndExecution("completed", 0, START + 12 * iterations))
    await loop.store.release()
    return loop


async def _main() -> None:
    db = await Database.open(Path(sys.argv[1]))
    await run_loop(db, int(sys.argv[2]), random_item(300))
    await db.close()


if __name__ == "__main__":
    asyncio.run(_main())
