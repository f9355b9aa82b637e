"""Backoff, and which errors are tried again (E-1)."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithers_py.errors import AgentError, CommandFailed, ModelUnavailableError, TaskFailed, TaskTimeout
from smithers_py.workers.retry import backoff_ms, is_retryable

pytestmark = pytest.mark.requirement("E-1")


@dataclasses.dataclass
class Response:
    status_code: int


class HTTPError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.response = Response(status)


def test_the_wait_doubles_up_to_the_cap() -> None:
    least = [backoff_ms(attempt, random=lambda: 0.0) for attempt in range(1, 9)]
    assert least == [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]
    assert backoff_ms(3, random=lambda: 0.5) == 3000
    assert backoff_ms(10**9, random=lambda: 0.0, cap=100) == 50


@given(st.integers(0, 200), st.floats(0, 1, exclude_max=True), st.floats(0, 600))
def test_the_wait_stays_between_its_bounds(attempt: int, chance: float, retry_after: float) -> None:
    wait = backoff_ms(attempt, random=lambda: chance)
    assert 500 <= wait <= 60_000
    asked = backoff_ms(attempt, random=lambda: chance, retry_after=retry_after)
    assert asked == max(wait, round(retry_after * 1000))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AgentError("x", retryable=True), True),
        (AgentError("x", retryable=False), False),
        (TaskTimeout(3), True),
        (TaskFailed("f", ConnectionResetError()), True),
        (TaskFailed("f", TimeoutError()), True),
        (TaskFailed("f", ValueError()), False),
        (TaskFailed("f", FileNotFoundError()), False),
        *((TaskFailed("f", HTTPError(status)), True) for status in (408, 409, 425, 429, 500, 503, 529)),
        *((TaskFailed("f", HTTPError(status)), False) for status in (400, 401, 403, 404, 422, 600)),
        (CommandFailed(1), False),
        (ModelUnavailableError("no key"), False),
    ],
    ids=str,
)
def test_what_is_tried_again(error: Exception, expected: bool) -> None:
    assert is_retryable(error) is expected
