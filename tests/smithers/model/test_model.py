"""Random plans, finish orders, kills and commands: the engine does what a simple model says (Z-5 to Z-8, Z-21, T-5).

A case that fails names its seed: `python benchmarks/proofs/model.py --seed N` replays it and tells each move.
"""

import pytest
from engine_world import Disagreement
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_case import Case, play_seed

from smithers_py.engine import flush, render, work
from smithers_py.engine.progress import first_unreached

CASES = 60
FOUND = (335, 433, 529, 554, 699, 809, 1410, 1504, 1754, 5078, 5087, 5345, 6021, 6096, 6259)
"""Cases that have found something, in the engine, the model or the harness."""
HUNT = 150
"""Cases in which a planted bug must show."""

pytestmark = pytest.mark.requirement("Z-5", "Z-6", "Z-7", "Z-8", "Z-21", "H-3", "T-5")


@pytest.mark.parametrize("seeds", [FOUND, *(range(first, first + 10) for first in range(0, CASES, 10))], ids=min)
def test_the_engine_does_what_the_model_says(seeds):
    for seed in seeds:
        try:
            play_seed(seed)
        except Disagreement as found:
            pytest.fail(f"benchmarks/proofs/model.py --seed {seed}: {found}")


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_and_what_hypothesis_makes_up(random):
    Case(random).run()


# -- planted bugs: the test finds them ----------------------------------------------------------------------------


def one_too_many(monkeypatch):
    """A Parallel lets one more run than its limit."""
    sound = render.next_reached

    def planted(context):
        yield from sound(context)
        limit = getattr(context.desc, "max_concurrency", None)
        more = first_unreached(context) if limit is not None and context.open == limit else None
        if more is not None:
            yield more

    monkeypatch.setattr(render, "next_reached", planted)


def handled_twice(monkeypatch):
    """The mark that says "handled" is never written: a resume runs handlers again."""
    monkeypatch.setattr(flush, "_handled", lambda frame: iter(()))


def on_after_a_failure(monkeypatch):
    """A sequence that holds a failure waits for nothing and skips nothing, but ends well."""
    sound = work._verdict

    def planted(run, frame, inst):
        job = sound(run, frame, inst)
        if job is not None and job.event == "failed":
            job.status, job.outcome = "succeeded", work.Outcome.SETTLED
        return job

    monkeypatch.setattr(work, "_verdict", planted)


def shows(seed):
    try:
        play_seed(seed)
    except (Disagreement, TimeoutError):
        return True
    return False


@pytest.mark.parametrize("plant", [one_too_many, handled_twice, on_after_a_failure])
def test_a_planted_bug_is_found(monkeypatch, plant):
    plant(monkeypatch)
    assert any(shows(seed) for seed in range(HUNT))
