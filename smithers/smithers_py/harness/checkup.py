"""What `smithers doctor` finds out about this machine and folder: configuration, keys of providers, models (G-1)."""

import asyncio
import os
import platform
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from smithers_py.agents.failures import agent_error
from smithers_py.agents.models import ALIASES, OFFLINE, resolve_model
from smithers_py.config import Config
from smithers_py.errors import ModelUnavailableError
from smithers_py.harness.models import ReadModel
from smithers_py.version import ENGINE_VERSION

if TYPE_CHECKING:
    from pydantic_ai.models import Model

PROVIDERS: Mapping[str, str] = {
    "anthropic": "ANTHROPIC_API_KEY",
    "openai": "OPENAI_API_KEY",
    "google": "GOOGLE_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
}
"""Providers that people use most and the variable with their key; any other provider of PydanticAI works too."""
_ALWAYS_SHOWN = ("anthropic", "openai")
PING_SECONDS = 30.0


class ProviderCheck(ReadModel):
    """Whether a provider's key is set; the key itself is never shown."""

    name: str
    variable: str
    key: bool


class ModelCheck(ReadModel):
    """A short name: what it stands for, and why it cannot be used if it cannot."""

    name: str
    model: str
    usable: bool
    problem: str | None = None
    ping_ms: int | None = None
    """How long one small request took; None when it was not tried or failed."""


class Checkup(ReadModel):
    """See the module. `healthy`: nothing that was tried failed; a missing key is no failure."""

    version: str
    python: str
    sqlite: str
    config_file: str | None
    budget: dict[str, float]
    on_waiting: str | None
    """The program that is run when a person is asked something; its arguments may hold secrets."""
    mcp_servers: list[str]
    database: str
    database_exists: bool
    providers: list[ProviderCheck]
    models: list[ModelCheck]
    healthy: bool = True


async def check_up(
    config: Config, database: Path, *, ping: bool = False, env: Mapping[str, str] | None = None
) -> Checkup:
    """Look at the configuration, at the environment and at each short name for a model.

    `ping` asks each usable model for one word, which costs a few tokens each. Nothing is written.
    """
    environment = os.environ if env is None else env
    table = {**ALIASES, **config.models}
    models = [await _check(name, config, table, ping=ping) for name in table]
    models.append(ModelCheck(name=OFFLINE, model=OFFLINE, usable=True))
    used = {one.model.partition(":")[0] for one in models}
    return Checkup(
        version=ENGINE_VERSION,
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        config_file=None if config.file is None else str(config.file),
        budget=config.budget.model_dump(exclude_none=True),
        on_waiting=config.on_waiting[0] if config.on_waiting else None,
        mcp_servers=sorted(config.mcp_servers),
        database=str(database),
        database_exists=await asyncio.to_thread(database.exists),
        providers=[
            ProviderCheck(name=name, variable=variable, key=bool(environment.get(variable)))
            for name, variable in PROVIDERS.items()
            if name in _ALWAYS_SHOWN or name in used or environment.get(variable)
        ],
        models=models,
        healthy=not any(one.usable and one.problem for one in models),
    )


async def _check(name: str, config: Config, table: Mapping[str, str], *, ping: bool) -> ModelCheck:
    wanted = table[name]
    while wanted in table and table[wanted] != wanted and wanted != name:
        wanted = table[wanted]
    try:
        # The first import of an SDK takes seconds.
        model = await asyncio.to_thread(resolve_model, name, config.models)
    except ModelUnavailableError as error:
        return ModelCheck(name=name, model=wanted, usable=False, problem=error.message)
    check = ModelCheck(name=name, model=wanted, usable=True)
    if not ping:
        return check
    started = time.monotonic()
    problem = await _ping(model)
    took = round((time.monotonic() - started) * 1000)
    return check.model_copy(update={"problem": problem, "ping_ms": None if problem else took})


async def _ping(model: "Model") -> str | None:
    """What goes wrong when the model is asked for one word."""
    from pydantic_ai import ModelSettings
    from pydantic_ai.direct import model_request
    from pydantic_ai.exceptions import AgentRunError
    from pydantic_ai.messages import ModelRequest

    settings = ModelSettings(max_retries=0, max_tokens=16, timeout=PING_SECONDS)
    try:
        async with model:
            await model_request(model, [ModelRequest.user_text_prompt("Say ok.")], model_settings=settings)
    except AgentRunError as error:
        return str(agent_error(error, model.model_name))
    return None
