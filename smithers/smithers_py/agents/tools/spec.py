"""What the engine says about the tools of one agent run, before anything is built."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from smithers_py.config import McpServer
from smithers_py.errors import InvalidPropError
from smithers_py.nodes.tools import READING, ToolPolicy, is_marked_safe, tool_name
from smithers_py.state.actions import Action

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def filled_in(texts: Mapping[str, str], server: str, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The texts with `${NAME}` replaced by that variable of the environment, so that no secret has to be in a file.

    Raises InvalidPropError: it is not set.
    """
    known = os.environ if env is None else env

    def value_of(found: re.Match[str]) -> str:
        if found[1] not in known:
            raise InvalidPropError(
                f"the MCP server {server!r} needs {found[1]}, which is not set",
                hint=f"Set {found[1]} in the environment, or remove it from [mcp_servers.{server}].",
            )
        return known[found[1]]

    return {name: _VARIABLE.sub(value_of, text) for name, text in texts.items()}


class ToolJournal:
    """The state writes of tool calls that ended, until their checkpoint stores them (Z-0). Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._actions: dict[str, list[Action]] = {}

    def put(self, call_id: str, actions: list[Action]) -> None:
        """Keep what the call wrote."""
        if actions:
            with self._lock:
                self._actions[call_id] = actions

    def take(self, call_id: str) -> list[Action]:
        """What the call wrote, in order; a second time nothing."""
        with self._lock:
            return self._actions.pop(call_id, [])


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """The tools of one agent run."""

    tools: tuple[Any, ...] | None
    """As `nodes.tools.check_tools` gives them: names of built-in tools, `mcp:NAME`, functions; None: no tools."""
    workspace: Path
    """The folder that file tools are confined to and commands start in."""
    policy: ToolPolicy | None = None
    """The node's own."""
    run_policy: ToolPolicy | None = None
    """The one of the configuration; what it denies no node can allow."""
    forbidden: tuple[Path, ...] = ()
    """Files and folders that are neither read nor written, beside every `.smithers`: the run's database."""
    protected: tuple[Path, ...] = ()
    """Loaded plan modules and the scripts folder: never written without a person's yes (Z-27)."""
    mcp_servers: Mapping[str, McpServer] = field(default_factory=dict)
    log_folder: Path | None = None
    """Where the output of MCP servers is kept; None: nowhere."""
    env_deny: tuple[str, ...] = ()
    """Globs of further variables that commands do not see."""
    grace_seconds: float = 5.0
    """Seconds that a cancelled tool gets; half of them pass between SIGTERM and SIGKILL for a command."""
    ctx: Any = None
    """Handed to a function's parameter named `ctx` (Z-13)."""
    journal: ToolJournal = field(default_factory=ToolJournal)

    def public_name(self, wire_name: str) -> str:
        """The name people and policies use: an MCP tool is `server.tool`, which providers refuse as a name."""
        server, found, tool = wire_name.partition("__")
        return f"{server}.{tool}" if found and server in self.mcp_servers else wire_name


def is_safe(tool: str, spec: ToolSpec | None = None) -> bool:
    """Whether a call of the tool may be made again after a crash, without asking: it only reads, or is a function of
    the plan that was marked `pure` or `idempotent`.
    """
    if tool in READING:
        return True
    functions = () if spec is None or spec.tools is None else [one for one in spec.tools if callable(one)]
    return any(tool_name(fn) == tool and is_marked_safe(fn) for fn in functions)
