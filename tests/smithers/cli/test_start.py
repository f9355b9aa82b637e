"""Help, bad usage, and what a start loads."""

import subprocess
import sys

import pytest


@pytest.mark.requirement("C-2")
def test_the_module_is_the_same_program(start):
    process = start("--version")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("smithers ")


@pytest.mark.requirement("C-2")
@pytest.mark.parametrize(
    "command",
    [(), ("run",), ("list",), ("ps",), ("inspect",), ("logs",), ("db",), ("db", "state"), ("db", "frames")],
)
def test_every_command_of_this_release_has_help(command, smithers):
    code, out, err = smithers(*command, "--help")
    assert (code, err) == (0, "")
    assert "Usage: smithers" in out


@pytest.mark.requirement("A-5")
def test_help_loads_no_tool_that_it_does_not_need(workspace):
    code = (
        "import sys\nfrom smithers_py.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("pydantic_ai", "pydantic", "rich", "aiosqlite", "mcp", "textual"):
        assert f"'{heavy}'" not in done.stderr


@pytest.mark.requirement("C-4", "Z-22", "E-4")
@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("run",),
        ("run", "plan.py", "--nonsense"),
        ("run", "plan.py", "--state", "n"),
        ("run", "plan.py", "--input", "@gone.json"),
        ("run", "gone.py"),
        ("list", "--limit", "0"),
        ("list", "--db", "gone.sqlite"),
        ("inspect",),
        ("inspect", "abc"),
        ("logs", "--level", "loud"),
        ("db", "state", "abc"),
    ],
)
def test_bad_input_is_exit_2_with_a_word_on_stderr_and_nothing_on_stdout(arguments, smithers, workspace):
    code, out, err = smithers(*arguments)
    assert (code, out) == (2, "")
    assert "rror" in err
    assert "Traceback" not in err
    assert not (workspace / ".smithers").exists()


@pytest.mark.requirement("C-2")
def test_before_the_first_run_the_list_is_empty(smithers):
    assert smithers("list", "--json") == (0, "[]\n", "")
    code, out, err = smithers("list")
    assert (code, out) == (0, "")
    assert "smithers run SCRIPT" in err


@pytest.mark.requirement("E-4")
def test_a_traceback_only_on_request(smithers, monkeypatch):
    monkeypatch.setenv("SMITHERS_DEBUG", "1")
    code, _, err = smithers("inspect", "abc")
    assert code == 2
    assert "Traceback" in err


@pytest.mark.requirement("E-4")
@pytest.mark.parametrize("command", [("list",), ("inspect",), ("run", "plan.py")])
def test_a_file_where_the_folder_should_be(command, smithers, script, workspace):
    script("from smithers_py import component, Phase\n\n@component\ndef App(ctx):\n    return Phase('a')\n")
    (workspace / ".smithers").write_text("")
    code, out, err = smithers(*command)
    assert (code, out) == (2, "")
    assert ".smithers is a file" in err


@pytest.mark.requirement("E-4")
def test_a_corrupt_database_is_named_and_left_alone(smithers, workspace):
    path = workspace / "broken.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    code, _, err = smithers("list", "--db", str(path))
    assert code == 2
    assert "broken.sqlite" in err
    assert path.read_bytes() == b"not a database at all" * 100
