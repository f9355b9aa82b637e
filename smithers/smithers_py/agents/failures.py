"""PydanticAI's errors as ours, with E-1's answer to "try again?"."""

import reprlib
from typing import Any, Literal

from pydantic import ValidationError

from smithers_py.agents.models import nearest_model
from smithers_py.errors import AgentError
from smithers_py.workers.retry import is_retryable, is_retryable_status, status_of

_TEXT_LIMIT = 500
_RATE_LIMITED = 429
_OVERLOADED = (503, 529)


def agent_error(error: Exception, model: str) -> AgentError:
    """The AgentError for whatever a run raised; `retry_after` (seconds) is the provider's wish.

    Classified by exception class and HTTP status, never by message. A group (every model of a fallback chain failed)
    is retryable when one of its errors is.
    """
    parts = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
    judged = [(_retryable(part), _retry_after(part)) for part in parts]
    waits = [wait for retryable, wait in judged if retryable and wait is not None]
    hint = next((hint for part in parts if (hint := _hint(part, model))), None)
    detail = "; ".join(map(_detail, parts))
    if len(detail) > _TEXT_LIMIT:
        detail = f"{detail[:_TEXT_LIMIT]}…"
    return AgentError(
        f"model {model!r}: {detail}",
        retryable=any(retryable for retryable, _ in judged),
        retry_after=min(waits, default=None),
        hint=hint,
    )


def verdict(error: BaseException) -> tuple[Literal["rate_limited", "overloaded", "again", "final"], float | None]:
    """Whether a request that failed so may be sent again (E-1), and the provider's wish in seconds.

    The first two also say that nobody should ask this model for a while. Of a group its most hopeful error counts.
    """
    from pydantic_ai import exceptions as theirs

    if isinstance(error, ExceptionGroup):
        verdicts = [verdict(part) for part in error.exceptions]
        return next((one for one in verdicts if one[0] != "final"), ("final", None))
    if not _retryable(error):
        return "final", None
    status = status_of(error)
    if isinstance(error, theirs.ModelRateLimitError) or status == _RATE_LIMITED:
        return "rate_limited", _retry_after(error)
    if isinstance(error, theirs.ModelUnavailableError) or status in _OVERLOADED:
        return "overloaded", _retry_after(error)
    return "again", _retry_after(error)


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


def _detail(error: BaseException) -> str:
    """What went wrong in words: the provider's own, or what of the answer did not fit its schema."""
    from pydantic_ai import exceptions as theirs

    if isinstance(error, theirs.ModelHTTPError):
        said = _message_in(error.body)
        return f"the provider answered {error.status_code}" + (f": {said.rstrip('.')}" if said else "")
    misfit = _misfit(error)
    if misfit is None:
        return str(error) or type(error).__name__
    return f"what it wrote did not fit, the last time because {faults(misfit)} ({error})"


def faults(error: BaseException | None) -> str:
    """What of an answer did not fit: `score: Input should be less than 10, not 99; …`."""
    return "; ".join(map(_fault, error.errors())) if isinstance(error, ValidationError) else str(error)


def _misfit(error: BaseException) -> BaseException | None:
    """What was wrong with the last answer, or the last arguments of a tool, when the model had no try left."""
    from pydantic_ai import exceptions as theirs

    if not isinstance(error, theirs.UnexpectedModelBehavior):
        return None
    cause = error.__cause__
    if isinstance(cause, theirs.ToolRetryError) and isinstance(cause.__cause__, ValidationError | theirs.ModelRetry):
        cause = cause.__cause__
    return cause if isinstance(cause, ValidationError | theirs.ModelRetry | theirs.ToolRetryError) else None


def _message_in(body: Any) -> str:
    """The `message` of an error's body, as Anthropic nests it in `error` and OpenAI's client does not."""
    while isinstance(body, dict):
        found: dict[str, Any] = body
        if isinstance(found.get("message"), str):
            return found["message"]
        body = found.get("error")
    return str(body or "")


def _fault(one: Any) -> str:
    place = ".".join(map(str, one["loc"])) or "it"
    given = f", not {reprlib.repr(one['input'])}" if one["type"] != "missing" else ""
    return f"{place}: {one['msg']}{given}"


def _retry_after(error: Any) -> float | None:
    wait = getattr(error, "retry_after", None)
    return wait if isinstance(wait, float) else None


def _hint(error: BaseException, model: str) -> str | None:
    from pydantic_ai import exceptions as theirs

    if isinstance(error, theirs.ModelNotFoundError):
        near = getattr(error, "suggested_model_id", None) or nearest_model(model)
        return f"Did you mean {near!r}?" if near else "Check the model's name."
    if _misfit(error) is not None:
        return "Read its answers with `smithers logs`; say in the prompt or the schema what belongs there."
    hints = {
        theirs.ModelAuthenticationError: "Check the provider's API key, or run offline with `--model test`.",
        theirs.ModelQuotaExceededError: "Check the account's plan and billing.",
        theirs.ModelContextWindowExceededError: "Make the prompt shorter.",
        theirs.UsageLimitExceeded: "Raise max_turns= or ask for less.",
    }
    return next((hint for kind, hint in hints.items() if isinstance(error, kind)), None)
