"""Everything that Python tells about a `.px` file is about its own lines and columns (A-3)."""

import ast
import inspect
import json
import linecache
import pdb  # noqa: T100 - its own view of a file is tested
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from smithers_py.dsl.script import load_script
from smithers_py.px import parse_px

Write = Callable[..., Path]
Smithers = Callable[..., tuple[int, str, str]]

PLAN = '''# coding: jsx
"""A plan."""
from smithers_py import *

@component
def Inner(ctx, name):
    return <Step name={"日本é " + name.nope} />

@component
def App(ctx):
    return (
        <Phase name="né" /* a comment */>
            it's <Task
                fn={work}
                id="ü" on_finished=lambda r: ("日本é", r.nope, 1) # a comment
            />
            {ctx.state.get("ö") and <Inner
                name="é" />}
        </Phase>
    )

def work():
    # "ä" <Task />
    parts = [<Text value="é" />.value, 1]
    return [part for part in parts if part.nope > 0]

app = App
'''


@pytest.fixture
def plan(script: Write) -> ModuleType:
    return load_script(script(PLAN)).module


def marked(error: BaseException) -> tuple[str, str]:
    """The last line of a traceback with what is marked in it."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    at = max(number for number, line in enumerate(lines) if set(line) <= {"^", "~", " "} and line.strip())
    # A wide character takes two columns.
    shown = "".join(char * 2 if char in "日本" else char for char in lines[at - 1])
    part = "".join(char for char, mark in zip(shown, lines[at], strict=False) if mark in "^~")
    return lines[at - 1].strip(), part


@pytest.mark.requirement("A-3")
def test_a_traceback_marks_the_expression(plan: ModuleType) -> None:
    with pytest.raises(AttributeError) as caught:
        plan.work()
    source, part = marked(caught.value)
    assert source == "return [part for part in parts if part.nope > 0]"
    assert part == "part.nope"
    with pytest.raises(AttributeError) as caught:
        plan.Inner.fn(None, "x")
    source, part = marked(caught.value)
    assert source == 'return <Step name={"日本é " + name.nope} />'
    assert part == "name.nope"


@pytest.mark.requirement("A-3")
def test_inspect_and_linecache_show_the_file(plan: ModuleType) -> None:
    assert inspect.getsource(plan) == PLAN
    assert inspect.getsource(plan.work) == PLAN[PLAN.index("def work") : PLAN.index("\napp")]
    assert inspect.getsource(plan.App.fn).endswith("</Phase>\n    )\n")
    assert inspect.getsourcelines(plan.Inner.fn)[1] == 5
    assert linecache.getline(str(plan.__file__), 1) == "# coding: jsx\n"


@pytest.mark.requirement("A-3")
def test_a_node_knows_the_line_of_its_tag(plan: ModuleType) -> None:
    class Ctx:
        class state:
            get = staticmethod(lambda key: key)

    phase = plan.App.fn(Ctx)
    text, task, inner = [one for one in phase.children if one is not None]
    assert (phase.source[1], text, task.source[1], inner.source[1]) == (12, "it's", 13, 17)


@pytest.mark.requirement("A-3")
def test_a_debugger_stops_at_lines_of_the_file(plan: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(plan.__file__)
    debugger = pdb.Pdb(nosigint=True, readrc=False)
    assert debugger.checkline(file, 24)
    assert debugger.set_break(file, 24) is None
    lines = set[int]()

    def trace(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_filename == file and event == "line":
            lines.add(frame.f_lineno)
        return trace

    # What coverage tools do.
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with pytest.raises(AttributeError):
            plan.work()
    finally:
        sys.settrace(before)
    assert lines == {24, 25}
    debugger.clear_all_breaks()


@pytest.mark.requirement("A-3")
def test_every_position_is_where_its_text_is() -> None:
    """What Python would say of a name, a text or a number is that very piece of the source."""
    lines = PLAN.split("\n")
    seen = 0
    for node in ast.walk(parse_px(PLAN, "plan.px")):
        if isinstance(node, ast.Name) and not node.id.startswith("_px"):
            line = lines[node.lineno - 1].encode()
            text = line[node.col_offset : node.end_col_offset].decode()
            assert text == node.id
            seen += 1
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id[0].isupper():
            assert lines[node.lineno - 1].encode()[node.col_offset :].startswith(b"<" + node.func.id.encode())
            ends = lines[(node.end_lineno or 0) - 1].encode()[: node.end_col_offset]
            assert ends.endswith((b"/>", b"</Phase>"))
            seen += 1
    assert seen > 20


@pytest.mark.requirement("A-3")
def test_warnings_name_the_line(script: Write) -> None:
    text = "from smithers_py import *\n@component\ndef App(ctx):\n    return <A\n b={x is 1}\n c={'\\d'} />\n"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load_script(script(text))
    assert sorted((one.lineno, Path(one.filename).name) for one in caught) == [(5, "plan.px"), (6, "plan.px")]


CASES = {
    "attribute": (PLAN, 15, 'id="ü" on_finished=lambda r: ("日本é", r.nope, 1) # a comment', "r.nope"),
    "child": (PLAN.replace('"ö")', '"ö").nope'), 17, '{ctx.state.get("ö").nope and <Inner', 'ctx.state.get("ö").nope'),
    "nested": (PLAN.replace('"ö")', '"ö", 1)'), 7, 'return <Step name={"日本é " + name.nope} />', "name.nope"),
}


@pytest.mark.requirement("A-3", "E-4")
@pytest.mark.parametrize("case", CASES)
def test_a_failing_run_shows_the_line_and_what_is_wrong_in_it(case: str, script: Write, smithers: Smithers) -> None:
    text, number, line, part = CASES[case]
    file = script(text.replace("part.nope > 0", "part is None"))
    wide = sum(2 if char in "日本" else 1 for char in line[: line.index(part)])
    shown = f"  {number} | {line}\n  {' ' * len(str(number))} | {' ' * wide}{'^' * len(part)}\n"
    code, out, err = smithers("run", file, "--idle-timeout", "0")
    assert code == 1, err
    assert shown in out, out + err
    assert shown in smithers("inspect", "latest")[1]
    events = [json.loads(one) for one in smithers("logs", "latest", "--json")[1].splitlines()]
    where = next(found["where"] for one in events if "where" in (found := _error(one)))
    source = file.read_text(encoding="utf-8").split("\n")[number - 1]
    assert (where["file"], where["line"], where["text"]) == (str(file), number, source)
    assert source[where["column"] - 1 : where["end_column"] - 1] == part


def _error(event: dict[str, Any]) -> dict[str, Any]:
    payload = event.get("payload") or {}
    found = payload.get("error", payload)
    return found if isinstance(found, dict) else {}
