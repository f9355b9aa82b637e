"""Builds the toolsets of one agent run from its spec."""

import os
from collections.abc import Callable
from typing import Any

from pydantic_ai.tools import Tool
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset

from smithers_py.agents.tools.confine import Workspace
from smithers_py.agents.tools.environment import Environment
from smithers_py.agents.tools.files import FileTools
from smithers_py.agents.tools.functions import function_tool
from smithers_py.agents.tools.guard import policy_toolset
from smithers_py.agents.tools.mcp import mcp_toolset
from smithers_py.agents.tools.policy import decide
from smithers_py.agents.tools.review import Reviewer
from smithers_py.agents.tools.shell import ShellTool
from smithers_py.agents.tools.spec import ToolSpec
from smithers_py.errors import InvalidPropError
from smithers_py.patterns import MCP
from smithers_py.where import did_you_mean
from smithers_py.workers.control import Control
from smithers_py.workers.pool import DaemonPool

Toolset = AbstractToolset[Any]

_RETRIES = 10
"""How often in a row a model may call a tool with arguments that do not fit; its turns are bounded anyway."""


def build_tools(
    spec: ToolSpec,
    control: Control,
    pool: DaemonPool,
    record: Callable[[Toolset], Toolset] | None = None,
) -> list[Toolset]:
    """The toolsets to give to a PydanticAI agent; none when the spec has no tools.

    In front of each stands the policy, which asks through `control.ask`; `record` may put a toolset between policy and
    tools, so that it sees only the calls that are made. Sync functions and file tools run in threads of `pool`.

    Raises InvalidPropError: a function that cannot be a tool, an MCP server that the configuration does not have.
    """
    if not spec.tools:
        return []
    workspace = Workspace(spec.workspace, spec.forbidden, spec.protected)
    policies = (spec.policy, spec.run_policy)

    def readable(path: str) -> bool:
        return decide("read", {"path": path}, *policies) == "allow"

    files = FileTools(workspace, tuple(map(os.fspath, spec.forbidden)), pool, readable)
    reviewer = Reviewer(workspace, files, policies, pool)
    environment = Environment(spec.env_deny)
    shell = ShellTool(
        workspace=workspace.root,
        environment=environment,
        control=control,
        # A cancelled agent has the grace time in all, and its command is only a part of it.
        grace_seconds=spec.grace_seconds / 2,
    )
    inner = [*_own(spec, files, shell, pool), *_servers(spec)]
    seen = [one if record is None else record(one) for one in inner]
    return [policy_toolset(one, reviewer, control, spec.public_name, environment.redact) for one in seen]


def _own(spec: ToolSpec, files: FileTools, shell: ShellTool, pool: DaemonPool) -> list[Toolset]:
    """Built-in tools and functions as one toolset."""
    # What writes runs alone: two edits of one file would otherwise each lose the other's.
    built_in: dict[str, tuple[Callable[..., Any], bool]] = {
        "read": (files.read, False),
        "glob": (files.glob, False),
        "grep": (files.grep, False),
        "write": (files.write, True),
        "edit": (files.edit, True),
        "shell": (shell.shell, True),
    }
    tools: list[Tool[Any]] = []
    for one in spec.tools or ():
        if callable(one):
            tools.append(function_tool(one, spec.ctx, pool, spec.journal, spec.grace_seconds))
        elif one in built_in:
            # Reading a signature takes a millisecond: only of those that are wanted.
            fn, alone = built_in[one]
            tools.append(Tool(fn, sequential=alone))
    return [FunctionToolset(tools, max_retries=_RETRIES, id="smithers")] if tools else []


def _servers(spec: ToolSpec) -> list[Toolset]:
    found: list[Toolset] = []
    for one in spec.tools or ():
        if not isinstance(one, str) or not one.startswith(MCP):
            continue
        name = one.removeprefix(MCP)
        server = spec.mcp_servers.get(name)
        if server is None:
            known = did_you_mean(name, list(spec.mcp_servers), label="MCP servers") if spec.mcp_servers else ""
            raise InvalidPropError(
                f"there is no MCP server {name!r} in the configuration",
                hint=known or f"Add [mcp_servers.{name}] with command or url to smithers.toml.",
            )
        found.append(mcp_toolset(name, server, spec.workspace, spec.log_folder))
    return found
