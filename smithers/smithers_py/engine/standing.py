"""What an execution stands at, as stored: running, waiting or paused (Z-21, P-2)."""

from smithers_py.engine.asking import OF_PEOPLE
from smithers_py.engine.instance import Instance
from smithers_py.engine.run import Run

_MOST_NAMED = 3


async def stand(run: Run) -> None:
    """Store the status when it has changed. Asked when the loop is about to wait, never inside a frame.

    Raises:
        StoreFailed, LostLease: it could not be written.
    """
    word, reason = standing(run)
    if word == run.standing:
        return
    run.standing = word
    if run.parent_told is not None:
        run.parent_told(_blocked_by(run) if word == "waiting" else None)
    await run.store.set_status(word, reason, [run.event(f"execution.{word}")])


def standing(run: Run) -> tuple[str, str | None]:
    """The word, and for people why."""
    if run.paused:
        return "paused", "nothing new starts; go on with: smithers unpause"
    if run.tasks.only_rests and not run.inbox:
        return "waiting", _waits_for(run)
    return "running", None


def _waits_for(run: Run) -> str:
    people = [inst for inst in run.tasks.running if _reason(inst) in OF_PEOPLE]
    waits = people or list(run.tasks.running)
    named = ", ".join(inst.path_name for inst in waits[:_MOST_NAMED])
    more = f" and {len(waits) - _MOST_NAMED} more" if len(waits) > _MOST_NAMED else ""
    return f"{named}{more} {'waits' if len(waits) == 1 else 'wait'} for {'a person' if people else 'a time'}"


def _blocked_by(run: Run) -> str:
    """What a parent's node shows: a person first, for that is who must act."""
    reasons = [_reason(inst) for inst in run.tasks.running]
    return next((reason for reason in reasons if reason in OF_PEOPLE), reasons[0])


def _reason(inst: Instance) -> str:
    return inst.extra.blocked.reason
