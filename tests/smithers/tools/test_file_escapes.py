"""Ways out of the workspace through the file tools: each is refused, recorded, and leaves what is outside alone."""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from toolbox import Person, said, use

from smithers_py.agents.tools.confine import FILE_LIMIT, Refused, Workspace
from smithers_py.nodes.tools import ToolPolicy

SECRET = "not for the model"
ALLOW = ToolPolicy(allow=["read", "write", "edit", "glob", "grep"])


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.joinpath("secret.txt").write_text(SECRET)
    workspace = tmp_path / "ws"
    workspace.mkdir()
    workspace.joinpath("ours.txt").write_text("ours")
    return workspace


def refused(ws: Path, tool: str, args: dict[str, Any], **spec: Any) -> str:
    """The refusal of the call, which the model and the record have alike."""
    person = Person()
    part = use(ws, [(tool, args)], person=person, **{"policy": ALLOW, **spec})[0]
    [record] = person.refusals()
    assert record["tool"] == tool
    assert record["by"] == "confinement"
    assert record["refused"] == part.content
    assert part.outcome == "failed"
    assert not person.asked
    return str(part.content)


OUTWARD = ["../outside/secret.txt", "a/../../outside/secret.txt", "./.././outside/secret.txt", "/etc/passwd"]


@pytest.mark.requirement("G-5", "X-1")
@pytest.mark.parametrize("path", OUTWARD)
@pytest.mark.parametrize("tool", ["read", "write", "edit", "glob", "grep"])
def test_paths_out_of_the_workspace(ws: Path, tool: str, path: str) -> None:
    ws.joinpath("a").mkdir()
    rest = {"write": {"content": "x"}, "edit": {"old": "not", "new": "all"}, "glob": {"pattern": "*"}}
    more = rest.get(tool, {"pattern": "model"} if tool == "grep" else {})
    assert "outside the workspace" in refused(ws, tool, {"path": path, **more})
    assert ws.parent.joinpath("outside/secret.txt").read_text() == SECRET


@pytest.mark.requirement("G-5", "X-1")
@pytest.mark.parametrize("target", ["../outside/secret.txt", "{outside}/secret.txt", "two", "../outside"])
def test_links_out_of_the_workspace(ws: Path, target: str) -> None:
    outside = ws.parent / "outside"
    ws.joinpath("two").symlink_to(outside / "secret.txt")
    ws.joinpath("link").symlink_to(target.format(outside=outside))
    for path in ("link", "./link", "link/secret.txt"):
        assert "outside the workspace" in refused(ws, "read", {"path": path})
        assert "outside the workspace" in refused(ws, "write", {"path": path, "content": "x"})
    assert outside.joinpath("secret.txt").read_text() == SECRET
    assert [file.name for file in outside.iterdir()] == ["secret.txt"]


@pytest.mark.requirement("G-5")
def test_links_within_the_workspace_work(ws: Path) -> None:
    ws.joinpath("src").mkdir()
    ws.joinpath("src/up").symlink_to("../ours.txt")
    ws.joinpath("whole").symlink_to(ws / "src")
    assert said(ws, "read", {"path": "whole/up"}) == "     1\tours"
    said(ws, "write", {"path": "whole/new", "content": "n"})
    assert ws.joinpath("src/new").read_text() == "n"
    ws.joinpath("round").symlink_to("round")
    assert "too many links" in refused(ws, "read", {"path": "round"})


@pytest.mark.requirement("G-5")
def test_searching_follows_no_link_out(ws: Path) -> None:
    ws.joinpath("link").symlink_to(ws.parent / "outside")
    ws.joinpath("one").symlink_to(ws.parent / "outside/secret.txt")
    assert said(ws, "grep", {"pattern": "for the"}) == "Nothing matches."
    assert said(ws, "glob", {"pattern": "**"}).split() == ["link", "one", "ours.txt"]


@pytest.mark.requirement("G-5", "X-1")
def test_a_fifo_neither_blocks_nor_is_written(ws: Path) -> None:
    os.mkfifo(ws / "pipe")
    started = time.monotonic()
    assert "is a FIFO, not a file" in refused(ws, "read", {"path": "pipe"})
    assert "is a FIFO, not a file" in refused(ws, "write", {"path": "pipe", "content": "x"})
    assert said(ws, "grep", {"pattern": "x"}) == "Nothing matches."
    assert time.monotonic() - started < 5


