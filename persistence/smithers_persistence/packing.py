"""Long JSON texts are stored as zstd frames where that saves anything: a column then holds a blob instead of a text.

Kept here alone: rows handed in and records read back always carry plain text. It halves what large values, deltas,
results and histories of ordinary text cost on disk, and what each commit writes.
"""

from __future__ import annotations

import zstandard

PACK_FROM = 512
_WORTH = 0.95


def pack(text: str | None) -> str | bytes | None:
    """The stored form of a JSON text."""
    if text is None or len(text) < PACK_FROM:
        return text
    data = text.encode()
    packed = zstandard.ZstdCompressor(level=3, write_checksum=False, write_content_size=True).compress(data)
    return packed if len(packed) < len(data) * _WORTH else text


def unpack(stored: str | bytes | None) -> str | None:
    """The JSON text of a stored column. Raises zstandard.ZstdError when the blob is damaged."""
    if isinstance(stored, bytes):
        return zstandard.ZstdDecompressor().decompress(stored).decode()
    return stored
