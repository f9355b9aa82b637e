"""`smithers check` and `run --dry-run`: what is wrong, what will bite, and nothing that runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from authoring_tools import Smithers, Write

HEAD = "from smithers_py import *\n"
SOUND = HEAD + '@plan\ndef App(ctx):\n    with Phase("a"):\n        Command("true", id="x")\n'


def warnings(smithers: Smithers, file: Path) -> list[tuple[str, int]]:
    code, out, _ = smithers("check", file, "--json")
    assert code == 0, out
    return [(one["code"], one["line"]) for one in json.loads(out)["findings"]]


@pytest.mark.requirement("A-7", "C-1", "C-3")
def test_a_sound_script_is_said_to_be(script: Write, smithers: Smithers, workspace: Path) -> None:
    file = script(SOUND)
    assert smithers("check", file.name) == (0, "a_script.py: no errors, no warnings\n", "")
    assert smithers("check", file.name, "--strict")[0] == 0
    found = json.loads(smithers("check", file.name, "--json")[1])
    assert found == {"script": "a_script.py", "ok": True, "errors": 0, "warnings": 0, "findings": []}
    assert not (workspace / ".smithers").exists()


@pytest.mark.requirement("A-7", "C-4")
def test_warnings_name_the_line_and_fail_only_when_strict(script: Write, smithers: Smithers) -> None:
    file = script(HEAD + "@plan\ndef App(ctx):\n    Claude(prompt='x')\n")
    code, out, err = smithers("check", file)
    assert code == 0
    first, second, last = out.splitlines()
    assert first.startswith("a_script.py:4:5: warning W101: Claude has no id (at App > Claude). Give it id=")
    assert second.startswith("a_script.py:4:5: warning W104: Claude has no max_turns (at App > Claude). ")
    assert last == f"{file}: no errors, 2 warnings"
    assert err == "next: smithers explain W101 (also W104)\n"
    assert smithers("check", file, "--strict")[0] == 1
    assert smithers("check", file, "--strict", "--json")[0] == 1


@pytest.mark.requirement("A-7", "A-4", "C-4")
def test_errors_come_first_and_fail(script: Write, smithers: Smithers) -> None:
    file = script(
        HEAD + "@plan\ndef App(ctx):\n    seen = []\n"
        "    Command('true').on_finished(lambda r: seen.append(1))\n    Command('true', timout=3)\n"
    )
    code, out, _ = smithers("check", file)
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == (
        "a_script.py:6:5: error E101: Command has no prop 'timout' (at App > Command). Did you mean 'timeout'?"
    )
    assert lines[1].startswith("a_script.py:5:43: warning W105: a handler or task of App changes")
    assert lines[2].endswith("1 error, 1 warning")


@pytest.mark.requirement("A-7", "C-4")
@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("def App(ctx)\n", "E202", 2),
        ("import nothing_of_this_name\n", "E203", 2),
        ("x = 1\n", "E204", None),
        ("Phase()\n", "E102", 2),
        ("@plan\ndef App(ctx):\n    ctx.state.get('n') + 1\n", "E109", 4),
        ("@plan\ndef App(ctx):\n    ctx.state.set('n', 1)\n", "E301", 4),
    ],
)
def test_what_is_wrong_with_the_script_is_found(
    text: str, code: str, line: int | None, script: Write, smithers: Smithers
) -> None:
    exit_code, out, err = smithers("check", script(HEAD + text), "--json")
    assert exit_code == 1, out + err
    (found,) = json.loads(out)["findings"]
    assert (found["level"], found["code"], found["line"]) == ("error", code, line)
    assert found["file"].endswith("a_script.py")


@pytest.mark.requirement("C-4")
@pytest.mark.parametrize(
    "arguments",
    [
        ("gone.py",),
        ("a_script.py", "--entry", "Ap"),
        ("a_script.py", "--state", "$x=1"),
        ("a_script.py", "--state", "x"),
        ("a_script.py", "--input", "{"),
    ],
)
@pytest.mark.parametrize("command", ["check", "graph"])
def test_what_is_wrong_with_the_command_is_bad_input(
    command: str, arguments: tuple[str, ...], script: Write, smithers: Smithers
) -> None:
    script(SOUND)
    code, out, err = smithers(command, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error E")


@pytest.mark.requirement("A-7", "Z-2")
@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("Command('true')", ["W101"]),
        ("Command('true', key='k')", []),
        ("While('l', True, children=[Command('true', id='x')])", ["W103"]),
        ("Ralph('l', children=[Command('true', id='x')])", ["W103"]),
        ("Ralph('l', max_iterations=10, children=[Command('true', id='x')])", []),
        ("Agent(model='test', prompt='x', id='a')", ["W104"]),
        ("Claude(prompt='x', id='a', max_turns=50)", []),
        ("[Part(n=n) for n in range(3)]", ["W102"]),
        ("[Part(n=n, key=n) for n in range(3)]", []),
        ("Parallel(children=[Step('s'), Part(n=1), Part(n=2)])", []),
        ("Each([1, 2], children=lambda n: Command('true', key=n))", []),
        ("Phase('later', children=[Phase('inner', children=[Command('true')])])", ["W101"]),
    ],
)
def test_rules_about_nodes(body: str, found: list[str], script: Write, smithers: Smithers) -> None:
    part = "@component\ndef Part(ctx, n):\n    return Text(str(n))\n"
    file = script(HEAD + part + f"@component\ndef App(ctx):\n    return [Phase('first'), {body}]\napp = App\n")
    assert warnings(smithers, file) == [(code, 7) for code in found]


LOCALS = """from smithers_py import *
TOTAL = []
@plan
def App(ctx, given=None):
    state = ctx.state
    seen, counts = [], {{}}
    n = 0
    nodes = [Command("true", id="a")]
    nodes.append(Command("true", id="b"))
    def handler(r, own=None):
        {0}
    Command("true", id="c").on_finished(handler)
    def helper():
        def deep(own=None):
            {1}
        return deep
