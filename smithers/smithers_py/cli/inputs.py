"""What the user typed, turned into values; every mistake is a UsageError that says how to type it (exit 2)."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from smithers_py.embedding import DEFAULT_DATABASE, database_path
from smithers_py.errors import UsageError

if TYPE_CHECKING:
    from smithers_py.engine.launch import RunOptions


__all__ = ["DEFAULT_DATABASE", "configured", "database_path", "parse_input", "parse_state", "plan_options"]


def plan_options(
    script: Path,
    entry: str | None,
    state: Sequence[str] | None,
    given: str | None,
    database: Path | None = None,
    **more: Any,
) -> "RunOptions":
    """What the commands that take a script were asked. `more` are further fields of RunOptions. Raises UsageError."""
    from smithers_py.engine.launch import RunOptions

    return RunOptions(
        script=script,
        entry=entry,
        state=parse_state(state or ()),
        input=parse_input(given),
        db_path=database_path(database),
        workspace=Path.cwd(),
        **more,
    )


def configured(
    idle_timeout: float | None = None, kept: Mapping[str, Mapping[str, Any]] | None = None, **budget: float | None
) -> dict[str, Any]:
    """Fields of RunOptions from the configuration for this folder; what is given here goes before it.

    `idle_timeout` is in seconds, `budget` holds the fields of `Budget`; `kept` are the flags (Config.given) that an
    execution was started with, for one that is resumed. Raises ConfigError.
    """
    from smithers_py.config import load_config
    from smithers_py.engine.run import limits_from

    idle = None if idle_timeout is None else round(idle_timeout * 1000)
    flags: dict[str, dict[str, Any]] = {section: dict(values) for section, values in (kept or {}).items()}
    flags.setdefault("limits", {})["idle_timeout_ms"] = idle
    flags.setdefault("budget", {}).update({name: value for name, value in budget.items() if value is not None})
    config = load_config(Path.cwd(), flags=flags)
    return {"config": config, "limits": limits_from(config.limits)}


def parse_state(pairs: Sequence[str]) -> dict[str, Any]:
    """The values of `--state key=json`, a later one of the same key winning. Raises UsageError."""
    state: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--state {pair!r} is not key=json", hint="For example: --state count=3")
        state[key] = _parse_json(text, f"--state {key}", f"""Text is quoted: --state '{key}="text"'.""")
    return state


def parse_input(text: str | None) -> Any:
    """The value of `--input`: JSON, or `@file` holding JSON (`@-` is the standard input). Raises UsageError."""
    if text is None:
        return None
    if not text.startswith("@"):
        return _parse_json(text, "--input", """Text is quoted: --input '"text"'; a file is --input @file.json.""")
    name = text[1:]
    try:
        held = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"--input cannot read {name!r}: {reason}", hint="Name a file of JSON after the @.") from error
    return _parse_json(held, f"--input {text}", "The file must hold one JSON value.")


def _parse_json(text: str, option: str, hint: str) -> Any:
    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise UsageError(f"{option} is not JSON: {shown!r} ({error})", hint=hint) from error
