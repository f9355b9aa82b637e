"""Another version of the script under a live run: compared, agreed, and taken over between two frames (C-6)."""

from dataclasses import dataclass
from typing import Any

from smithers_persistence.head import last_changes
from smithers_py.dsl.component import Element
from smithers_py.engine.compare import Comparison, compare
from smithers_py.engine.plan_change import PlanDiff, apply_change, change_events, describe, follow
from smithers_py.engine.run import Run
from smithers_py.engine.triggers import Trigger
from smithers_py.version import ENGINE_VERSION


@dataclass(frozen=True, slots=True)
class NewScript:
    """A version of the script: its entry, freshly loaded, the hash of its source, and the run's input as its model."""

    element: Element
    sha256: str
    input: Any = None


async def propose(run: Run, script: NewScript) -> PlanDiff:
    """What the script would do to the run as it is now; changes nothing.

    Raises:
        PlanError, RenderPhaseError, StateError: what the new script's components do wrong.
    """
    return await run.at_boundary(lambda: _proposed(run, script))


async def take_over(run: Run, script: NewScript) -> PlanDiff:
    """Go on with the script from the next frame on. Running nodes that it does not touch do not notice.

    Returns what changes, as it is carried out. Raises as `propose`; then the old script goes on.
    """
    return await run.at_boundary(lambda: _taken(run, script))


async def between_frames(run: Run) -> None:
    """What waits for a frame boundary: questions and changes from outside, and what depends on rerun nodes."""
    if run.boundary:
        await run.landed()
    while run.boundary:
        await run.boundary.popleft()()
    if run.cascade_keys:
        follow(run, await _last_changes(run))


async def _proposed(run: Run, script: NewScript) -> PlanDiff:
    before = _swap(run, script)
    try:
        return describe(await _compared(run, before[0]))
    finally:
        _swap_back(run, before)


async def _taken(run: Run, script: NewScript) -> PlanDiff:
    before = _swap(run, script)
    try:
        found = await _compared(run, before[0])
        diff = describe(found)
        await run.store.change_script(script.sha256, ENGINE_VERSION, change_events(run, found))
    except BaseException:
        _swap_back(run, before)
        raise
    apply_change(run, found)
    run.post(Trigger("operator", "script changed"))
    return diff


async def _compared(run: Run, was: Element) -> Comparison:
    return compare(run, await _last_changes(run), was=was)


def _swap(run: Run, script: NewScript) -> tuple[Any, bool, Any]:
    before = (run.tree.root.desc, run.tree.rescripted, run.ctx.input)
    run.tree.root.desc, run.tree.rescripted = script.element, True
    run.ctx.take_input(script.input)
    return before


def _swap_back(run: Run, before: tuple[Any, bool, Any]) -> None:
    run.tree.root.desc, run.tree.rescripted = before[:2]
    run.ctx.take_input(before[2])


async def _last_changes(run: Run) -> dict[str, int]:
    await run.landed()
    return await run.store.db.read(lambda conn: last_changes(conn, run.execution_id))
