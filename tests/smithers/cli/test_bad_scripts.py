"""What the command line refuses: scripts, options, databases, executions. Exit 2, one paragraph, nothing begun."""

import json
import sqlite3
import sys
from pathlib import Path

import pytest
from bad_runs import APP, HEAD, check_refused, command, marked_line, run

GOOD = f"{HEAD}{APP}    return Phase('a')\n"
TWO = f"{HEAD}@component\ndef One(ctx):\n    return None\n\n@component\ndef Two(ctx):\n    return None\n"
MODEL = f"""{HEAD}from pydantic import BaseModel

class In(BaseModel):
    n: int
    name: str

@plan(input=In)
def app(ctx):
    Phase("a")
"""

SCRIPTS = {
    "no-entry": (f"{HEAD}x = 1\n", (), ["E204", "defines no component or plan", "@component or @plan"]),
    "empty": ("", (), ["E204", "defines no component or plan"]),
    "two-entries": (TWO, (), ["E204", "several components (One, Two)", "--entry NAME"]),
    "wrong-entry": (TWO, ("--entry", "Too"), ["E204", "the entry 'Too' is not defined", "Did you mean 'Two'?"]),
    "entry-of-another-kind": (f"{TWO}def f():\n    pass\n", ("--entry", "f"), ["E204", "'f' is no component"]),
    "app-of-another-kind": ("app = 5\n", (), ["E204", "app is an int, not a component"]),
    "entry-with-props": (
        f"{HEAD}@component  # HERE\ndef app(ctx, name):\n    return name\n",
        (),
        ["E102", "app needs the prop 'name'", "give them defaults"],
    ),
    "async": (
        f"{HEAD}@component  # HERE\nasync def app(ctx):\n    return None\n",
        (),
        ["E100", "component app is async", "let a Task run", "Task(fn)"],
    ),
    "generator": (
        f"{HEAD}@component  # HERE\ndef app(ctx):\n    yield None\n",
        (),
        ["E100", "component app is a generator", "Return a list"],
    ),
    "await-in-a-sync-place": (
        f"{HEAD}{APP}    await ctx.now()  # HERE\n",
        (),
        ["E202", "syntax error at column 5: 'await' outside async function"],
    ),
    "syntax": ("def app(ctx:  # HERE\n    pass\n", (), ["E202", "syntax error at column 8: '(' was never closed"]),
    "indentation": ("def app(ctx):\nreturn None  # HERE\n", (), ["E202", "expected an indented block"]),
    "import": ("import no_such_module  # HERE\n", (), ["E203", "No module named 'no_such_module'", "Install"]),
    "import-of-a-name": ("from smithers_py import Phse  # HERE\n", (), ["E203", "cannot import name 'Phse'"]),
    "raises": ("x = 1 / 0  # HERE\n", (), ["E203", "importing plan.py raised ZeroDivisionError"]),
    "exits": ("import sys\nsys.exit(3)  # HERE\n", (), ["E203", "SystemExit: 3", "only defines components"]),
    "node-at-the-top": (f"{HEAD}p = Phase(nmae='a')  # HERE\n", (), ["E101", "Phase has no prop 'nmae'"]),
    "state-text": (GOOD, ("--state", "n=hello"), ["E800", "--state n is not JSON: 'hello'", """'n="text"'"""]),
    "state-nan": (GOOD, ("--state", "n=NaN"), ["E800", "NaN is not JSON"]),
    "state-pair": (GOOD, ("--state", "n"), ["E800", "--state 'n' is not key=json", "--state count=3"]),
    "state-reserved": (GOOD, ("--state", "$n=1"), ["E402", "state key '$n' is reserved"]),
    "input-text": (GOOD, ("--input", "{a:1}"), ["E800", "--input is not JSON: '{a:1}'", "@file.json"]),
    "input-file": (GOOD, ("--input", "@gone.json"), ["E800", "cannot read 'gone.json': No such file"]),
    "input-model": (MODEL, ("--input", '{"n": "x"}'), ["E800", "does not fit In of app: n: ", "name: Field required"]),
    "input-model-nothing": (MODEL, (), ["E800", "n: Field required", "--input with a JSON object"]),
    "input-model-list": (MODEL, ("--input", "[1]"), ["E800", "does not fit In of app: input: "]),
}


@pytest.mark.requirement("A-3", "A-4", "A-8", "E-4", "Z-14", "Z-22")
@pytest.mark.parametrize("case", SCRIPTS)
def test_a_script_or_input_that_cannot_be_run_begins_nothing(case, workspace, smithers):
    text, arguments, says = SCRIPTS[case]
    left = run(text, *arguments)
    check_refused(left, smithers, says=says)
    line = marked_line(text)
    if line is not None:
        assert f"{Path('plan.py').resolve()}:{line})" in left.paragraph
    assert not Path(".smithers").exists()


@pytest.mark.requirement("E-4", "Z-22")
@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("paln.py", ["E201", "there is no file paln.py", "Did you mean 'plan.py'?"]),
        ("no/plan.py", ["E201", "there is no file no/plan.py", "The folder no does not exist"]),
        (".", ["E201", ". is a folder, not a script", "plan.py"]),
        ("plan.py/x.py", ["E201", "Not a directory"]),
    ],
)
def test_a_script_that_is_not_there(path, says, workspace, smithers, script):
    script(GOOD)
    check_refused(command("run", path), smithers, says=says)


