"""Identities: of nodes (F-4, Z-2) and of executions."""

import secrets
from hashlib import blake2b, sha256
from typing import Any

import orjson

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base32 in lower case: its characters sort as the numbers they stand for, none looks like another."""

_TIME_CHARS = 7
_TIME_UNIT_MS = 64
"""7 characters of 5 bits count 2^35 units of 64 ms: 69 years from 2024, so ids sort by time to 64 ms until 2093."""

_EPOCH_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z in ms since the Unix epoch."""

_RANDOM_CHARS = 3


def node_id(parent: str | None, segment: str, type_name: str) -> str:
    """The 16 hex digits that identify a node without an explicit id (F-4).

    `parent` is the parent's node id (None at the root), `segment` is `k:{key}` or `i:{index}`.
    """
    return sha256(f"{parent or 'root'}/{segment}:{type_name}".encode()).hexdigest()[:16]


def node_digest(identity: str, parent: str | None, after: str | None, type_name: str, props: dict[str, Any]) -> int:
    """One node's part of a plan hash, which is the sum modulo 2^128 over all nodes (Z-4).

    `after` is the previous sibling's id. No statuses, sources or callables go in.
    """
    text = orjson.dumps([identity, parent, after, type_name, props], option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(blake2b(text, digest_size=16).digest(), "big")


def new_execution_id(now_ms: int) -> str:
    """A new execution id of 10 characters: 7 of time (they sort), 3 random. `now_ms`: wall clock, ms since the epoch.

    The database's primary key is what guarantees that an id is used once.
    """
    number = max(0, now_ms - _EPOCH_MS) // _TIME_UNIT_MS
    chars = [_ALPHABET[number >> (5 * place) & 31] for place in reversed(range(_TIME_CHARS))]
    chars += [secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARS)]
    return "".join(chars)
