"""Tools of MCP servers, over stdio and HTTP: named, asked about, confined in what they are told, and ended."""

import asyncio
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toolbox import Person, use, use_async

from smithers_py.config import McpServer
from smithers_py.errors import InvalidPropError, TaskError
from smithers_py.nodes.tools import ToolPolicy

SHOP = Path(__file__).with_name("mcp_shop.py")
STDIO = {"shop": McpServer(command=sys.executable, args=(str(SHOP),))}
ALLOW = ToolPolicy(allow=["shop.*"])


def call(root: Path, tool: str, person: Person | None = None, **args: Any) -> Any:
    spec = {"tools": ["mcp:shop"], "mcp_servers": STDIO, "policy": ALLOW}
    return use(root, [(f"shop__{tool}", args)], person=person, **spec)[0]


@pytest.fixture
def http(tmp_path: Path) -> Iterator[str]:
    port = tmp_path / "port"
    process = subprocess.Popen([sys.executable, str(SHOP), str(port)])
    try:
        until = time.monotonic() + 20
        while not port.exists():
            assert process.poll() is None
            assert time.monotonic() < until
            select.select([], [], [], 0.05)
        yield f"http://127.0.0.1:{port.read_text()}/mcp"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.requirement("G-5")
def test_a_stdio_server_answers_and_is_gone_after_the_run(tmp_path: Path) -> None:
    assert call(tmp_path, "price", item="pen").content == 3
    seen = call(tmp_path, "whoami").content
    assert seen["cwd"] == str(tmp_path)
    assert not Path(f"/proc/{seen['pid']}").exists()


@pytest.mark.requirement("G-5")
def test_a_tools_error_is_told_to_the_model(tmp_path: Path) -> None:
    part = call(tmp_path, "price", item="nothing")
    assert part.outcome == "failed"
    assert "there is no such item" in str(part.content)


@pytest.mark.requirement("G-5", "X-1")
def test_a_server_gets_no_key_but_those_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-0123456789")
    monkeypatch.setenv("SHOP_TOKEN", "given-0123456789")
    server = STDIO["shop"].model_copy(update={"env": {"TOKEN": "Bearer ${SHOP_TOKEN}"}})
    spec = {"tools": ["mcp:shop"], "mcp_servers": {"shop": server}, "policy": ALLOW}
    [part] = use(tmp_path, [("shop__whoami", {})], **spec)
    seen: Any = part.content
    assert seen["TOKEN"] == "Bearer [SHOP_TOKEN hidden]"  # it had it, and the model does not get it
    assert not {"ANTHROPIC_API_KEY", "SHOP_TOKEN"} & set(seen)


@pytest.mark.requirement("G-5", "P-1")
def test_by_default_a_servers_tool_asks_under_the_name_people_use(tmp_path: Path) -> None:
    person = Person(approves=False)
    spec = {"tools": ["mcp:shop"], "mcp_servers": STDIO}
    [part] = use(tmp_path, [("shop__price", {"item": "pen"})], person=person, **spec)
    [request] = person.asked
    assert (request.kind, request.title) == ("external_api", "Call shop.price")
    assert request.payload == {"tool": "shop.price", "args": {"item": "pen"}}
    assert part.content == "denied by ann@desk"
    assert person.refusals()[0]["tool"] == "shop.price"


@pytest.mark.requirement("G-5")
def test_an_http_server_answers_with_headers_from_the_environment(
    tmp_path: Path, http: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = McpServer(url=http, headers={"Authorization": "Bearer ${SHOP_TOKEN}"})
    spec = {"tools": ["mcp:shop"], "mcp_servers": {"shop": server}, "policy": ALLOW}
    with pytest.raises(InvalidPropError, match="needs SHOP_TOKEN, which is not set"):
        use(tmp_path, [("shop__price", {"item": "pen"})], **spec)
    monkeypatch.setenv("SHOP_TOKEN", "t0ken-1234")
    assert use(tmp_path, [("shop__price", {"item": "pen"})], **spec)[0].content == 3
    monkeypatch.setenv("SHOP_TOKEN", "wrong")
    with pytest.raises(TaskError, match="the MCP server 'shop'"):
        use(tmp_path, [("shop__price", {"item": "pen"})], **spec)


@pytest.mark.requirement("G-5", "E-4")
def test_a_server_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    def error(**server: Any) -> str:
        spec = {"tools": ["mcp:shop"], "mcp_servers": {"shop": McpServer(**server)}}
        with pytest.raises(TaskError) as caught:
            use(tmp_path, [], **spec)
        return str(caught.value)

    assert error(command="no-such-program", args=("x",)).startswith("the MCP server 'shop' (no-such-program x) cannot")
    assert "the MCP server 'shop' (false)" in error(command="false")
    assert "the MCP server 'shop' (http://127.0.0.1:9/mcp)" in error(url="http://127.0.0.1:9/mcp")
    with pytest.raises(InvalidPropError, match=r"no MCP server 'shp'.*Did you mean 'shop'"):
        use(tmp_path, [], tools=["mcp:shp"], mcp_servers=STDIO)


@pytest.mark.requirement("T-7")
def test_cancelling_a_run_ends_its_servers(tmp_path: Path) -> None:
    class Watching(Person):
        def __init__(self) -> None:
            super().__init__()
            self.was_asked = asyncio.Event()

        async def ask(self, request: Any) -> Any:
            self.was_asked.set()
            await asyncio.Event().wait()

    person = Watching()

    async def scenario() -> float:
        spec = {"tools": ["mcp:shop"], "mcp_servers": STDIO}
        work = asyncio.create_task(use_async(tmp_path, [("shop__price", {"item": "x"})], person=person, **spec))
        await person.was_asked.wait()
        assert servers() != []
        started = time.monotonic()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        return time.monotonic() - started

    assert asyncio.run(scenario()) < 3
    assert servers() == []


def servers() -> list[str]:
    """The command lines of servers that run here."""
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        try:
            line = entry.joinpath("cmdline").read_text() if entry.name.isdigit() else ""
        except OSError:
            continue
        if str(SHOP) in line:
            found.append(line)
    return found
