import sys
from pathlib import Path

import pytest

from smithers_py.dsl.component import render_element
from smithers_py.dsl.script import load_script
from smithers_py.errors import (
    EntryNotFoundError,
    MissingPropError,
    PlanError,
    ScriptImportError,
    ScriptNotFoundError,
    ScriptSyntaxError,
)

SEED = """from smithers_py import plan, Phase, Claude

@plan
def ImplementPhase(ctx):
    with Phase("implement"):
        Claude(
            model="sonnet",
            prompt="Fix failing tests",
        ).on_finished(lambda r: ctx.state.set("phase", "done", trigger="claude.finished"))
"""
CALLS = """from smithers_py import component, Phase, Claude

@component
def App(ctx):
    return Phase(name="implement", children=[Claude(model="sonnet", prompt="Fix failing tests",
        on_finished=lambda r: ctx.state.set("phase", "done", trigger="claude.finished"))])
"""
DECORATED = """from smithers_py import phase, claude_task

@phase("implement")
def implement(ctx):

    @claude_task(model="sonnet", prompt="Fix failing tests")
    def on_done(result):
        ctx.state.set("phase", "done", trigger="claude.finished")
"""
COMPONENT = "from smithers_py import component\n@component\ndef {name}(ctx): return None\n"


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Writes script files; modules and paths that loading adds are taken back."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def write(text, name="a_plan.py"):
        file = tmp_path / name
        file.write_text(text) if isinstance(text, str) else file.write_bytes(text)
        return file

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def outline(items):
    return [
        (item.type_name, item.identity, item.plan_props(), sorted(item.handlers), outline(item.children))
        for item in items
    ]


@pytest.mark.requirement("A-1")
def test_the_seeds_forms_describe_the_same_plan(script):
    outlines = []
    for index, text in enumerate((SEED, CALLS, DECORATED)):
        loaded = load_script(script(text, f"form{index}.py"))
        outlines.append(outline(render_element(loaded.component, None, loaded.props)))
    claude = ("Claude", None, {"prompt": "Fix failing tests"}, ["on_finished"], [])
    assert outlines[0] == [("Phase", "implement", {"name": "implement"}, [], [claude])]
    assert outlines[0] == outlines[1] == outlines[2]


@pytest.mark.requirement("A-1", "Z-12")
def test_several_phase_functions_alone_are_the_plan_in_their_order(script):
    second = '@phase("check", skip_if=True)\ndef check():\n    from smithers_py import Step\n    Step("s")\n'
    file = script(f"{DECORATED}\n{second}")
    loaded = load_script(file)
    out = render_element(loaded.component, None, loaded.props)
    assert [item.identity for item in out] == ["implement", "check"]
    assert out[1].children[0].identity == "s"
    assert out[0].source[0] == str(file)
    assert loaded.component.source[0] == str(file)


@pytest.mark.requirement("A-8")
def test_app_is_the_entry_if_defined_else_the_only_component_else_the_chosen_one(script):
    text = COMPONENT.format(name="One") + COMPONENT.format(name="Two")
    assert load_script(script(text + "app = One\n")).component.name == "One"
    assert load_script(script(COMPONENT.format(name="One"))).component.name == "One"
    assert load_script(script(text), entry="Two").component.name == "Two"
    assert load_script(script(text + "app = One\n"), entry="Two").component.name == "Two"
    with pytest.raises(EntryNotFoundError, match=r"several components \(One, Two\).*--entry NAME") as caught:
        load_script(script(text))
    assert caught.value.candidates == ("One", "Two")


@pytest.mark.requirement("A-8")
def test_an_app_may_be_a_call_with_props(script):
    text = "from smithers_py import component\n@component\ndef One(ctx, n, m=2): return None\n"
    loaded = load_script(script(text + "app = One(n=3)\n"))
    assert (loaded.component.name, loaded.props) == ("One", {"n": 3})
    with pytest.raises(MissingPropError, match="One needs the prop 'n'") as caught:
        load_script(script(text))
    assert caught.value.where.line == 2


@pytest.mark.requirement("A-8")
def test_imported_components_and_second_names_do_not_count(script):
    script(COMPONENT.format(name="Helper"), "helper_of_plan.py")
    text = "from helper_of_plan import Helper\n" + COMPONENT.format(name="Main") + "alias = Main\n"
    assert load_script(script(text)).component.name == "Main"


@pytest.mark.requirement("A-8")
@pytest.mark.parametrize(
    ("text", "entry", "says"),
    [
        ("x = 1\n", None, "defines no component or plan.*@component or @plan"),
        ("app = 3\n", None, "app is an int, not a component"),
        (COMPONENT.format(name="Main"), "Mian", "'Mian' is not defined.*Did you mean 'Main'?"),
        ("x = 1\n", "x", "'x' is no component"),
    ],
)
def test_a_script_without_a_usable_entry_says_so(script, text, entry, says):
    file = script(text)
    with pytest.raises(EntryNotFoundError, match=says) as caught:
        load_script(file, entry)
    assert caught.value.where.file == str(file)


