"""A tiny MCP server of the official SDK: over stdio, or over HTTP when given a port file."""

import os
import sys
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("shop")


@server.tool()
def price(item: str) -> int:
    """What an item costs."""
    if item == "nothing":
        raise ToolError("there is no such item")
    return len(item)


@server.tool()
def whoami() -> dict[str, str]:
    """Who runs this, as its environment tells."""
    print("whoami was called", file=sys.stderr)
    return {"pid": str(os.getpid()), "cwd": str(Path.cwd()), **os.environ}


def main() -> None:
    if len(sys.argv) == 1:
        server.run()
        return
    import socket

    import uvicorn

    class Guarded:
        """Lets in only who carries the token."""

        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            if scope["type"] == "http" and (b"authorization", b"Bearer t0ken-1234") not in scope["headers"]:
                await send({"type": "http.response.start", "status": 401, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
            await self.app(scope, receive, send)

    listening = socket.create_server(("127.0.0.1", 0))
    partial = Path(sys.argv[1] + ".partial")
    partial.write_text(str(listening.getsockname()[1]))
    partial.rename(sys.argv[1])
    config = uvicorn.Config(Guarded(server.streamable_http_app()), log_level="error")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
