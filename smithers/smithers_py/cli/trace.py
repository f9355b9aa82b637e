"""SMITHERS_TRACE=1: a line on stderr for each frame of a run, when it is whole (O-6): what called for it, which scopes
ran and because of which keys, what it changed and wrote, and what its phases took.

Read from the rows, as `smithers db frames` does: what is traced is what is stored.
"""

import asyncio
import os
import time
from pathlib import Path

from smithers_py.cli.terminal import clean, note, shorten
from smithers_py.harness.models import FrameTrace
from smithers_py.harness.plan_view import PlanView
from smithers_py.harness.reader import Reader, open_reader

_POLL_SECONDS = 0.1
_WIDEST = 400
_LEAST_MS = 0.05


def tracing() -> bool:
    """Whether SMITHERS_TRACE asks for it."""
    return os.environ.get("SMITHERS_TRACE", "") not in {"", "0"}


async def trace(db_path: Path, view: PlanView, over: asyncio.Event) -> None:
    """Print the frames of the run that `view` shows until `over` is set, and then the rest."""
    began = time.time_ns() // 1_000_000
    while not (view.execution_id or over.is_set()):
        await _pause(over)
    if not view.execution_id:
        return
    async with open_reader(db_path) as reader:
        # Of an execution that is resumed, the frames before were another engine's.
        frames = await reader.frames(view.execution_id)
        following = next((one.frame for one in frames if one.created_at >= began), len(frames))
        while not over.is_set():
            following = await _print(reader, view, following, whole=False)
            await _pause(over)
        await _print(reader, view, following, whole=True)


async def _print(reader: Reader, view: PlanView, first: int, *, whole: bool) -> int:
    """Print from frame `first` on; the next one to print. The last row gets its times with the next frame's."""
    found = await reader.traced(view.execution_id, first)
    told = found if whole else found[:-1]
    for one in told:
        note(shorten(clean(_line(one)), _WIDEST))
    return first + len(told)


def _line(one: FrameTrace) -> str:
    parts = [f"trace frame {one.frame}", f"by {', '.join(one.triggers)}"]
    if one.ran:
        parts.append(f"ran {', '.join(one.ran)}")
    if one.mounted or one.unmounted or one.updated:
        parts.append(f"plan +{one.mounted} -{one.unmounted} ~{one.updated}")
    if one.keys_written:
        parts.append(f"wrote {', '.join(one.keys_written)}")
    took = ", ".join(f"{name} {ms:.1f}" for name, ms in one.phase_ms.items() if ms >= _LEAST_MS)
    parts.append(f"{sum(one.phase_ms.values()):.1f} ms{f' ({took})' if took else ''}")
    return " | ".join(parts)


async def _pause(over: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_POLL_SECONDS):
            await over.wait()
    except TimeoutError:
        return
