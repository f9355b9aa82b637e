"""Programs: what they print, how they end, what is said when they cannot start."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from smithers_py.errors import CommandFailed, InvalidPropError, TaskError
from smithers_py.workers.command import CommandOutput, CommandSpec, run_command

pytestmark = pytest.mark.requirement("N-5")


def run(control: Any, cwd: Path, **spec: Any) -> CommandOutput:
    return asyncio.run(run_command(CommandSpec(cwd=cwd, **spec), control))


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_output_and_lines(control: Any, tmp_path: Path) -> None:
    output = run(control, tmp_path, shell="echo one; echo two >&2; printf three")
    assert (output.exit_code, output.stdout, output.stderr) == (0, "one\nthree", "two\n")
    assert (output.truncated, output.signal) == (False, None)
    assert output.duration_ms >= 0
    assert control.lines("stdout") == ["one", "three"]
    assert control.lines("stderr") == ["two"]


def test_lines_come_while_the_program_runs(control: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")

    async def scenario() -> None:
        spec = CommandSpec(shell="echo ready; read answer <go; echo got $answer", cwd=tmp_path)
        running = asyncio.ensure_future(run_command(spec, control))
        await control.line("ready")
        assert not running.done()
        (tmp_path / "go").write_text("it\n")
        assert (await running).stdout == "ready\ngot it\n"

    asyncio.run(scenario())


def test_arguments_arrive_as_they_are(control: Any, tmp_path: Path) -> None:
    odd = ["", "a b", "$HOME", "'\"", "*", "-x", "\n", "é", "`x`"]
    output = run(control, tmp_path, argv=[*python("import sys; print(sys.argv[1:])"), *odd])
    assert output.stdout == f"{odd}\n"


def test_where_and_with_what_it_runs(control: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "yes")
    output = run(control, tmp_path, shell='echo "$INHERITED $ADDED"; pwd', env={"ADDED": "too"})
    assert output.stdout == f"yes too\n{tmp_path}\n"


@pytest.mark.parametrize("odd", [{}, {"npm_config_//registry/:_x": "1"}, {"a.b": "é"}], ids=["shell", "slashes", "dot"])
def test_the_environment_arrives_whole(
    control: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: dict[str, str]
) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    env = {"IFS_LIKE": " ", "EMPTY": "", **odd}
    output = run(control, tmp_path, argv=["env", "-0"], env=env)
    seen = dict(pair.split("=", 1) for pair in output.stdout.split("\0") if pair)
    for own in ("PWD", "OLDPWD", "SHLVL", "_"):  # what a shell keeps for itself
        seen.pop(own, None)
    expected = {**os.environ, **env}
    for own in ("PWD", "OLDPWD", "SHLVL", "_"):
        expected.pop(own, None)
    assert seen == expected


def test_standard_input_is_empty(control: Any, tmp_path: Path) -> None:
    assert run(control, tmp_path, shell="cat; readlink /proc/self/fd/0").stdout == "/dev/null\n"


@pytest.mark.parametrize("env", [{}, {"a.b": "1"}], ids=["shell", "python"])
def test_it_inherits_no_file_and_no_ignored_signal(control: Any, tmp_path: Path, env: dict[str, str]) -> None:
    held = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(held, True)
    try:
        # `ls` itself holds one more, the folder it lists.
        output = run(control, tmp_path, shell="ls /proc/self/fd | wc -l; grep SigIgn /proc/self/status", env=env)
    finally:
        os.close(held)
    count, ignored = output.stdout.split("\n")[:2]
    assert int(count) == 4
    assert int(ignored.split()[1], 16) == 0


def test_an_exit_code_is_an_error_when_checked(control: Any, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        run(control, tmp_path, shell="echo out; echo err >&2; exit 3")
    error = caught.value
    assert (error.exit_code, error.stdout, error.stderr) == (3, "out\n", "err\n")
    assert "exit code 3" in str(error)
    assert "check=False" in str(error)


@pytest.mark.requirement("Z-10")
def test_an_exit_code_is_a_value_when_not_checked(control: Any, tmp_path: Path) -> None:
    assert run(control, tmp_path, shell="exit 3", check=False).exit_code == 3


def test_the_end_by_a_signal_is_named(control: Any, tmp_path: Path) -> None:
    output = run(control, tmp_path, shell="kill -SEGV $$", check=False)
    assert (output.exit_code, output.signal) == (139, "SIGSEGV")
    with pytest.raises(CommandFailed, match="SIGKILL"):
        run(control, tmp_path, shell="kill -KILL $$")


def test_bytes_that_are_no_text(control: Any, tmp_path: Path) -> None:
    output = run(control, tmp_path, shell=r"printf 'a\377\303\251\000b\n'")
    assert output.stdout == "a\ufffdé\0b\n"
    assert control.lines("stdout") == ["a\ufffdé\0b"]


def test_long_output_keeps_its_head_and_tail(control: Any, tmp_path: Path) -> None:
    code = "import sys\nfor n in range(100_000): print(n)\nprint('err', file=sys.stderr)"
    output = run(control, tmp_path, argv=python(code), output_limit=1000)
    assert output.truncated
    assert output.stdout.startswith("0\n1\n2\n")
    assert output.stdout.endswith("99998\n99999\n")
    assert "characters left out" in output.stdout
    assert len(output.stdout) < 1100
    assert output.stderr == "err\n"
    assert len(control.lines("stdout")) == 100_000


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"argv": ["pythn3"]}, "'pythn3' on PATH. Did you mean"),
        ({"argv": ["no-such-program-anywhere"]}, "'no-such-program-anywhere' on PATH. Install it"),
        ({"argv": ["./biuld.sh"]}, "Did you mean 'build.sh'?"),
        ({"argv": ["./build.sh"]}, "'./build.sh' is not executable. chmod \\+x"),
        ({"argv": ["./"]}, "program './' is a folder"),
        ({"argv": ["true", "a\0b"]}, "cannot be started: embedded null byte"),
        ({"argv": ["true", "x" * 3_000_000]}, "cannot be started: .*too long"),
        ({"argv": ["true"], "env": {"PATH": "/nowhere:/neither"}}, "'true' on PATH"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_program_that_cannot_start(control: Any, tmp_path: Path, spec: dict[str, Any], said: str) -> None:
    (tmp_path / "build.sh").write_text("echo hi\n")
    with pytest.raises(TaskError, match=said):
        run(control, tmp_path, **spec)
    assert control.processes == []


def test_a_program_beside_the_plan(control: Any, tmp_path: Path) -> None:
    script = tmp_path / "build.sh"
    script.write_text("echo hi from $0\n")  # without a #! line, as shells allow
    script.chmod(0o755)
    assert run(control, tmp_path, argv=["./build.sh"]).stdout == "hi from ./build.sh\n"


def test_a_working_folder_that_is_none(control: Any, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(TaskError, match=r"does not exist.*Did you mean 'project'\?"):
        run(control, tmp_path / "projct", argv=["true"])
    with pytest.raises(TaskError, match="is not a folder"):
        run(control, tmp_path / "file", argv=["true"])


@pytest.mark.parametrize("spec", [{}, {"argv": []}, {"argv": ["true"], "shell": "true"}])
def test_either_argv_or_shell(control: Any, tmp_path: Path, spec: dict[str, Any]) -> None:
    with pytest.raises(InvalidPropError):
        run(control, tmp_path, **spec)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - iterdir would count its own


def test_many_at_once_leave_no_file_open(control: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        before = open_files()
        spec = CommandSpec(shell="echo $$", cwd=tmp_path)
        outputs = await asyncio.gather(*(run_command(spec, control) for _ in range(20)))
        for bad in ({"shell": "exit 1"}, {"argv": ["nowhere-at-all"]}, {"argv": ["true", "\0"]}):
            with pytest.raises(TaskError):
                await run_command(CommandSpec(cwd=tmp_path, **bad), control)
        assert len({output.stdout for output in outputs}) == 20
        assert open_files() == before

    asyncio.run(scenario())
