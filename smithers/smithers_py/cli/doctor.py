"""`smithers doctor` without an ID: what is configured, which keys are set, which models can be used."""

import asyncio
import sys
from pathlib import Path

from smithers_py.cli.failure import FAILED
from smithers_py.cli.inputs import database_path
from smithers_py.cli.terminal import clean, glyph, paint, say, write_json
from smithers_py.config import load_config
from smithers_py.harness.checkup import Checkup, ModelCheck, check_up


def doctor_setup(database: Path | None, *, ping: bool, as_json: bool) -> int:
    """Print what was found; returns the exit code: 1 when a model that has what it needs did not answer.

    Raises ConfigError.
    """
    checkup = asyncio.run(check_up(load_config(Path.cwd()), database_path(database), ping=ping))
    if as_json:
        write_json(checkup)
    else:
        _print(checkup)
    return 0 if checkup.healthy else FAILED


def _print(checkup: Checkup) -> None:
    say(f"smithers {checkup.version}, Python {checkup.python}, SQLite {checkup.sqlite}")
    none = "none (smithers.toml, or [tool.smithers] in pyproject.toml, here or above)"
    say(f"  config:    {clean(checkup.config_file or none)}")
    say(f"  database:  {clean(checkup.database)}{'' if checkup.database_exists else ' (the first run makes it)'}")
    if checkup.budget:
        say(f"  budget:    {', '.join(f'{name} {value:g}' for name, value in checkup.budget.items())}")
    if checkup.on_waiting:
        say(f"  waiting:   {clean(checkup.on_waiting)} is run when a person is asked")
    if checkup.mcp_servers:
        say(f"  mcp:       {clean(', '.join(checkup.mcp_servers))}")
    say("providers:")
    for provider in checkup.providers:
        told = "is set" if provider.key else "is not set"
        _line("succeeded" if provider.key else "idle", provider.name, f"{provider.variable} {told}")
    say("models:")
    for model in checkup.models:
        status = "succeeded" if model.usable and not model.problem else "failed" if model.usable else "idle"
        _line(status, model.name, _told(model))
    if not any(provider.key for provider in checkup.providers):
        say("next: set the key of a provider, or run offline with --model test")
    else:
        say("next: smithers doctor ID verifies an execution")


def _told(model: ModelCheck) -> str:
    if model.problem:
        return f"{model.model}  {model.problem.removeprefix(f'model {model.name!r} ({model.model}) ')}"
    named = "offline, needs no key" if model.model == model.name else model.model
    return named if model.ping_ms is None else f"{named}  answered in {model.ping_ms} ms"


def _line(status: str, name: str, text: str) -> None:
    say(f"  {paint(glyph(status, sys.stdout), status, sys.stdout)} {clean(name):<11} {clean(text)}")
