"""The hash chain of an execution: `head_chain` covers every delta and every state change committed so far.

    frame k's chain  = H("frame", head, k, delta k, what its row tells)    with the frame's opening, becomes the head
    head after flush = H("state", head, what the flush tells, its transitions), where there is any of these

So frame k's chain covers delta k and the state diff of flush k-1 (Z-18), and the closing record's head covers the
last flush too. What a row tells are its reason, counts, hashes and keys; measurements (its times and size) and the
keyframe, which is a cache, stand outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b

START = bytes(16)
_NOTHING = (-1).to_bytes(8, "big", signed=True)
ChangeTexts = tuple[str, str | None, str | None, str | None, bool]
"""(key, old_value_json, new_value_json, delta_json, deleted) of one transition."""


Told = Sequence[str | bytes | int | None]
"""Further columns of a frame's row, as stored."""


def link_frame(head: bytes, frame_index: int, delta: bytes | None, told: Told) -> bytes:
    """The chain of frame `frame_index`: 16 bytes."""
    digest = blake2b(head, digest_size=16, person=b"frame")
    for value in (frame_index, delta, *told):
        _add(digest, value)
    return digest.digest()


def link_state(head: bytes, changes: Iterable[ChangeTexts], told: Told) -> bytes:
    """The head after a flush of `changes`, in order: 16 bytes; the head itself when there is nothing to tell."""
    digest = blake2b(head, digest_size=16, person=b"state")
    for value in told:
        _add(digest, value)
    changed = any(value is not None for value in told)
    for key, old, new, delta, deleted in changes:
        changed = True
        for text in (key, old, new, delta, "deleted" if deleted else None):
            _add(digest, text)
    return digest.digest() if changed else head


def _add(digest: blake2b, value: str | bytes | int | None) -> None:
    """A length before each value: no two different lists of values give the same bytes."""
    if value is None:
        digest.update(_NOTHING)
        return
    data = value if isinstance(value, bytes) else str(value).encode()
    digest.update(len(data).to_bytes(8, "big", signed=True))
    digest.update(data)
