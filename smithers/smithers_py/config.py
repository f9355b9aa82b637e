"""What a person sets once for all runs: `smithers.toml`, or `[tool.smithers]` in pyproject.toml (Z-22).

    [models]                        # short names for models, before our own opus, sonnet and haiku
    fast = "openai:gpt-5-mini"
    [limits]
    max_tasks = 8
    [budget]                        # of one execution
    max_cost = 5.0
    [tools]
    ask = ["shell(git push*)"]
    [mcp_servers.files]
    command = "uvx"
    args = ["mcp-server-filesystem"]

A variable such as SMITHERS_BUDGET_MAX_COST goes before the file, an option of the command line before both.
"""

import os
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from smithers_py.errors import ConfigError
from smithers_py.patterns import parse_rule
from smithers_py.where import did_you_mean

FILE = "smithers.toml"
PROJECT_FILE = "pyproject.toml"
PREFIX = "SMITHERS_"
_ON_WAITING = f"{PREFIX}ON_WAITING"

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LimitsConfig(_Section):
    """Bounds of the engine; what is None keeps the engine's own default."""

    idle_timeout_ms: Annotated[int, Field(ge=0)] | None = None
    """How long nothing must happen before a run counts as ended."""
    throttle_ms: Annotated[int, Field(ge=0)] | None = None
    """Progress and changed files make a frame at most this often."""
    handler_timeout_seconds: Seconds | None = None
    grace_seconds: Annotated[float, Field(ge=0)] | None = None
    """What a cancelled task has to end by itself."""
    max_tasks: Count | None = None
    """Tasks and Commands at once."""
    max_agents: Count | None = None
    """Agents at once."""
    max_model_calls: Count | None = None
    """Requests to models at once, of all agents of the process (E-2)."""
    lease_seconds: Seconds | None = None
    heartbeat_seconds: Seconds | None = None
    storm_frames: Count | None = None
    storm_repeats: Count | None = None


class Budget(_Section):
    """What one execution may use (G-6). None is no limit; cost is in US dollars, seconds are wall clock."""

    max_cost: Annotated[float, Field(ge=0)] | None = None
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    """Tokens in and out, of all agents."""
    max_tool_calls: Annotated[int, Field(ge=0)] | None = None
    max_agents: Annotated[int, Field(ge=0)] | None = None
    """Runs of agents in all; a retry is the same run."""
    max_seconds: Annotated[float, Field(ge=0)] | None = None


