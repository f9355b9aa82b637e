"""A full disk, a database that is deleted, cut short, replaced or made read-only: a clear error, nothing half-written,
and what can go on goes on (issue 6, T-5, F-6).
"""

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_processes import PROGRAM, STEPS, Engines, begun

from smithers_persistence.verify import verify

FILLS = """from smithers_py import Ralph, Task, component
import random


def work():
    return random.randbytes(20_000).hex()


@component
def App(ctx):
    def keep(n):
        return lambda r: [ctx.state.set("last", r.output), ctx.state.increment("kept")]

    return Ralph("r", max_iterations=60, children=lambda n: Task(work, id="t", on_finished=keep(n)))
"""


def mounted(*arguments: str) -> bool:
    """Whether this user may mount here."""
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def engines(workspace: Path) -> Iterator[Engines]:
    made = Engines(workspace)
    yield made
    made.end_all()


@pytest.fixture
def small_disk(workspace: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    disk = workspace / "disk"
    disk.mkdir()
    if not mounted("-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)):
        pytest.skip("needs the right to mount")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def read_only(workspace: Path) -> Iterator[Path]:
    """What is in `.smithers`, as a disk that cannot be written shows it."""
    disk = workspace / "read_only"
    disk.mkdir()
    (workspace / ".smithers").mkdir()
    if not (mounted("--bind", ".smithers", str(disk)) and mounted("-o", "remount,ro,bind", str(disk))):
        pytest.skip("needs the right to mount")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def sound(path: Path) -> bool:
    conn = sqlite3.connect(path)
    try:
        return verify(conn) == []
    finally:
        conn.close()


@pytest.mark.requirement("F-6", "E-4")
def test_after_a_full_disk_made_room_the_run_goes_on(engines: Engines, small_disk: Path) -> None:
    Path("plan.py").write_text(FILLS)
    database = small_disk / "db.sqlite"
    code, _, err = engines.run("run", "plan.py", "--db", str(database))
    assert code == 1
    last = err.strip().splitlines()[-1]
    for part in ("E701", "full", "nothing was written since", "make room", "smithers resume"):
        assert part in last
    assert engines.run("doctor", "latest", "--db", str(database))[0] == 0
    assert mounted("-o", "remount,size=60m", str(small_disk))
    code, _, err = engines.run("resume", "--db", str(database))
    assert code == 0, err
    assert json.loads(engines.run("db", "state", "--json", "--db", str(database))[1])["kept"] == 60
    assert sound(database)


@pytest.mark.requirement("F-6", "E-4")
def test_after_a_limit_on_files_was_lifted_the_run_goes_on(engines: Engines) -> None:
    # The same without the right to mount: files may not grow beyond 1.5 MB.
    Path("plan.py").write_text(FILLS)
    limited = ["/bin/sh", "-c", 'ulimit -f 3000; exec "$@"', "sh", *PROGRAM, "run", "plan.py"]
    assert subprocess.run(limited, capture_output=True, timeout=60, check=False).returncode == 1
    code, _, err = engines.run("resume")
    assert code == 0, err
    assert json.loads(engines.run("db", "state", "--json")[1])["kept"] == 60
    assert sound(Path(".smithers/db.sqlite"))


def in_step_one(engines: Engines) -> tuple["subprocess.Popen[str]", Path]:
    Path("plan.py").write_text(STEPS)
    for n in (1, 2):
        os.mkfifo(f"ready{n}")
        os.mkfifo(f"gate{n}")
    running = engines.start("run", "plan.py")
    begun(1)
    return running, Path(".smithers/db.sqlite")


DAMAGE = {
    "deleted": (lambda path: path.unlink(), "deleted"),
    "replaced": (lambda path: (path.unlink(), path.write_bytes(b"")), "another file"),
    "cut to nothing": (lambda path: os.truncate(path, 0), "cut to 0 bytes"),
    "cut in half": (lambda path: os.truncate(path, path.stat().st_size // 2), "cut to"),
}


@pytest.mark.requirement("F-6", "E-4")
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_database_that_is_damaged_while_in_use_ends_the_run(engines: Engines, damage: str) -> None:
    running, path = in_step_one(engines)
    harm, told = DAMAGE[damage]
    harm(path)
    # The step goes on waiting: its engine's next heartbeat looks at the file.
    _, err = running.communicate(timeout=60)
    last = err.strip().splitlines()[-1]
    assert running.returncode == 1
    assert "E701" in last
    assert told in last
    assert "lost" in last
    assert "Traceback" not in err
    if damage == "deleted":
        assert not path.exists(), "it must not come back by itself"
        code, _, err = engines.run("run", "plan.py")
        assert code == 2
        assert "db.sqlite-wal" in err


@pytest.mark.requirement("F-6", "E-4")
def test_a_read_only_database_is_read_and_not_run(engines: Engines, read_only: Path) -> None:
    Path("plan.py").write_text(FILLS.replace("max_iterations=60", "max_iterations=2"))
    assert engines.run("run", "plan.py")[0] == 0
    there = ("--db", str(read_only / "db.sqlite"))
    assert "completed" in engines.run("inspect", *there)[1]
    assert engines.run("doctor", "latest", *there)[0] == 0
    for verb in ("run plan.py", "resume"):
        code, _, err = engines.run(*verb.split(), *there)
        assert code == 2
        assert "read-only" in err.splitlines()[-1]
        assert "E701" in err


@pytest.mark.requirement("F-6", "E-4")
def test_a_damaged_file_is_told_by_every_command(engines: Engines) -> None:
    Path("plan.py").write_text(FILLS.replace("max_iterations=60", "max_iterations=2"))
    assert engines.run("run", "plan.py")[0] == 0
    path = Path(".smithers/db.sqlite")
    os.truncate(path, 30_000)
    for verb, code in (("run plan.py", 2), ("resume", 2), ("inspect", 2), ("doctor latest", 1)):
        found, out, err = engines.run(*verb.split())
        assert found == code, verb
        assert "malformed" in out + err
        assert "Traceback" not in err
        assert "backup" in out if code == 1 else "doctor" in err
