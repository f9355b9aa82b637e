"""From the model names that plans use to PydanticAI models (G-1)."""

import importlib
import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from smithers_py.errors import ModelUnavailableError
from smithers_py.where import did_you_mean

if TYPE_CHECKING:
    from pydantic_ai.models import Model

ALIASES: Mapping[str, str] = {
    "opus": "anthropic:claude-opus-5-5",
    "sonnet": "anthropic:claude-sonnet-5-5",
    "haiku": "anthropic:claude-haiku-5-5",
}
"""Short names and the models they stand for today; `overrides` goes before it."""

OFFLINE = "test"

_VARIABLE = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`")
_INSTALL = re.compile(r"`(pip install [^`]+)`")
_loading = threading.Lock()


def resolve_model(name: "str | Model", overrides: Mapping[str, Any] | None = None) -> "Model":
    """The model for a short name, a PydanticAI model string ("openai:gpt-5"), "test", or a model object, as it is.

    `overrides` maps short names to model strings, other short names or model objects. The first call imports
    PydanticAI and the provider's SDK (1 to 3 s of CPU time), so call it outside the event loop's thread.

    Raises ModelUnavailableError, one sentence: the name is unknown, the provider's API key is not set, or its package
    is not installed.
    """
    wanted: Any = name
    table = {**ALIASES, **(overrides or {})}
    seen: set[str] = set()
    while isinstance(wanted, str) and wanted in table and wanted not in seen:
        seen.add(wanted)
        wanted = table[wanted]
    # Two threads importing one package at once can see it half made.
    with _loading:
        return _infer(name, wanted, table)


def _infer(name: "str | Model", wanted: Any, table: Mapping[str, Any]) -> "Model":
    # Its banner advertises; setattr, because the name is spelled as a constant.
    setattr(importlib.import_module("pydantic_ai"), "BANNER_ENABLED", False)  # noqa: B010
    from pydantic_ai.exceptions import UserError
    from pydantic_ai.models import Model, infer_model

    if not isinstance(wanted, (str, Model)):
        kind = type(wanted).__name__
        raise ModelUnavailableError(f"a model is a name or a PydanticAI model, not a {kind}")
    if wanted == OFFLINE:
        from pydantic_ai.models.test import TestModel

        # Left to itself it calls every tool with made-up arguments, in the user's own files.
        return TestModel(call_tools=[])
    try:
        return infer_model(wanted)
    except (UserError, ImportError, ValueError) as error:
        called = f"{name!r} ({wanted})" if name != wanted else repr(name)
        raise ModelUnavailableError(_reason(called, str(error), str(wanted), table)) from error


def nearest_model(name: str) -> str | None:
    """The known model most like `name` (with or without its provider); None when none is near, or it is one."""
    import difflib

    from pydantic_ai.models import known_model_names

    # Of those who offer the same model, the last counts: who made it before who resells it.
    names = sorted(known_model_names(), key=lambda full: full.startswith(("anthropic:", "openai:", "google:")))
    known = {full.partition(":")[2]: full for full in names}
    asked = name.rpartition(":")[2]
    near = difflib.get_close_matches(asked, known, n=1, cutoff=0.6)
    return known[near[0]] if near and near[0] != asked else None


def _reason(called: str, said: str, wanted: str, table: Mapping[str, Any]) -> str:
    """One sentence: what is missing and how to run without it."""
    offline = f"run offline with `--model {OFFLINE}`"
    if variables := list(dict.fromkeys(_VARIABLE.findall(said))):
        return f"model {called} needs {' or '.join(variables)}, which is not set: set it, or {offline}"
    if install := _INSTALL.search(said):
        return f"model {called} needs a package that is not installed: {install[1]}, or {offline}"
    if said.startswith("Unknown model"):
        guess = re.search(r"Did you mean '([^']+)'", said)
        names = [*table, OFFLINE]
        meant = f"Did you mean {guess[1]!r}?" if guess else did_you_mean(wanted, names, label="short names")
        meant = f"{meant[:1].lower()}{meant[1:].rstrip('.')}"
        return f"there is no model {called} (models are written provider:name; {meant})"
    return f"model {called} cannot be used here: {said.rstrip('.')}; or {offline}"
