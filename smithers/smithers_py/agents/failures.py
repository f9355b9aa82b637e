"""PydanticAI's errors as ours, with E-1's answer to "try again?"."""

from typing import Any

from smithers_py.errors import AgentError
from smithers_py.workers.retry import is_retryable, is_retryable_status, status_of

_TEXT_LIMIT = 500


def agent_error(error: Exception, model: str) -> AgentError:
    """The AgentError for whatever a run raised; `retry_after` (seconds) is the provider's wish.

    Classified by exception class and HTTP status, never by message. A group (every model of a fallback chain failed)
    is retryable when one of its errors is.
    """
    parts = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
    judged = [(_retryable(part), _retry_after(part)) for part in parts]
    waits = [wait for retryable, wait in judged if retryable and wait is not None]
    hint = next((hint for hint in map(_hint, parts) if hint), None)
    detail = str(error) or type(error).__name__
    if len(detail) > _TEXT_LIMIT:
        detail = f"{detail[:_TEXT_LIMIT]}…"
    return AgentError(
        f"model {model!r}: {detail}",
        retryable=any(retryable for retryable, _ in judged),
        retry_after=min(waits, default=None),
        hint=hint,
    )


def _retryable(error: BaseException) -> bool:
    from pydantic_ai import exceptions as theirs

    if isinstance(error, theirs.ModelQuotaExceededError):
        return False  # comes with a 429 too, but waiting does not pay the bill
    status = status_of(error)
    if status is not None:
        return is_retryable_status(status)
    temporary = (
        theirs.ModelRateLimitError,
        theirs.ModelUnavailableError,
        theirs.ModelServerError,
        theirs.ModelConnectionError,
        theirs.ModelRequestTimeout,
    )
    return isinstance(error, temporary) or is_retryable(error)


def _retry_after(error: Any) -> float | None:
    wait = getattr(error, "retry_after", None)
    return wait if isinstance(wait, float) else None


def _hint(error: BaseException) -> str | None:
    from pydantic_ai import exceptions as theirs

    hints = {
        theirs.ModelAuthenticationError: "Check the provider's API key, or run offline with `--model test`.",
        theirs.ModelQuotaExceededError: "Check the account's plan and billing.",
        theirs.ModelNotFoundError: "Check the model's name.",
        theirs.ModelContextWindowExceededError: "Make the prompt shorter.",
        theirs.UsageLimitExceeded: "Raise max_turns= or ask for less.",
    }
    return next((hint for kind, hint in hints.items() if isinstance(error, kind)), None)
