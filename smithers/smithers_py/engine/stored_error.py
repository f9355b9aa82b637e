"""Errors of attempts as rows, and back: a handler that runs after a restart gets the error it would have got (H-3)."""

from collections.abc import Iterator
from typing import Any

import orjson

from smithers_py import errors
from smithers_py.errors import SmithersError, TaskError, Where

_PLAIN = (str, int, float, bool, type(None))
_OWN = ("message", "hint", "where", "error")


def error_text(error: SmithersError) -> str:
    """The error's JSON with its own plain attributes as `fields` (a command's exit code and output, a retry time)."""
    found = {name: value for name, value in vars(error).items() if name not in _OWN and isinstance(value, _PLAIN)}
    data = error.to_json() | ({"fields": found} if found else {})
    return orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS, default=str).decode()


def stored_error(text: str) -> SmithersError:
    """The error of a row: its class where that still exists, else a TaskError with the same words and code.

    An exception of the user's own (`e.error`) died with its process and is None.
    """
    data: dict[str, Any] = orjson.loads(text)
    kind = next((one for one in _classes() if one.__name__ == data.get("type")), TaskError)
    error = kind.__new__(kind)
    SmithersError.__init__(error, data["message"], hint=data.get("hint"), where=Where(**data.get("where", {})))
    for name, value in {"error": None, **data.get("fields", {})}.items():
        setattr(error, name, value)
    return error


def _classes() -> Iterator[type[SmithersError]]:
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, SmithersError):
            yield value
