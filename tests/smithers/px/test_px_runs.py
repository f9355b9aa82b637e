"""`.px` plans through the command line: the seed's example, every reading command, the starter."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Write = Callable[..., Path]
Smithers = Callable[..., tuple[int, str, str]]

# As the user gave it, the last line apart.
SEED = """# coding: jsx
from smithers_py import component, Ralph, Phase, Claude, If

@component
def ImplementPhase(ctx):
    return (
        <Phase name="implement">
            <Claude
                model="sonnet"
                prompt="Fix failing tests"
                on_finished=lambda r: ctx.state.set("phase", "done", trigger="claude.finished")
            />
        </Phase>
    )
"""
EFFECT = """from smithers_py import *

@component
def App(ctx):
    return <>
        <Command argv="true" id="t" onFinished={lambda r: ctx.state.set("phase", 2)} />
        <Effect
          id="sync-phase"
          deps={[ctx.state.get("phase")]}
          run={lambda: ctx.state.set("label", f"Phase={ctx.state.get('phase')}")}
        />
    </>
"""


def state(smithers: Smithers) -> Any:
    return json.loads(smithers("db", "state", "latest", "--json")[1])


@pytest.mark.requirement("A-1")
def test_the_seeds_example_runs_as_it_stands(script: Write, smithers: Smithers) -> None:
    code, out, err = smithers("run", script(SEED), "--model", "test", "--idle-timeout", "0")
    assert code == 0, out + err
    assert state(smithers) == {"phase": "done"}
    (change,) = json.loads(smithers("db", "transitions", "latest", "--json")[1])
    assert (change["key"], change["new"], change["trigger"]) == ("phase", "done", "claude.finished")


@pytest.mark.requirement("A-1", "N-6")
def test_the_seeds_effect_too(script: Write, smithers: Smithers) -> None:
    code, out, err = smithers("run", script(EFFECT), "--idle-timeout", "0")
    assert code == 0, out + err
    assert state(smithers) == {"phase": 2, "label": "Phase=2"}


@pytest.mark.requirement("A-1", "A-7")
def test_check_and_graph_read_it(script: Write, smithers: Smithers) -> None:
    file = script(SEED.replace("            <Claude\n", '            "é" <Claude\n'))
    code, out, _ = smithers("check", file, "--json")
    found = json.loads(out)["findings"]
    assert (code, [(one["code"], one["line"], one["column"]) for one in found]) == (
        0,
        [("W101", 8, 17), ("W104", 8, 17)],
    )
    assert smithers("check", file)[1].startswith("plan.px:8:17: warning W101: Claude has no id")
    assert smithers("graph", file)[1].splitlines()[:2] == ["ImplementPhase", "  Phase implement"]
    assert smithers("run", file, "--dry-run")[0] == 0


@pytest.mark.requirement("A-7")
def test_rules_about_variables_point_into_the_line(script: Write, smithers: Smithers) -> None:
    text = (
        "from smithers_py import *\n@component\ndef App(ctx):\n    seen = []\n"
        '    return <Command argv="é" id="a" on_finished=lambda r: seen.append(r) />\n'
    )
    (found,) = json.loads(smithers("check", script(text), "--json")[1])["findings"]
    line = text.split("\n")[found["line"] - 1]
    assert (found["code"], line[found["column"] - 1 :][:11]) == ("W105", "seen.append")


@pytest.mark.requirement("A-3", "A-7", "C-4")
def test_a_syntax_error_is_a_finding_and_a_line_with_its_caret(script: Write, smithers: Smithers) -> None:
    file = script("from smithers_py import *\n\tx = <Ä>é日</B>\n".replace("\t", ""))
    code, out, _ = smithers("check", file, "--json")
    (found,) = json.loads(out)["findings"]
    assert (code, found["code"], found["line"], found["column"]) == (1, "E205", 2, 10)
    code, out, err = smithers("run", file)
    assert (code, out) == (2, "")
    assert err.splitlines()[1:] == ["  2 | x = <Ä>é日</B>", "    |           ^^^^"]
    assert "internal" not in err


@pytest.mark.requirement("A-4")
@pytest.mark.parametrize(
    ("element", "code", "part"),
    [
        ("<Phase nam='a' />", "E101", "<Phase nam='a' />"),
        ("<Phase />", "E102", "<Phase />"),
        ("<Phase name={1} />", "E103", "<Phase name={1} />"),
        ("<Phase name='a' onFinished={print} />", "E104", "<Phase name='a' onFinished={print} />"),
        ("<Step name='a'>{object()}</Step>", "E103", "<Step name='a'>{object()}</Step>"),
    ],
)
def test_wrong_elements_are_told_like_wrong_calls(
    element: str, code: str, part: str, script: Write, smithers: Smithers
) -> None:
    file = script(
        f"from smithers_py import *\n@component\ndef App(ctx):\n    return [\n        None, {element}\n    ]\n"
    )
    _, out, err = smithers("run", file)
    assert f"error {code}: " in err
    at = next(number for number, line in enumerate(out.splitlines()) if "plan.px:5" in line)
    line, carets = out.splitlines()[at + 1 : at + 3]
    assert line[carets.index("^") : carets.rindex("^") + 1] == part


@pytest.mark.requirement("C-1")
def test_init_px_gives_a_plan_that_works(smithers: Smithers, workspace: Path) -> None:
    code, out, err = smithers("init", "--px", "new")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "wrote new/plan.px"
    assert out.splitlines()[-1] == "next: cd new && smithers run plan.px --model test"
    assert "plan.py" not in (workspace / "new" / "README.md").read_text()
    assert smithers("check", "new/plan.px", "--strict")[1] == "new/plan.px: no errors, no warnings\n"
    code, out, err = smithers("run", "new/plan.px", "--model", "test", "--json", "--idle-timeout", "0")
    assert (code, json.loads(out)["status"]) == (0, "completed"), err


@pytest.mark.requirement("A-1", "Z-2")
def test_text_and_holes_keep_every_place(script: Write, smithers: Smithers) -> None:
    plan = (
        "from smithers_py import *\n@component\ndef App(ctx):\n    n = ctx.state.get('n', {0})\n"
        "    return <Step name='s'>a {{n}} {{n and <Command argv='true' />}} {{''}}{{True}}"
        "<Command argv='false' /></Step>\n"
    )

    def nodes(n: int) -> list[tuple[str, str]]:
        shown = json.loads(smithers("graph", script(plan.format(n)), "--json")[1])
        return [(one["type"], one["node_id"]) for one in shown["nodes"]]

    without, with_one = nodes(0), nodes(1)
    assert [kind for kind, _ in without] == ["Step", "Text", "Command"]
    assert [kind for kind, _ in with_one] == ["Step", "Text", "Command", "Text", "Command"]
    assert with_one[-1] == without[-1]