@pytest.mark.requirement("C-2", "C-4", "Z-22")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("rnu", "plan.py"), "Error: No such command 'rnu'. Did you mean 'run'?"),
        (("db", "sate"), "Error: No such command 'sate'. Did you mean 'state'?"),
        (("run",), "Error: Missing argument 'SCRIPT'."),
        (("run", "plan.py", "--idel-timeout", "3"), "--idle-timeout"),
        (("run", "plan.py", "--idle-timeout", "soon"), "Invalid value for '--idle-timeout'"),
    ],
)
def test_a_mistyped_command_is_met_with_the_right_one(arguments, says, workspace):
    left = command(*arguments)
    assert (left.code, left.out) == (2, "")
    assert says in left.err
    assert "Try 'smithers" in left.err
    assert "Traceback" not in left.err


@pytest.mark.requirement("C-2")
@pytest.mark.parametrize(("arguments", "code"), [((), 2), (("--help",), 0)])
def test_without_a_command_it_says_what_there_is(arguments, code, workspace):
    left = command(*arguments)
    assert left.code == code
    for verb in ("run ", "list ", "inspect ", "logs ", "db "):
        assert f"\n  {verb}" in left.out + left.err


def in_the_way(path):
    Path(path).write_text("a file")


def garbage(path):
    Path(path).write_bytes(b"\x93 no database at all \x07" * 400)


def of_another_program(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE songs(title)")
    db.close()


def of_a_newer_release(path):
    assert command("run", "plan.py", "--db", path, "--idle-timeout", "0").code == 0
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO schema_migrations VALUES(99, 'from the future', 1)")
    db.close()


def damaged_inside(path):
    assert command("run", "plan.py", "--db", path, "--idle-timeout", "0").code == 0
    data = bytearray(Path(path).read_bytes())
    data[4096 : len(data)] = b"\xaa" * (len(data) - 4096)
    Path(path).write_bytes(data)


DATABASES = {
    "garbage": (garbage, "d.sqlite", ["is not a sound database", "file is not a database", "--db or SMITHERS_DB"]),
    "damaged": (damaged_inside, "d.sqlite", ["is not a sound database", "--db or SMITHERS_DB"]),
    "another-program": (of_another_program, "d.sqlite", ["it is a database of another program", "nothing was changed"]),
    "newer": (of_a_newer_release, "d.sqlite", ["schema version 99", "use a newer smithers-py", "Nothing was changed"]),
    "below-a-file": (in_the_way, "d.sqlite", ["d.sqlite is a file, not a folder"]),
    "a-folder": (lambda path: Path(path).mkdir(), "d.sqlite", ["it is a folder"]),
}


@pytest.mark.requirement("E-4", "F-6", "Z-22")
@pytest.mark.parametrize("case", DATABASES)
def test_a_database_that_cannot_be_used_is_named_and_left_alone(case, workspace, script):
    script(GOOD)
    damage, name, says = DATABASES[case]
    damage(name)
    path = f"{name}/below.sqlite" if case == "below-a-file" else name
    before = Path(name).read_bytes() if Path(name).is_file() else None
    for arguments in (("run", "plan.py", "--json"), ("list",), ("db", "state")):
        left = command(*arguments, "--db", path)
        assert (left.code, left.out) == (2, ""), left.err
        assert left.err.count("\n") == 1
        for part in ["E701", name, *says]:
            assert part in left.paragraph, left.paragraph
    assert before is None or Path(name).read_bytes() == before


@pytest.mark.requirement("E-4", "Z-22")
def test_a_file_where_the_smithers_folder_should_be(workspace):
    in_the_way(".smithers")
    left = run(GOOD)
    assert (left.code, left.out) == (2, "")
    for part in ("E701", ".smithers is a file, not a folder", "--db"):
        assert part in left.paragraph
    assert Path(".smithers").read_text() == "a file"


@pytest.mark.requirement("C-2", "Z-22")
def test_an_execution_that_is_not_there_is_met_with_the_ones_that_are(workspace):
    ids = [run(GOOD).result["execution_id"] for _ in range(2)]
    wrong = ids[0][:-1] + ("a" if ids[0][-1] != "a" else "b")
    left = command("inspect", wrong)
    assert (left.code, left.out) == (2, "")
    assert f"E801: there is no execution {wrong!r}. Did you mean " in left.paragraph
    assert ids[0] in left.paragraph
    for verb in (("inspect",), ("logs",), ("db", "state"), ("db", "transitions"), ("db", "frames")):
        left = command(*verb, ids[0][:1])
        assert (left.code, left.out) == (2, "")
        for part in ("E800", "is the beginning of 2 executions", *ids):
            assert part in left.paragraph
    assert json.loads(command("db", "state", ids[1][:-1], "--json").out) == {"kept": 1}
    assert "Did you mean" not in command("inspect", "zzz").paragraph


@pytest.mark.requirement("E-4")
def test_an_error_stays_one_line_in_an_ascii_terminal(workspace):
    text = f"{HEAD}{APP}    raise ValueError('Grüße\\x1b[31m\\n\\naus der Ferne')\n"
    left = run(text, program=[sys.executable, "-X", "utf8=0", "-m", "smithers_py"], env={"LC_ALL": "C", "PATH": "/bin"})
    assert "raised ValueError: Gr\\xfc\\xdfe  aus der Ferne" in left.paragraph
    assert left.code == 1
