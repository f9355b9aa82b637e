"""Committed values in memory.

Up to `LARGE` bytes a value is its text. A larger one is held as plain data, so that a structured change costs what it
changes; its text is made when somebody asks for it and kept until the next change.
"""

from hashlib import blake2b
from typing import Any

import orjson

from smithers_py.state.codec import decode, dumps
from smithers_py.state.deltas import Op, apply_op, size_of

LARGE = 4096
"""Bytes of text above which a value is stored as a keyframe and deltas (S-7)."""

_MASK = (1 << 128) - 1


def digest_of(key: str, *parts: str) -> int:
    """A 128-bit number that stands for a key and its text (or its former digest and a delta)."""
    made = blake2b(key.encode(), digest_size=16)
    for part in parts:
        made.update(b"\0")
        made.update(part.encode())
    return int.from_bytes(made.digest(), "big")


def add_digests(total: int, minus: int, plus: int) -> int:
    """The running sum modulo 2**128 of all keys' digests after one of them changed."""
    return (total - minus + plus) & _MASK


class Entry:
    """One key's committed value.

    `base_size` is the size at the last keyframe and `since` the bytes of deltas written after it; a change is due to
    be a keyframe when `since` outweighs `base_size`, so the deltas to fold never exceed twice the value.
    """

    __slots__ = ("_text", "base_size", "constant", "digest", "plain", "since", "size", "value")

    def __init__(self, key: str, text: str, digest: int | None = None) -> None:
        self._text: str | None = text
        self.size = size_of(text)
        self.base_size = self.size
        self.since = 0
        self.digest = digest_of(key, text) if digest is None else digest
        self.plain: Any = None
        self.value: Any = None
        self.constant = False
        if self.size > LARGE:
            self.plain = orjson.loads(text)
            self._text = None
        elif text[0] not in "{[":
            self.value = orjson.loads(text)  # immutable: may be handed out as it is
            self.constant = True

    @property
    def large(self) -> bool:
        """Whether the value is held as plain data."""
        return self.size > LARGE

    def text(self) -> str:
        """The whole text; for a large value O(size) after a change."""
        text = self._text
        if text is None:
            text = self._text = dumps(self.plain)
        return text

    def read(self, key: str) -> Any:
        """The value, containers fresh. Raises StateValueError as `decode`."""
        return self.value if self.constant else decode(self.text(), key)

    def advance(self, ops: list[Op], size: int, base_size: int, since: int, digest: int) -> None:
        """Carry out structured changes that have been committed; O(what they change)."""
        for op in ops:
            apply_op(op, self.plain)
        self._text = None
        self.size = size
        self.base_size = base_size
        self.since = since
        self.digest = digest
