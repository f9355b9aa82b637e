"""`smithers check --purity`: what rendering reads or causes beside ctx, at its line (A-7, F-2, Z-25)."""

import sys
from pathlib import Path

import pytest

from smithers_py.engine.launch import RunOptions
from smithers_py.harness.code_check import Finding
from smithers_py.harness.plan_check import check_script

HEAD = """import datetime, glob, os, random, secrets, shutil, socket, sqlite3, subprocess, tempfile, time, uuid
from pathlib import Path
from smithers_py import *
"""
FIRST = HEAD.count("\n") + 3


def impurities(folder: Path, *lines: str, plan: str = "return []", purity: bool = True) -> list[Finding]:
    """What is found of a component with these lines, the first of them at line FIRST."""
    body = "\n".join(f"    {line}" for line in (*lines, plan))
    script = folder / "script.py"
    script.write_text(f"{HEAD}@component\ndef App(ctx):\n{body}\n")
    options = RunOptions(script=script, db_path=folder / "none.sqlite", workspace=folder)
    checked = check_script(options, purity=purity)
    assert checked.preview is not None, checked.findings
    return [one for one in checked.findings if one.code in ("W106", "W107")]


@pytest.mark.requirement("A-7", "F-2", "Z-25")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("time.time()", "reads the clock"),
        ("time.monotonic_ns()", "reads the clock"),
        ("datetime.datetime.now()", "reads the clock"),
        ("datetime.date.today()", "reads the clock"),
        ("random.random()", "is different each time"),
        ("random.randint(1, 6)", "is different each time"),
        ("random.choice([1, 2])", "is different each time"),
        ("random.Random().random()", "is different each time"),
        ("uuid.uuid4()", "is different each time"),
        ("secrets.token_hex()", "is different each time"),
        ("os.environ.get('HOME')", "reads the environment"),
        ("os.getenv('HOME')", "reads the environment"),
        ("'HOME' in os.environ", "reads the environment"),
        ("Path.cwd()", "reads the environment"),
        ("Path(__file__).read_text()", "open('"),
        ("Path('x').exists()", "reads files"),
        ("glob.glob('*')", "reads files"),
        ("os.listdir('.')", "reads files"),
    ],
)
def test_reads_are_found_at_their_line(line: str, said: str, tmp_path: Path) -> None:
    (found,) = impurities(tmp_path, line)
    assert (found.code, found.level, found.line) == ("W106", "warning", FIRST)
    assert found.file == str(tmp_path / "script.py")
    assert said in found.message
    assert found.node == "App"
    assert found.hint


@pytest.mark.requirement("F-2", "Z-25")
@pytest.mark.parametrize(
    "line",
    [
        "open(Path(__file__).with_name('new'), 'w').close()",
        "os.close(os.open(Path(__file__).with_name('new'), os.O_CREAT | os.O_WRONLY))",
        "Path(__file__).with_name('folder').mkdir(exist_ok=True)",
        "tempfile.mkdtemp(dir=Path(__file__).parent)",
        "shutil.copy(__file__, __file__ + '.copy')",
        "sqlite3.connect(':memory:').close()",
        "socket.socket().close()",
        "subprocess.run(['true'])",
        "os.system('true')",
        "time.sleep(0)",
    ],
)
def test_what_a_render_causes_is_found(line: str, tmp_path: Path) -> None:
    (found,) = impurities(tmp_path, line)
    assert (found.code, found.line) == ("W107", FIRST)


@pytest.mark.requirement("F-2", "Z-25")
def test_what_is_pure_or_runs_later_is_no_finding(tmp_path: Path) -> None:
    lines = [
        "ctx.now(); ctx.random(); ctx.uuid(); ctx.fs.exists('x'); ctx.fs.glob('*.py'); ctx.fs.read('script.py')",
        "random.Random(42).random(); datetime.datetime(2026, 1, 1); uuid.UUID(int=1); Path('a') / 'b'",
        "import colorsys",
        "def work(): return time.time()",
    ]
    plan = (
        "return [Task(work, id='t', on_finished=lambda r: os.getcwd()), Effect('e', deps=[], run=lambda: time.time())]"
    )
    assert impurities(tmp_path, *lines, plan=plan) == []


@pytest.mark.requirement("Z-25")
def test_lazy_parts_name_their_node_and_helpers_their_own_line(tmp_path: Path) -> None:
    found = impurities(
        tmp_path,
        "def helper():",
        "    return time.time()",
        plan="return [If(lambda: helper() > 0, children=['x']), Phase('p', skip_if=lambda: os.getenv('X'))]",
    )
    assert [(one.line, one.node) for one in found] == [(FIRST + 1, "App > If"), (FIRST + 2, "App > Phase 'p'")]


@pytest.mark.requirement("Z-25")
def test_it_looks_only_when_asked_and_leaves_the_thread_as_it_was(tmp_path: Path) -> None:
    seen: list[str] = []

    def mine(frame: object, event: str, arg: object) -> None:
        seen.append(event)

    sys.setprofile(mine)
    try:
        assert impurities(tmp_path, "time.time()", purity=False) == []
        assert impurities(tmp_path, "time.time()") != []
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(None)
    assert impurities(tmp_path, "time.time()", "time.time()")[1].line == FIRST + 1
