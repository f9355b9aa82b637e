"""Short ways to write rows in tests."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from hashlib import blake2b

from smithers_persistence import Database, ExecutionStore
from smithers_persistence.rows import FrameFlush, FrameOpening, FrameWrite, KvWrite, NewExecution, TransitionRow

OpenDb = Callable[[], AbstractAsyncContextManager[Database]]
NOW = 1_762_000_000_000


def digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


async def new_store(db: Database, execution_id: str = "exec000001", **more: object) -> ExecutionStore:
    new = NewExecution(execution_id, NOW, "host-1", **more)
    return await ExecutionStore.create(db, new, clock=lambda: NOW)


def change(key: str, old: str | None, new: str | None, **more: object) -> TransitionRow:
    return TransitionRow(key, old, new, NOW, deleted=new is None, **more)


def flush(rows: list[TransitionRow], kv: list[KvWrite] | None = None, **more: object) -> FrameFlush:
    if kv is None:
        kv = [KvWrite(key, text, NOW) for key, text in {row.key: row.new_value_json for row in rows}.items()]
    more.setdefault("keys_written", [row.key for row in rows])
    return FrameFlush(rows, kv, digest(str(rows)), **more)


def frame(index: int, opening: FrameOpening | None = None, flushed: FrameFlush | None = None, **more) -> FrameWrite:
    more.setdefault("triggers", ["start"])
    opening = opening or FrameOpening(None, digest("plan"))
    return FrameWrite(index, NOW + index, "start", opening=opening, flush=flushed, **more)
