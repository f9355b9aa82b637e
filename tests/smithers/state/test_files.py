"""S-2, Z-1: files inside the workspace, recorded, one version per path and frame."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from state_world import World, names

from smithers_py.errors import StateActionError


def settled(path: Path, text: str, age_s: int = 10) -> None:
    """Write a file that looks as if it had been written a while ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    then = path.stat().st_mtime - age_s
    os.utime(path, (then, then))


@pytest.fixture
def root(world: World) -> Path:
    return world.files.root


@pytest.mark.requirement("S-2")
def test_reads_and_writes_are_recorded(world: World, root: Path) -> None:
    def handler(ctx: Any) -> None:
        ctx.fs.write("out/é.txt", "grün")
        assert ctx.fs.read("out/é.txt") == "grün"
        ctx.fs.write(root / "raw", b"\xff")
        assert ctx.fs.read_bytes("raw") == b"\xff"
        with pytest.raises(FileNotFoundError):
            ctx.fs.read("absent")

    world.act(handler)
    grün = sha256("grün".encode()).hexdigest()
    assert [(record.op, record.path, record.sha256, record.size) for record in world.files.take_records()] == [
        ("write", "out/é.txt", grün, 5),
        ("read", "out/é.txt", grün, 5),
        ("write", "raw", sha256(b"\xff").hexdigest(), 1),
        ("read", "raw", sha256(b"\xff").hexdigest(), 1),
        ("read", "absent", None, 0),
    ]
    assert world.files.take_records() == []


@pytest.mark.requirement("S-2", "Z-1")
def test_a_frame_sees_one_version(world: World, root: Path) -> None:
    settled(root / "a", "one")
    value, scope = world.render(lambda ctx: ctx.fs.read("a"))
    (root / "a").write_text("two")
    other, second = world.render(lambda ctx: ctx.fs.read("a"))
    assert (value, other) == ("one", "one")
    world.act(lambda ctx: (ctx.fs.read("a") == "two") or pytest.fail("handlers read the disk"))
    world.files.begin_frame()
    assert world.files.refresh() == ["file:a"]
    assert set(world.dirty()) == {scope, second}
    assert world.render(lambda ctx: ctx.fs.read("a"), scope)[0] == "two"
    assert world.files.refresh() == []


@pytest.mark.requirement("S-2")
def test_only_a_changed_content_marks(world: World, root: Path) -> None:
    settled(root / "a", "one")
    _, scope = world.render(lambda ctx: ctx.fs.read("a"))
    assert names(scope) == ["file:a"]
    os.utime(root / "a")
    assert world.files.refresh() == []
    settled(root / "a", "two", age_s=20)
    assert world.files.refresh() == ["file:a"]


def test_a_change_that_keeps_size_and_time_is_seen(world: World, root: Path) -> None:
    """A replaced file with the old time stamp: only the inode and its change time tell."""
    settled(root / "a", "one")
    status = (root / "a").stat()
    world.render(lambda ctx: ctx.fs.read("a"))
    (root / "b").write_text("two")
    os.utime(root / "b", ns=(status.st_atime_ns, status.st_mtime_ns))
    (root / "b").replace(root / "a")
    assert (root / "a").stat().st_mtime_ns == status.st_mtime_ns
    assert world.files.refresh() == ["file:a"]


def test_a_change_within_one_tick_of_the_clock_is_seen(world: World, root: Path) -> None:
    (root / "a").write_text("one")
    status = (root / "a").stat()
    world.render(lambda ctx: ctx.fs.read("a"))
    with (root / "a").open("r+") as file:
        file.write("two")
    os.utime(root / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert world.files.refresh() == ["file:a"]


@pytest.mark.requirement("S-2")
def test_absent_files_folders_and_patterns(world: World, root: Path) -> None:
    settled(root / "src/a.py", "")
    (root / "src/folder.py").mkdir()

    def missing(ctx: Any) -> str:
        try:
            return ctx.fs.read("later")
        except FileNotFoundError:
            return "none"

    value, reader = world.render(missing)
    there, exists = world.render(lambda ctx: (ctx.fs.exists("later"), ctx.fs.exists("src")))
    listed, globbed = world.render(lambda ctx: ctx.fs.glob("src/*.py"))
    assert (value, there, listed) == ("none", (False, True), ["src/a.py"])
    assert world.files.refresh() == []
    (root / "later").write_text("now")
    (root / "src/b.py").write_text("")
    world.files.begin_frame()
    assert world.files.refresh() == ["file:later", "exists:later", "glob:src/*.py"]
    assert set(world.dirty()) == {reader, exists, globbed}
    assert world.render(missing, reader)[0] == "now"
    assert world.render(lambda ctx: ctx.fs.glob("src/*.py"), globbed)[0] == ["src/a.py", "src/b.py"]


def test_what_nobody_reads_any_more_is_dropped(world: World, root: Path) -> None:
    settled(root / "a", "one")
    _, scope = world.render(lambda ctx: ctx.fs.read("a"))
    scope.dispose()
    (root / "a").write_text("two")
    assert world.files.refresh() == []
    assert not world.files._watched


@pytest.mark.requirement("S-2", "E-4")
@pytest.mark.parametrize("path", ["../secret", "a/../../secret", "/etc/hostname", "link/secret", "out"])
def test_no_way_out(world: World, root: Path, path: str) -> None:
    (root.parent / "secret").write_text("s")
    (root / "link").symlink_to(root.parent)
    (root / "out").symlink_to(root.parent / "secret")

    def handler(ctx: Any) -> None:
        for call in (ctx.fs.read, ctx.fs.exists, lambda path: ctx.fs.write(path, "x")):
            with pytest.raises(StateActionError, match="outside the workspace"):
                call(path)
        assert ctx.fs.glob("link/*") == []
        assert ctx.fs.glob("ou*") == []

    world.act(handler)
    assert (root.parent / "secret").read_text() == "s"


@pytest.mark.parametrize("pattern", ["../*", "/etc/*", ""])
def test_patterns_stay_inside(world: World, pattern: str) -> None:
    with pytest.raises(StateActionError):
        world.act(lambda ctx: ctx.fs.glob(pattern))


def test_links_inside_the_workspace_are_followed(world: World, root: Path) -> None:
    (root / "real").write_text("x")
    (root / "link").symlink_to(root / "real")
    world.act(lambda ctx: ctx.fs.write("link", "y"))
    assert (root / "real").read_text() == "y"
    assert (root / "link").is_symlink()


def test_folders_and_pipes_are_not_read(world: World, root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(StateActionError, match="no regular file"):
        world.act(lambda ctx: ctx.fs.read("pipe"))
    with pytest.raises(IsADirectoryError):
        world.act(lambda ctx: ctx.fs.read("."))


def test_a_write_keeps_the_mode_and_leaves_nothing_behind(world: World, root: Path) -> None:
    script = root / "run.sh"
    script.write_text("old")
    script.chmod(0o755)
    world.act(lambda ctx: ctx.fs.write("run.sh", "new"))
    assert script.stat().st_mode & 0o777 == 0o755
    (root / "folder").mkdir()
    with pytest.raises(OSError):
        world.act(lambda ctx: ctx.fs.write("folder", "x"))
    assert sorted(path.name for path in root.iterdir()) == ["folder", "run.sh"]
