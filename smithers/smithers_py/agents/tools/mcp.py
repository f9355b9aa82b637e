"""Tools of MCP servers, over stdio and HTTP (G-5), on PydanticAI's client."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic_ai.toolsets import AbstractToolset, WrapperToolset

from smithers_py.agents.tools.spec import filled_in
from smithers_py.config import McpServer
from smithers_py.errors import SmithersError, TaskError

if TYPE_CHECKING:
    from pydantic_ai.mcp import MCPToolset

CONNECT_SECONDS = 30.0


@dataclass
class _Connected(WrapperToolset[Any]):
    """Says which server it was when one cannot be reached."""

    name: str
    what: str
    log: Path | None

    async def __aenter__(self) -> Self:
        try:
            await self.wrapped.__aenter__()
        except SmithersError:
            raise
        except Exception as error:
            detail = str(error) or type(error).__name__
            printed = f"What it printed is in {self.log}. " if self.log is not None and self.log.exists() else ""
            raise TaskError(
                f"the MCP server {self.name!r} ({self.what}) cannot be used: {detail}",
                hint=f"{printed}Try it by hand, or take 'mcp:{self.name}' out of tools=.",
            ) from error
        return self


def mcp_toolset(name: str, server: McpServer, workspace: Path, log_folder: Path | None = None) -> AbstractToolset[Any]:
    """The server's tools as `NAME__tool`; it is started or connected when the run begins, and ended with it.

    A program gets the few variables that the MCP client thinks harmless (HOME, PATH, …) and its own `env`; what it
    prints on stderr is appended to `mcp-NAME.log` of the log folder, without one it is dropped.

    Raises InvalidPropError: a variable that the configuration names is not set.
    """
    log = None if log_folder is None or server.url is not None else log_folder / f"mcp-{name}.log"
    toolset = _client(name, server, workspace, log)
    what = server.url or " ".join([server.command or "", *server.args])
    return _Connected(toolset.prefixed(f"{name}_"), name, what, log)


def _client(name: str, server: McpServer, workspace: Path, log: Path | None) -> "MCPToolset[Any]":
    from fastmcp.client.transports import StdioTransport
    from pydantic_ai.mcp import MCPToolset

    if server.url is not None:
        headers = filled_in(server.headers, name) or None
        return MCPToolset(
            server.url, id=name, headers=headers, tool_error_behavior="failed", init_timeout=CONNECT_SECONDS
        )
    if log is not None:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    transport = StdioTransport(
        server.command or "",
        list(server.args),
        env=filled_in(server.env, name),
        cwd=str(workspace),
        keep_alive=False,  # or the program outlives the run
        log_file=log or Path(os.devnull),
    )
    return MCPToolset(transport, id=name, tool_error_behavior="failed", init_timeout=CONNECT_SECONDS)