class ToolsConfig(_Section):
    """The tool policy under every agent's own (G-5), by tool name or pattern: `shell(git *)`."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    env_deny: tuple[str, ...] = ()
    """Patterns of environment variables that no command of an agent sees, besides keys and tokens."""

    @field_validator("allow", "deny", "ask")
    @classmethod
    def _rules(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        for rule in rules:
            parse_rule(rule)
        return rules


class McpServer(_Section):
    """How to reach an MCP server: a program to start (stdio), or an address (HTTP)."""

    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    url: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("give either command or url")
        return self


class Config(_Section):
    """See the module. `file` is the file it was read from, None if there was none."""

    on_waiting: tuple[str, ...] = ()
    """A program and its arguments: run when a person is asked something (Z-28). Empty: none is."""
    models: dict[str, str] = Field(default_factory=dict)
    limits: LimitsConfig = LimitsConfig()
    budget: Budget = Budget()
    tools: ToolsConfig = ToolsConfig()
    mcp_servers: dict[str, McpServer] = Field(default_factory=dict)
    _file: Path | None = PrivateAttr(default=None)
    _given: dict[str, dict[str, Any]] = PrivateAttr(default_factory=dict)

    @field_validator("on_waiting", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(  # noqa: TRY004 - what Pydantic makes a message of
                'write a list, ["program", "argument"]; for a line of the shell ["sh", "-c", "line"]'
            )
        return value

    @property
    def file(self) -> Path | None:
        """Where it was read from."""
        return self._file

    @property
    def given(self) -> dict[str, dict[str, Any]]:
        """What the command line set, by section: a resume keeps it."""
        return self._given


def load_config(
    start: Path, env: Mapping[str, str] | None = None, flags: Mapping[str, Mapping[str, Any]] | None = None
) -> Config:
    """The configuration for a run in folder `start`: the nearest file there or above, environment, flags.

    `flags` are values by section and key, as `{"budget": {"max_cost": 2.0}}`; those that are None were not given.

    Raises:
        ConfigError: the file cannot be read, a key is unknown, a value does not fit. Names the place and the key.
    """
    file, table = _nearest(start.absolute())
    origins: dict[tuple[str, ...], str] = {}
    variables = os.environ if env is None else env
    if (text := variables.get(_ON_WAITING)) is not None:
        table["on_waiting"] = _split(text)
    for (section, key), value, origin in _overrides(variables, flags or {}):
        held = table.setdefault(section, {})
        if isinstance(held, dict):
            held[key] = value
            origins[section, key] = origin
    try:
        config = Config.model_validate(table)
    except ValidationError as error:
        raise _config_error(error, origins, str(file)) from error
    config._file = file  # pyright: ignore[reportPrivateUsage] - ours, and set once
    for section, values in (flags or {}).items():
        if kept := {key: value for key, value in values.items() if value is not None}:
            config._given[section] = kept  # pyright: ignore[reportPrivateUsage]
    return config


def _nearest(start: Path) -> tuple[Path | None, dict[str, Any]]:
    """The nearest file and its table. In one folder smithers.toml goes before pyproject.toml."""
    for folder in (start, *start.parents):
        if (path := folder / FILE).is_file():
            return path, _read(path)
        if (path := folder / PROJECT_FILE).is_file():
            table = _read(path).get("tool", {}).get("smithers")
            if table is not None:
                return path, dict(table)
    return None, {}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}", hint="Mend the file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", hint="Mend the file or its permissions.") from error


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"{_ON_WAITING} is wrong: {error}", hint="Quote it as in a shell.") from error


def _overrides(
    env: Mapping[str, str], flags: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[tuple[str, str], Any, str]]:
    """What environment and flags set, in rising precedence: (section, key), value, how the user calls it."""
    for name, text in sorted(env.items()):
        for section in ("models", "limits", "budget", "tools"):
            prefix = f"{PREFIX}{section.upper()}_"
            if name.startswith(prefix) and name != prefix:
                value = [part.strip() for part in text.split(",") if part.strip()] if section == "tools" else text
                yield (section, name.removeprefix(prefix).lower()), value, name
    for section, values in flags.items():
        for key, value in values.items():
            if value is not None:
                yield (section, key), value, f"--{key.replace('_', '-')}"


def _config_error(error: ValidationError, origins: Mapping[tuple[str, ...], str], file: str) -> ConfigError:
    """The first thing that is wrong, in one sentence."""
    first = error.errors()[0]
    path = tuple(str(part) for part in first["loc"])
    origin = origins.get(path[:2])
    shown = ".".join(path)
    place = origin if origin is not None else f"{file}: {shown}"
    if first["type"] == "extra_forbidden":
        known = _known_keys(path[:-1])
        return ConfigError(f"{place} is unknown", hint=did_you_mean(path[-1], known, label="Known keys"))
    message = first["msg"].removeprefix("Value error, ")
    message = f"{message[:1].lower()}{message[1:]}"
    given = "" if isinstance(first["input"], dict) else f", not {first['input']!r}"
    return ConfigError(f"{place} is wrong: {message}{given}", hint="docs/guide/configuration.md lists the keys.")


def _known_keys(section: tuple[str, ...]) -> list[str]:
    model: Any = Config
    for name in section:
        fields = getattr(model, "model_fields", {})
        if name not in fields:
            continue  # the name of an MCP server
        annotation = fields[name].annotation
        model = (get_args(annotation) or (annotation,))[-1]
    return list(model.model_fields)