@pytest.mark.requirement("E-4")
def test_a_syntax_error_names_file_line_column_and_the_source(script):
    file = script("x = 1\nif x:\n    y = = 2\n")
    with pytest.raises(ScriptSyntaxError, match="column 9: invalid syntax: y = = 2") as caught:
        load_script(file)
    error = caught.value
    assert (error.where.file, error.where.line, error.column, error.text) == (str(file), 3, 9, "    y = = 2")
    assert "\n" not in str(error)


@pytest.mark.requirement("E-4")
def test_a_syntax_error_in_an_imported_file_names_that_file(script):
    broken = script("def\n", "broken_helper.py")
    with pytest.raises(ScriptSyntaxError) as caught:
        load_script(script("import broken_helper\n"))
    assert (caught.value.where.file, caught.value.where.line) == (str(broken), 1)


@pytest.mark.requirement("E-4")
@pytest.mark.parametrize("content", [b"x = '\xff'\n", b"x = 1\x00\n"])
def test_a_file_that_is_no_text_is_a_syntax_error(script, content):
    file = script(content)
    with pytest.raises(ScriptSyntaxError) as caught:
        load_script(file)
    assert caught.value.where.file == str(file)


@pytest.mark.requirement("E-4")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1\n1 / 0\n", "raised ZeroDivisionError: division by zero"),
        ("\nimport no_such_module_at_all\n", "Install 'no_such_module_at_all'"),
        ("import sys\nsys.exit(3)\n", "raised SystemExit: 3.*only defines components"),
        ("import json\njson.loads('{')\n", "raised JSONDecodeError"),
    ],
)
def test_an_import_that_raises_names_the_users_line(script, text, says):
    file = script(text)
    with pytest.raises(ScriptImportError, match=says) as caught:
        load_script(file)
    assert (caught.value.where.file, caught.value.where.line) == (str(file), 2)
    assert "a_plan" not in sys.modules, "what failed is not left behind"


@pytest.mark.requirement("A-4")
def test_a_plan_error_at_import_keeps_its_type_and_line(script):
    with pytest.raises(PlanError, match="component App is async") as caught:
        load_script(script("from smithers_py import component\n@component\nasync def App(ctx): return None\n"))
    assert caught.value.where.line == 2
    with pytest.raises(PlanError, match="Phase has no prop") as caught:
        load_script(script("from smithers_py import Phase\n\nPhase('x', y=1)\n"))
    assert caught.value.where.line == 3


@pytest.mark.requirement("E-4")
def test_a_missing_file_names_the_nearest_one(script, tmp_path, monkeypatch):
    script("x = 1\n", "pipeline.py")
    with pytest.raises(ScriptNotFoundError, match=r"there is no file .*Did you mean 'pipeline.py'?"):
        load_script(tmp_path / "pipelin.py")
    with pytest.raises(ScriptNotFoundError, match=r"is a folder, not a script.*pipeline.py"):
        load_script(tmp_path)
    with pytest.raises(ScriptNotFoundError, match=r"folder .* does not exist"):
        load_script(tmp_path / "nowhere" / "x.py")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScriptNotFoundError, match="has no scripts"):
        load_script(tmp_path / "empty" / "x.py")
    with pytest.raises(ScriptNotFoundError, match="cannot be read: Not a directory"):
        load_script(tmp_path / "pipeline.py" / "x.py")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScriptNotFoundError, match=r"there is no file nope\.py\. "):
        load_script("nope.py")


def test_loading_again_runs_the_file_anew_under_the_same_name(script):
    text = COMPONENT.format(name="Main") + "class Model: pass\n"
    file = script(text)
    first = load_script(file)
    second = load_script(script(text + "x = 2\n"))
    assert first.module.__name__ == second.module.__name__ == "a_plan"
    assert sys.modules["a_plan"] is second.module
    assert first.sha256 != second.sha256
    assert first.component is not second.component
    assert first.component.same_as(second.component)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("json.py", "plan_json"),
        ("pydantic.py", "plan_pydantic"),
        ("fix-tests.v2.py", "fix_tests_v2"),
        ("2nd.py", "plan_2nd"),
    ],
)
def test_a_script_never_takes_the_name_of_another_module(script, file, name):
    before = dict(sys.modules)
    assert load_script(script(COMPONENT.format(name="Main"), file)).module.__name__ == name
    assert all(sys.modules[known] is module for known, module in before.items())


def test_a_script_imports_its_neighbours_also_inside_functions(script):
    script("VALUE = 7\n", "neighbour_of_plan.py")
    script("VALUE = 8\n", "late_neighbour.py")
    text = COMPONENT.format(name="Main") + (
        "from neighbour_of_plan import VALUE\ndef late():\n    import late_neighbour\n    return late_neighbour.VALUE\n"
    )
    loaded = load_script(script(text))
    assert loaded.module.VALUE == 7
    assert loaded.module.late() == 8
    assert sys.path[0] != str(loaded.path.parent), "its files shadow nothing afterwards"


def test_a_file_without_the_py_ending_is_a_script_too(script):
    loaded = load_script(script(COMPONENT.format(name="Main"), "plan.txt"))
    assert loaded.component.name == "Main"
    assert loaded.module.__file__ == str(loaded.path)
    assert Path(loaded.component.source[0]) == loaded.path