@pytest.mark.requirement("G-5", "X-1")
def test_a_file_of_two_gigabytes_is_not_read(ws: Path) -> None:
    with ws.joinpath("huge").open("wb") as file:
        file.truncate(2 << 30)
    assert "has 2,147,483,648 bytes" in refused(ws, "read", {"path": "huge"})
    assert "has 2,147,483,648 bytes" in refused(ws, "edit", {"path": "huge", "old": "a", "new": "b"})
    assert said(ws, "grep", {"pattern": "x"}) == "Nothing matches."


def test_a_file_that_grows_while_it_is_read_is_read_to_the_limit(ws: Path) -> None:
    assert FILE_LIMIT < 1 << 30
    with Workspace(ws).open("ours.txt") as (descriptor, _):
        ws.joinpath("ours.txt").write_text("ours, longer")
        assert os.read(descriptor, 100) == b"ours, longer"


@pytest.mark.requirement("Z-27")
@pytest.mark.parametrize("path", [".smithers/db.sqlite", "deep/.smithers/x", ".Smithers/db.sqlite", "alias/db.sqlite"])
def test_smithers_own_folder_is_closed(ws: Path, path: str) -> None:
    for folder in (".smithers", "deep/.smithers"):
        ws.joinpath(folder).mkdir(parents=True)
    ws.joinpath(".smithers/db.sqlite").write_text(SECRET)
    ws.joinpath("alias").symlink_to(".smithers")
    assert "belongs to Smithers itself" in refused(ws, "read", {"path": path})
    assert "belongs to Smithers itself" in refused(ws, "write", {"path": path, "content": "x"})
    assert said(ws, "grep", {"pattern": "model"}) == "Nothing matches."
    assert ".smithers" not in said(ws, "glob", {"pattern": ".smithers/**"})
    assert "belongs to Smithers itself" in refused(ws, "glob", {"pattern": "*", "path": ".smithers"})


@pytest.mark.requirement("Z-27")
def test_a_database_elsewhere_is_closed_under_every_name(ws: Path) -> None:
    database = ws / "runs.sqlite"
    database.write_text(SECRET)
    os.link(database, ws / "second-name")
    for path in ("runs.sqlite", "second-name"):
        assert "belongs to Smithers itself" in refused(ws, "read", {"path": path}, forbidden=(database,))
        assert "belongs to Smithers" in refused(ws, "write", {"path": path, "content": "x"}, forbidden=(database,))
    assert said(ws, "grep", {"pattern": "model"}, forbidden=(database,)) == "Nothing matches."
    assert database.read_text() == SECRET


@pytest.mark.requirement("G-5")
def test_a_link_swapped_while_files_are_read_never_leads_out(ws: Path) -> None:
    outside, inside = ws.parent / "outside", ws / "real"
    inside.mkdir()
    inside.joinpath("secret.txt").write_text("ours")
    swapped = ws / "swapped"
    swapped.symlink_to(inside)
    going = threading.Event()
    going.set()

    def swap() -> None:
        at = 0
        while going.is_set():
            at += 1
            new = ws / f"new{at % 2}"
            new.symlink_to((outside, inside)[at % 2])
            new.rename(swapped)

    swapper = threading.Thread(target=swap)
    swapper.start()
    workspace, read, refusals = Workspace(ws), set[bytes](), 0
    try:
        for _ in range(3_000):
            try:
                read.add(workspace.read("swapped/secret.txt"))
            except Refused:
                refusals += 1
    finally:
        going.clear()
        swapper.join()
    assert read == {b"ours"}
    assert refusals > 0


@pytest.mark.requirement("G-5")
def test_a_folder_swapped_for_a_link_while_files_are_written_never_leads_out(ws: Path) -> None:
    outside = ws.parent / "outside"
    folder, link = ws / "folder", ws / "link"
    folder.mkdir()
    going = threading.Event()
    going.set()

    def swap() -> None:
        at = 0
        while going.is_set():
            at += 1
            link.symlink_to(outside)
            with suppress(OSError):  # the writer has made the folder again in between
                folder.rename(ws / f"aside{at}")
                link.rename(folder)
                folder.unlink()
            link.unlink(missing_ok=True)

    swapper = threading.Thread(target=swap)
    swapper.start()
    workspace = Workspace(ws)
    try:
        for _ in range(1_000):
            try:
                workspace.write("folder/x/y.txt", b"written", expect="folder/x/y.txt")
            except Refused:
                continue
    finally:
        going.clear()
        swapper.join()
    assert [file.name for file in outside.iterdir()] == ["secret.txt"]


def test_nul_characters_and_names_too_long_are_refused(ws: Path) -> None:
    assert "NUL" in refused(ws, "read", {"path": "a\0b"})
    assert "File name too long" in refused(ws, "read", {"path": "x" * 300})
    assert "File name too long" in refused(ws, "write", {"path": "x" * 300, "content": ""})
