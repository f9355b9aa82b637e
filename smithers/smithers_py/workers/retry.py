"""Which errors are worth another try, and when (E-1)."""

from collections.abc import Callable

from smithers_py.errors import AgentError, TaskFailed, TaskTimeout

BASE_MS = 1_000
CAP_MS = 60_000

_RETRYABLE_STATUS = frozenset({408, 409, 425, 429})


def backoff_ms(
    attempt: int,
    *,
    random: Callable[[], float],
    base: int = BASE_MS,
    cap: int = CAP_MS,
    retry_after: float | None = None,
) -> int:
    """Milliseconds to wait after the failed attempt number `attempt` (from 1).

    Doubles from `base` up to `cap`; half of it is fixed, half is chosen by `random` (which returns [0, 1)), so that
    tasks that failed together do not come back together. `retry_after` (seconds, as the provider said) is a lower bound
    that `cap` does not cut.
    """
    # Beyond 2**30 the cap has long decided.
    window = min(cap, base << min(max(attempt, 1) - 1, 30))
    wait = window / 2 + window / 2 * random()
    return round(max(wait, (retry_after or 0) * 1000))


def is_retryable(error: BaseException) -> bool:
    """Whether E-1 lets the attempt be repeated without the user asking: timeouts, lost connections, overload.

    A TaskFailed is judged by the exception that it wraps: built-in connection errors and timeouts, or an HTTP error
    that carries `status_code` (its own, or its `response`'s). A program's exit code is never retryable by itself.
    """
    if isinstance(error, AgentError):
        return error.retryable
    if isinstance(error, TaskFailed):
        return is_retryable(error.error)
    if isinstance(error, (TaskTimeout, TimeoutError, ConnectionError)):
        return True
    status = status_of(error)
    return status is not None and is_retryable_status(status)


def is_retryable_status(status: int) -> bool:
    """Whether an HTTP status is one that E-1 retries."""
    return status in _RETRYABLE_STATUS or 500 <= status < 600


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error of any client library carries, if it carries one."""
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int):
            return status
    return None
