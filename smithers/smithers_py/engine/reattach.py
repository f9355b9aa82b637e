"""The script meets the stored plan again: it must render the same from the same state (Z-19)."""

from smithers_persistence.head import HeadRows
from smithers_py.engine.causes import read_names
from smithers_py.engine.draft import Draft
from smithers_py.engine.instance import Instance
from smithers_py.engine.reconcile import reconcile
from smithers_py.engine.render import render
from smithers_py.engine.run import Run
from smithers_py.errors import ResumeDivergedError
from smithers_py.nodes import NodeKind


def reattach(run: Run, rows: HeadRows, *, may_differ: bool) -> None:
    """Render the rebuilt tree against the head frame's state.

    Where the result is the stored plan, the tree is the script's again and nothing else happens. Where it differs in
    something that has not started, the next frame shows the difference. Where it would drop started work, that is
    refused, unless the script `may_differ`: then the next frame does what the new script says.

    Raises:
        ResumeDivergedError: the same script would drop a node that has started; names what decided it.
    """
    run.tree.rescripted = True
    if may_differ:
        return
    draft = render(run.tree, run.content, [], rows.execution.head_frame)
    lost = [inst for inst in _dropped(draft) if inst.kind is NodeKind.RUNNABLE and inst.reached]
    same = not lost and _is_same(draft)
    if same:
        reconcile(run.tree, draft)
        run.rt.take_dirty()
        return
    error = _diverged(run, lost, draft) if lost else None
    draft.rollback()
    run.rt.take_dirty()
    if error is not None:
        raise error


def _dropped(draft: Draft) -> list[Instance]:
    return [inst for top in draft.dropped for inst in top.walk()]


def _is_same(draft: Draft) -> bool:
    """Nothing mounted, unmounted or moved, and no waiting node described otherwise."""
    if draft.created or draft.dropped or draft.relocated:
        return False
    if any(parent.children != children for parent, children in draft.before.items()):
        return False
    return all(_props(inst) == inst.props for inst in draft.descs if not _keeps_props(inst))


def _keeps_props(inst: Instance) -> bool:
    return inst.kind is NodeKind.RUNNABLE and inst.status not in ("idle", "scheduled")


def _props(inst: Instance) -> dict[str, object]:
    new = inst.desc.plan_props()
    return {name: value for name, value in new.items() if value is not None or name in inst.props}


def _diverged(run: Run, lost: list[Instance], draft: Draft) -> ResumeDivergedError:
    inst = lost[0]
    readers = {scope.owner: read_names(log) for scope, log in draft.logs}
    above = next((one for one in inst.ancestors() if one in readers), run.tree.root)
    reads = ", ".join(readers.get(above, [])) or "no state"
    source = above.desc.source or (None, None)
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    return ResumeDivergedError(
        f"{inst.path_name} has started{more}, and the same script does not show it any more; "
        f"{above.path_name}, which decides that, read {reads}"
    ).locate(execution_id=run.execution_id, node=above.path(), file=source[0], line=source[1])