"""


@pytest.mark.requirement("A-7")
@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("seen.append(1)", True),
        ("counts[1] = 1", True),
        ("del counts[1]", True),
        ("counts.update(a=1)", True),
        ("nonlocal n; n += 1", True),
        ("[seen.extend([x]) for x in (1, 2)]", True),
        ("(lambda: seen.clear())()", True),
        ("state.append('seen', 1)", False),
        ("ctx.state.append('seen', 1)", False),
        ("seen = []; seen.append(1)", False),
        ("own.append(1)", False),
        ("given.append(1)", False),
        ("TOTAL.append(1)", False),
        ("(lambda seen: seen.append(1))([])", False),
        ("print(seen, counts[0], n)", False),
    ],
)
def test_rules_about_variables(line: str, found: bool, script: Write, smithers: Smithers) -> None:
    # In a function of the component, and in one inside that: 1 stands for what it was given.
    assert warnings(smithers, script(LOCALS.format(line, "pass"))) == ([("W105", 11)] if found else [])
    assert warnings(smithers, script(LOCALS.format("pass", line))) == ([("W105", 15)] if found else [])


@pytest.mark.requirement("O-6", "C-3", "C-4")
def test_a_dry_run_shows_the_plan_and_leaves_nothing(script: Write, smithers: Smithers, workspace: Path) -> None:
    file = script(HEAD + "@plan\ndef App(ctx):\n    with Phase('a'):\n        Command('touch ran')\n")
    code, out, err = smithers("run", file, "--dry-run")
    assert (code, out) == (0, "App\n  Phase a\n    Command touch ran\n")
    assert "warning W101" in err
    code, out, err = smithers("run", file, "--dry-run", "--json", "--db", "elsewhere.sqlite")
    assert code == 0
    shown: dict[str, Any] = json.loads(out)
    assert (shown["dry_run"], shown["ok"], shown["warnings"]) == (True, True, 1)
    assert [node["type"] for node in shown["plan"]["nodes"]] == ["Phase", "Command"]
    assert {path.name for path in workspace.iterdir()} - {"__pycache__"} == {file.name}


@pytest.mark.requirement("O-6", "C-4")
def test_a_dry_run_of_a_wrong_plan_fails(script: Write, smithers: Smithers, workspace: Path) -> None:
    file = script(HEAD + "@plan\ndef App(ctx):\n    1 / 0\n")
    code, out, err = smithers("run", file, "--dry-run")
    assert (code, out) == (1, "")
    assert "a_script.py:4:5: error E109" in err
    assert smithers("run", "gone.py", "--dry-run")[0] == 2
    assert not (workspace / ".smithers").exists()
