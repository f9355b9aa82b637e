"""The storm guard (F-9, Z-20, H-4): a plan that only reacts to itself is stopped and explained, not left spinning.

A burst is no storm: any number of outside triggers share a frame. What counts is frame after frame whose only cause is
what the plan's own handlers and effects wrote, with nothing else happening in between.
"""

from collections import Counter

from smithers_py.engine.instance import Instance
from smithers_py.engine.run import Ending, Limits, Run
from smithers_py.engine.triggers import PROGRESS
from smithers_py.engine.work import Frame, Job
from smithers_py.errors import FrameStormError


class StormGuard:
    """Counts frames without progress. `storm_frames` and `storm_repeats` of the limits are its bounds."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.frames = 0
        self._hashes: Counter[tuple[bytes, bytes, bytes]] = Counter()
        self._keys: Counter[str] = Counter()
        self._writers: Counter[str] = Counter()
        self._nodes: dict[str, Instance] = {}

    def ran(self, job: Job) -> None:
        """Remember whose code wrote something."""
        if job.actions:
            name = f"{job.event} of {job.inst.path()}" if job.kind != "effect" else job.inst.path()
            self._writers[name] += 1
            self._nodes[name] = job.inst

    def saw(self, run: Run, frame: Frame) -> None:
        """Look at a flushed frame; ends the run as stalled when it goes in circles."""
        if not frame.user_keys or self._is_progress(frame):
            self._reset()
            return
        self.frames += 1
        self._keys.update(frame.user_keys)
        seen = (run.tree.plan_hash_bytes, run.state.state_hash, run.state.vol.digest())
        self._hashes[seen] += 1
        if self._hashes[seen] >= self.limits.storm_repeats:
            self._stall(run, "loop_detected", f"the same plan and state came back {self._hashes[seen]} times")
        elif self.frames >= self.limits.storm_frames:
            self._stall(run, "frame_storm", f"{self.frames} frames in a row were caused only by the plan's own writes")

    def _is_progress(self, frame: Frame) -> bool:
        """A task ended, a person acted, a file or timer spoke; or a container moved on, which ends some time."""
        if any(trigger.kind in PROGRESS for trigger in frame.triggers) and (
            frame.completions
            or frame.operator
            or frame.commands
            or any(trigger.kind in ("file", "timer") for trigger in frame.triggers)
        ):
            return True
        return any(job.kind in ("task", "container") for job in frame.jobs) or bool(frame.starts)

    def _reset(self) -> None:
        if self.frames:
            self.frames = 0
            self._hashes.clear()
            self._keys.clear()
            self._writers.clear()
            self._nodes.clear()

    def _stall(self, run: Run, reason: str, what: str) -> None:
        keys = ", ".join(repr(key) for key, _ in self._keys.most_common(5))
        names = [name for name, _ in self._writers.most_common(3)]
        text = f"stalled ({reason}): {what}; keys: {keys}; written by: {', '.join(names) or 'the plan'}"
        error = FrameStormError(text).locate(execution_id=run.execution_id)
        if names:
            inst = self._nodes[names[0]]
            file, line = inst.desc.source or (None, None)
            error.locate(node=inst.path(), file=file, line=line)
        run.failures[""] = error
        run.observer.log("error", error.render())
        run.ending = run.ending or Ending("stalled", 4, stop_reason=reason, status_reason=text)
