"""`.px` modules are imported like Python's: packages, relative imports, the cache, `python -m`, encodings."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from smithers_py.dsl.script import load_script
from smithers_py.errors import PxSyntaxError
from smithers_py.px import install
from smithers_py.px.loader import PxLoader, code_of

Write = Callable[..., Path]
HEAD = "from smithers_py import *\n"


@pytest.fixture(autouse=True)
def hooked(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "path", [str(workspace), *sys.path])
    install()
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]
    sys.path_importer_cache.pop(str(workspace), None)


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.requirement("A-1")
def test_packages_and_relative_imports_in_both_directions(script: Write) -> None:
    script(HEAD + "from .below import Row\nx = <Phase name='a'><Row /></Phase>\n", "pax/__init__.px")
    script(
        HEAD + "from .parts import text\n@component\ndef Row(ctx):\n    return <>{text}</>\n",
        "pax/below.py".replace("py", "px"),
    )
    script("from .words import WORD\ntext = WORD * 2\n", "pax/parts.py")
    script("WORD = 'é'\n", "pax/words.px")
    found = importlib.import_module("pax")
    assert found.x.source == (str(found.__file__), 3)
    assert isinstance(found.__loader__, PxLoader)
    assert importlib.import_module("pax.parts").text == "éé"


@pytest.mark.requirement("A-1")
def test_of_two_with_one_name_pythons_goes_first(script: Write) -> None:
    script("which = 'px'\n", "twice_here.px")
    script("which = 'py'\n", "twice_here.py")
    assert importlib.import_module("twice_here").which == "py"
    assert load_script(script(HEAD + "@component\ndef App(ctx): return <></>\n", "twice.px")).component.name == "App"


@pytest.mark.requirement("A-1")
def test_a_script_of_either_kind_imports_px(script: Write) -> None:
    script(HEAD + "@component\ndef Part(ctx):\n    return <Command argv='true' />\n", "px_part.px")
    script(HEAD + "from px_part import Part\n@component\ndef App(ctx):\n    return Part()\n", "a_plan.py")
    assert load_script("a_plan.py").component.name == "App"


@pytest.mark.requirement("A-1", "A-3")
def test_what_is_compiled_is_kept_and_what_changed_is_not_used(script: Write, workspace: Path) -> None:
    file = script("x = 1\n", "kept_px.px")
    assert importlib.import_module("kept_px").x == 1
    (kept,) = (workspace / "__pycache__").glob("kept_px*")
    first = kept.stat().st_mtime_ns
    code = code_of(file.read_bytes(), str(file))
    assert (kept.stat().st_mtime_ns, code.co_filename) == (first, str(file))
    # The same size within the same tick of the clock.
    stamp = file.stat()
    file.write_text("x = 2\n")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    names: dict[str, Any] = {}
    exec(code_of(file.read_bytes(), str(file)), names)
    assert names["x"] == 2
    for damage in (b"", b"px1", kept.read_bytes()[:-3], kept.read_bytes()[:12] + b"\xff" * 40):
        kept.write_bytes(damage)
        assert code_of(file.read_bytes(), str(file)).co_consts[0] == 2


@pytest.mark.requirement("A-1")
def test_the_cache_is_not_pythons(script: Write, workspace: Path) -> None:
    script("which = 'px'\n", "one_name.px")
    script("which = 'py'\n", "one_name.py")
    load_script(script(HEAD + "@component\ndef App(ctx): return <></>\n", "one_name.px"))
    importlib.import_module("one_name")
    assert len(list((workspace / "__pycache__").glob("one_name*"))) == 2


@pytest.mark.requirement("A-1")
def test_where_no_cache_can_be_written_it_works_without(script: Write, workspace: Path) -> None:
    (workspace / "__pycache__").write_text("a file")
    assert code_of(script("x = <A />\n", "nowhere.px").read_bytes(), str(workspace / "nowhere.px")).co_names


@pytest.mark.requirement("A-3")
def test_a_wrong_module_is_told_at_its_own_line(script: Write) -> None:
    script("x = 1\ny = <A>\n", "wrong_px.px")
    file = script(HEAD + "import wrong_px\n", "imports.py")
    with pytest.raises(PxSyntaxError) as caught:
        load_script(file)
    assert (Path(str(caught.value.where.file)).name, caught.value.where.line) == ("wrong_px.px", 2)


@pytest.mark.requirement("A-1")
def test_the_cookie_makes_px_of_any_script(script: Write) -> None:
    text = "@component\ndef App(ctx):\n    return <Phase name='é' />\n"
    assert (
        load_script(script(f"#!/usr/bin/env smithers\n# coding: jsx\n{HEAD}{text}", "cookie.py")).component.name
        == "App"
    )
    with pytest.raises(SyntaxError):
        compile(text, "x.py", "exec")


@pytest.mark.requirement("A-1", "A-3")
@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"x = '\xff'\n", "the file is no text (invalid start byte)"),
        (b"# coding: nonsense\n", "the file is no text (unknown encoding"),
        (b"x = 1\0\n", "a zero byte"),
    ],
)
def test_a_file_that_is_no_text_is_told(raw: bytes, problem: str, workspace: Path) -> None:
    (workspace / "raw.px").write_bytes(raw)
    with pytest.raises(PxSyntaxError) as caught:
        load_script(workspace / "raw.px")
    assert problem in str(caught.value)


@pytest.mark.requirement("A-1")
@pytest.mark.parametrize(
    "raw",
    [
        "\ufeffx = 'é'\n".encode(),
        "# coding: latin-1\nx = 'é'\n".encode("latin-1"),
        b"# coding: jsx\r\nx = '\xc3\xa9'\r\n",
    ],
)
def test_encodings(raw: bytes) -> None:
    names: dict[str, Any] = {}
    exec(code_of(raw, "encoded.px"), names)
    assert names["x"] == "é"


@pytest.mark.requirement("A-1")
def test_it_runs_as_a_program(script: Write, workspace: Path) -> None:
    script(
        "from smithers_py import *\nfrom .more import MORE\nimport sys\nprint(__name__, <>a</>, MORE, sys.argv[1:])\n",
        "prog/tool.px",
    )
    script("MORE = 1\n", "prog/more.px")
    script("", "prog/__init__.py")
    shown = "__main__ <Fragment, children: 1> 1 ['x']\n"
    module = python("-m", "smithers_py.px", "prog.tool", "x", cwd=workspace)
    assert (module.stdout, module.stderr) == (shown, "")
    script("import smithers_py.px\nsmithers_py.px.install()\n", "prog/__init__.py")
    assert python("-m", "prog.tool", "x", cwd=workspace).stdout == shown
    script("from prog.more import MORE\nprint(__file__, __name__, MORE)\n1 / 0\n", "single.px")
    file = python("-m", "smithers_py.px", "single.px", cwd=workspace)
    assert file.stdout == "single.px __main__ 1\n"
    assert 'File "single.px", line 3' in file.stderr
    usage = python("-m", "smithers_py.px", cwd=workspace)
    assert (usage.returncode, usage.stdout) == (2, "")


@pytest.mark.requirement("A-5")
def test_importing_smithers_py_does_not_load_the_compiler(workspace: Path) -> None:
    shown = python(
        "-c", "import sys; from smithers_py import Claude; print('smithers_py.px' in sys.modules)", cwd=workspace
    )
    assert shown.stdout == "False\n"
