"""The choice of what a small terminal shows of a large plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithers_py.cli.window import CALM, Gap, choose_rows

pytestmark = pytest.mark.requirement("C-3")


@st.composite
def plans(draw):
    size = draw(st.integers(0, 80))
    parents = [draw(st.integers(-1, row - 1)) for row in range(size)]
    urgency = [draw(st.sampled_from([0, 1, 2, CALM, CALM, CALM])) for _ in range(size)]
    return parents, urgency


@given(plans(), st.integers(0, 40))
def test_lines_fit_and_account_for_every_row(plan, height):
    parents, urgency = plan
    lines = choose_rows(parents, urgency, height)
    assert len(lines) <= height
    if height:
        told = []
        for line in lines:
            told.extend(range(line.first, line.first + line.count) if isinstance(line, Gap) else [line])
        assert told == list(range(len(parents)))


@given(plans(), st.integers(3, 40))
def test_room_is_used(plan, height):
    parents, urgency = plan
    lines = choose_rows(parents, urgency, height)
    # A gap may need two lines to be opened in its middle, so one line may stay free.
    assert len(lines) >= min(len(parents), height - 1)


def test_a_failed_row_is_kept_before_running_ones_and_with_its_parent():
    # Row 0 is the root of 10,000 running children; the last one failed.
    size = 10_001
    parents = [-1] + [0] * (size - 1)
    urgency = [CALM] + [1] * (size - 2) + [0]
    lines = choose_rows(parents, urgency, 20)
    assert len(lines) == 20
    assert lines[0] == 0
    assert lines[-1] == size - 1
    assert sum(isinstance(line, Gap) for line in lines) == 1


def test_a_calm_long_plan_is_shown_from_the_top():
    assert choose_rows([-1] + [0] * 9_999, [CALM] * 10_000, 5) == [0, 1, 2, 3, Gap(4, 9_996)]


def test_a_deep_chain_shows_its_urgent_end():
    depth = 2_000
    lines = choose_rows(list(range(-1, depth - 1)), [CALM] * (depth - 1) + [1], 12)
    assert lines[-1] == depth - 1
    assert isinstance(lines[0], Gap) or lines[0] == 0
