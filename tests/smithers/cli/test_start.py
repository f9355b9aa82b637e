"""The program as a process: help, bad usage, what a start loads."""

import subprocess
import sys

import pytest


def smithers(*arguments, cwd, env=None):
    return subprocess.run(
        [sys.executable, "-m", "smithers_py", *arguments],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.requirement("C-2")
def test_every_command_of_this_release_has_help(tmp_path):
    for command in (
        (),
        ("run",),
        ("list",),
        ("ps",),
        ("inspect",),
        ("logs",),
        ("db",),
        ("db", "state"),
        ("db", "frames"),
    ):
        done = smithers(*command, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert "Usage: smithers" in done.stdout
        assert done.stderr == ""


@pytest.mark.requirement("A-5")
def test_help_loads_no_tool_that_it_does_not_need(tmp_path):
    code = (
        "import sys\nfrom smithers_py.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    for heavy in ("pydantic_ai", "pydantic", "rich", "aiosqlite", "mcp", "textual"):
        assert f"'{heavy}'" not in done.stderr


@pytest.mark.requirement("C-4", "Z-22")
@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("run",),
        ("run", "plan.py", "--nonsense"),
        ("run", "plan.py", "--state", "n"),
        ("run", "plan.py", "--input", "@gone.json"),
        ("list", "--limit", "0"),
        ("list", "--db", "gone.sqlite"),
        ("inspect",),
        ("inspect", "abc"),
        ("logs", "--level", "loud"),
        ("db", "state", "abc"),
    ],
)
def test_bad_input_is_exit_2_with_a_word_on_stderr_and_nothing_on_stdout(arguments, tmp_path):
    done = smithers(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "rror" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".smithers").exists()


@pytest.mark.requirement("C-2")
def test_before_the_first_run_the_list_is_empty(tmp_path):
    done = smithers("list", "--json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "[]\n")
    done = smithers("list", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "smithers run SCRIPT" in done.stderr


@pytest.mark.requirement("O-6")
def test_a_traceback_only_on_request(tmp_path):
    import os

    done = smithers("inspect", "abc", cwd=tmp_path, env={**os.environ, "SMITHERS_DEBUG": "1"})
    assert done.returncode == 2
    assert "Traceback" in done.stderr
