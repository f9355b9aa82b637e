"""Stands where the model of a provider would, on loopback: answers from the conversation and from nothing else.

It sees what a model sees: the prompt, and what its own tool calls gave. From the files it has read it builds a copy to
think with, where the offline repairer tries small edits; those that help it asks the agent to make. So another project,
another fault, a denied command or a failed edit leads to another conversation.

    python -m smithers_py.loopback --brain examples/fix_tests_brain.py -- smithers run examples/fix_tests_agent.py
"""

import functools
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fix_tests_parts.pytest_output import read_output
from fix_tests_parts.repairer import CannotRepairError, repair

from smithers_py.loopback import Reply, Request, ToolCall, ToolResult, answer, call

_QUOTED = re.compile(r"`([^`]+)`")
_NUMBERED = re.compile(r"^ *\d+\t", re.MULTILINE)
_PYTEST = [sys.executable, "-B", "-m", "pytest", "-v", "--tb=short", "-p", "no:cacheprovider"]

Files = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Edit:
    """Replace `old`, which stands in the file once, by `new`."""

    path: str
    old: str
    new: str


@dataclass
class Known:
    """What the conversation has told so far."""

    listed: list[str] | None = None
    files: dict[str, str] = field(default_factory=dict[str, str])
    output: str | None = None
    """What pytest printed last; None before it ran."""
    files_then: dict[str, str] = field(default_factory=dict[str, str])
    made: list[str] = field(default_factory=list[str])
    """Every edit that was made, as a line for people."""
    since: int = 0
    """Edits since pytest ran."""
    refused: str | None = None
    """Why the last call was not done."""


def brain(request: Request) -> Reply:
    """The next thing to do: look around, run the tests, read, edit one place, run the tests again, answer."""
    folder, command = _QUOTED.findall(request.prompt)[:2]
    known = _recall(request.results())
    if known.listed is None:
        return call("glob", pattern="**/*.py", path=folder)
    if known.refused is not None:
        return _answer(known, f"I was not allowed to go on: {known.refused}")
    if known.output is None:
        return call("shell", command=command)
    outcome = read_output(known.output.replace(f"{folder}/", ""))
    if outcome.green:
        return _answer(known, "")
    if unread := [path for path in known.listed if path not in known.files]:
        calls = tuple(ToolCall("read", {"path": path}) for path in unread)
        return Reply(text=f"{len(outcome.failed)} tests fail. I read the code.", tool_calls=calls)
    plan = _edits(folder, tuple(sorted(known.files_then.items())), known.output)
    if known.since < len(plan):
        one = plan[known.since]
        return call("edit", path=one.path, old=one.old, new=one.new)
    if not plan:
        return _answer(known, f"{len(outcome.failed)} tests fail, and no small change helps")
    return call("shell", command=command)


def _answer(known: Known, problem: str) -> Reply:
    return answer({"fixed": not problem, "changes": known.made, "problem": problem})


def _recall(results: tuple[ToolResult, ...]) -> Known:
    """The conversation, folded."""
    known = Known()
    for result in results:
        path, text = str(result.args.get("path", "")), result.text
        known.refused = None
        if result.name == "glob":
            known.listed = [line for line in text.splitlines() if line.endswith(".py")]
        elif result.name == "read":
            # A file that is empty is said to be so, without numbers.
            known.files[path] = f"{_NUMBERED.sub('', text)}\n" if _NUMBERED.match(text) else ""
            known.files_then.setdefault(path, known.files[path])
        elif result.name == "shell":
            outcome = read_output(text)
            if outcome.passed or outcome.failed:
                known.output, known.files_then, known.since = text, dict(known.files), 0
            else:
                known.refused = text.strip()
        elif result.name == "edit":
            _edited(known, path, result)
    return known


def _edited(known: Known, path: str, result: ToolResult) -> None:
    old, new = str(result.args["old"]), str(result.args["new"])
    if not result.text.startswith("Edited"):
        known.refused = result.text.strip()
        return
    known.files[path] = known.files[path].replace(old, new)
    before, after = (_line(text, old, new) for text in (old, new))
    known.made.append(f"{path}: {before}  ->  {after}")
    known.since += 1


def _line(text: str, old: str, new: str) -> str:
    """The line of `text` in which the two differ."""
    pairs = zip(old.splitlines(), new.splitlines(), text.splitlines(), strict=True)
    return next((line for was, now, line in pairs if was != now), text).strip()


@functools.lru_cache(maxsize=64)
def _edits(folder: str, files: Files, output: str) -> list[Edit]:
    """The edits that make the failing tests of this output pass, found in a scratch copy of the files."""
    found: list[Edit] = []
    with tempfile.TemporaryDirectory(prefix="thinking-") as scratch:
        project = Path(scratch)
        (project / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n', encoding="utf-8")
        for path, text in files:
            place = project / Path(path).relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        said = output.replace(f"{folder}/", "")
        while not read_output(said).green:
            try:
                change = repair(project, said)
            except CannotRepairError:
                break
            found.append(_edit(project, folder, change, dict(files), found))
            said = _pytest(project)
    return found


def _edit(project: Path, folder: str, change: Mapping[str, Any], files: dict[str, str], earlier: list[Edit]) -> Edit:
    """The repairer's change with as many lines before it as make its place unmistakable."""
    path = f"{folder}/{change['file']}"
    text = files[path]
    for one in earlier:
        text = text.replace(one.old, one.new) if one.path == path else text
    was = text.splitlines(keepends=True)
    now = (project / change["file"]).read_text(encoding="utf-8").splitlines(keepends=True)
    last = change["line"]
    first = last - 1
    while first and text.count("".join(was[first:last])) > 1:
        first -= 1
    return replace(Edit(path, "".join(was[first:last]), "".join(now[first:last])))


def _pytest(project: Path) -> str:
    done = subprocess.run(_PYTEST, cwd=project, capture_output=True, text=True, check=False)
    return done.stdout
