"""The hash chain of an execution: `head_chain` covers every delta and every state change committed so far.

    frame k's chain  = H("frame", head, k, delta k)          committed with the frame's opening, becomes the head
    head after flush = H("state", head, the flush's transitions), where it changed anything

So frame k's chain covers delta k and the state diff of flush k-1 (Z-18), and the closing record's head covers the
last flush too.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

START = bytes(16)
ChangeTexts = tuple[str, str | None, str | None, str | None, bool]
"""(key, old_value_json, new_value_json, delta_json, deleted) of one transition."""


def link_frame(head: bytes, frame_index: int, delta: bytes | None) -> bytes:
    """The chain of frame `frame_index`: 16 bytes."""
    text = head + frame_index.to_bytes(8, "big", signed=True) + (delta or b"")
    return blake2b(text, digest_size=16, person=b"frame").digest()


def link_state(head: bytes, changes: Iterable[ChangeTexts]) -> bytes:
    """The head after a flush of `changes`, in order: 16 bytes; the head itself when there are none."""
    digest = blake2b(head, digest_size=16, person=b"state")
    changed = False
    for key, old, new, delta, deleted in changes:
        changed = True
        for text in (key, old, new, delta, "deleted" if deleted else None):
            # A length before each text: no two different lists of texts give the same bytes.
            data = b"" if text is None else text.encode()
            digest.update((-1 if text is None else len(data)).to_bytes(8, "big", signed=True))
            digest.update(data)
    return digest.digest() if changed else head
