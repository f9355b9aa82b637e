"""The brain of fix_tests_agent.py, given another project than the example's: it has only the conversation to go by."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from smithers_py.loopback import Message, Reply, Request, ToolResult
from smithers_py.loopback.__main__ import load_brain

BRAIN = Path(__file__).resolve().parents[3] / "examples" / "fix_tests_brain.py"
PYTEST = "-B -m pytest -v --tb=short -p no:cacheprovider"
TEST = """
from area import area

def test_a_rectangle():
    assert area(3, 4) == 12

def test_a_line():
    assert area(3, 0) == 0
"""


def request(results: list[ToolResult]) -> Request:
    prompt = f"The project in `shapes` fails. Run `{sys.executable} {PYTEST} shapes`."
    messages = (Message("user", prompt), *(Message("user", tool_results=(one,)) for one in results))
    return Request(
        protocol="anthropic",
        model="m",
        system="",
        messages=messages,
        tools=(),
        schema={},
        output_tool=None,
        stream=False,
        raw={},
        headers={},
    )


def converse(workspace: Path, shell: Callable[[str], str]) -> tuple[list[str], Reply]:
    """The tools that the brain used, and its answer; the tools work in the workspace."""

    def done(name: str, args: dict[str, str]) -> str:
        path = workspace / args.get("path", "")
        if name == "glob":
            return "\n".join(sorted(file.relative_to(workspace).as_posix() for file in path.rglob("*.py")))
        if name == "read":
            return "\n".join(f"{n:>6}\t{line}" for n, line in enumerate(path.read_text().splitlines(), 1))
        if name == "edit":
            path.write_text(path.read_text().replace(args["old"], args["new"]))
            return f"Edited {args['path']}."
        return shell(args["command"])

    think = load_brain(str(BRAIN))
    results: list[ToolResult] = []
    for _ in range(20):
        reply = think(request(results))
        assert isinstance(reply, Reply)
        if not reply.tool_calls:
            return [one.name for one in results], reply
        for one in reply.tool_calls:
            args = {name: str(value) for name, value in one.args.items()}
            results.append(ToolResult("id", one.name, args, done(one.name, args)))
    raise AssertionError("the brain goes round in circles")


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    """The folder above a small project."""
    (tmp_path / "shapes" / "tests").mkdir(parents=True)
    (tmp_path / "shapes" / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    (tmp_path / "shapes" / "tests" / "test_area.py").write_text(TEST)
    return tmp_path


def run_in(folder: Path) -> Callable[[str], str]:
    def shell(command: str) -> str:
        return subprocess.run(command.split(), cwd=folder, capture_output=True, text=True, check=False).stdout

    return shell


def test_another_project_is_repaired(shapes: Path) -> None:
    code = shapes / "shapes" / "area.py"
    code.write_text("def area(width, height):\n    return width + height\n")
    used, reply = converse(shapes, run_in(shapes))
    assert used == ["glob", "shell", "read", "read", "edit", "shell"]
    assert reply.structured["fixed"] is True
    assert reply.structured["changes"] == ["shapes/area.py: return width + height  ->  return width * height"]
    assert "width * height" in code.read_text()


def test_what_it_cannot_repair_it_says(shapes: Path) -> None:
    (shapes / "shapes" / "area.py").write_text("def area(width, height):\n    return None\n")
    used, reply = converse(shapes, run_in(shapes))
    assert "edit" not in used
    assert reply.structured["fixed"] is False
    assert "no small change helps" in reply.structured["problem"]


def test_green_tests_are_left_alone(shapes: Path) -> None:
    (shapes / "shapes" / "area.py").write_text("def area(width, height):\n    return width * height\n")
    used, reply = converse(shapes, run_in(shapes))
    assert used == ["glob", "shell"]
    assert (reply.structured["fixed"], reply.structured["changes"]) == (True, [])


def test_a_command_it_may_not_run_ends_it(shapes: Path) -> None:
    (shapes / "shapes" / "area.py").write_text("")
    used, reply = converse(shapes, lambda command: "denied by ada: not today")
    assert used == ["glob", "shell"]
    assert reply.structured["problem"] == "I was not allowed to go on: denied by ada: not today"
