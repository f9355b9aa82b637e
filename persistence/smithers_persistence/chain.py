"""The hash chain of an execution: `head_chain` covers every delta and every state change committed so far.

    frame k's chain  = H("frame", head, k, delta k, what its row tells)    with the frame's opening, becomes the head
    head after flush = H("state", head, what the flush tells, its transitions), where there is any of these

So frame k's chain covers delta k and the state diff of flush k-1 (Z-18), and the closing record's head covers the
last flush too. What a row tells are its reason, counts, hashes and keys; measurements (its times and size) and the
keyframe, which is a cache, stand outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

START = bytes(16)
_NOTHING = (-1).to_bytes(8, "big", signed=True)
_LENGTHS = [size.to_bytes(8, "big") for size in range(1024)]
ChangeTexts = tuple[str, str | None, str | None, str | None, bool]
"""(key, old_value_json, new_value_json, delta_json, deleted) of one transition."""


Told = Sequence[str | bytes | int | None]
"""Further columns of a frame's row, as stored."""


def link_frame(head: bytes, frame_index: int, delta: bytes | None, told: Told) -> bytes:
    """The chain of frame `frame_index`: 16 bytes."""
    return _digest(b"frame", head, (frame_index, delta, *told))


def link_state(head: bytes, changes: Sequence[ChangeTexts], told: Told) -> bytes:
    """The head after a flush of `changes`, in order: 16 bytes; the head itself when there is nothing to tell."""
    if not changes and all(value is None for value in told):
        return head
    values = [*told]
    for key, old, new, delta, deleted in changes:
        values += (key, old, new, delta, "deleted" if deleted else None)
    return _digest(b"state", head, values)


def _digest(person: bytes, head: bytes, values: Told) -> bytes:
    """A length before each value: no two different lists of values give the same bytes."""
    parts = [head]
    add = parts.append
    for value in values:
        if value is None:
            add(_NOTHING)
            continue
        data = value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else b"%d" % value
        size = len(data)
        add(_LENGTHS[size] if size < 1024 else size.to_bytes(8, "big"))
        add(data)
    return blake2b(b"".join(parts), digest_size=16, person=person).digest()
