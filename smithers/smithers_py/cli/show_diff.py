"""A plan diff for people: what a changed script does to each node (T-6, C-6)."""

import asyncio
import json
from pathlib import Path
from typing import Any

from smithers_py.cli.inputs import configured, database_path
from smithers_py.cli.reading import read_execution
from smithers_py.cli.terminal import human_duration, note, say, write_json
from smithers_py.engine.launch import RunOptions
from smithers_py.engine.plan_change import PlanDiff
from smithers_py.engine.resume import ResumeOptions, preview_script
from smithers_py.harness.models import Execution
from smithers_py.harness.reader import Reader

_GLYPHS = {"new": "+", "gone": "-", "changed": "~", "moved": ">", "kept": "="}
_LONGEST = 60
_BEFORE = 15


def diff_lines(diff: PlanDiff) -> list[str]:
    """One line a node, one more for each prop that changed; then how many are kept."""
    lines: list[str] = []
    for node in diff.nodes:
        lines.append(f"{_GLYPHS[node.what]} {node.path}  {node.status}{_spent(node.spent)}: {node.then}")
        for name, (old, new) in node.props.items():
            # The text children of an agent are its prompt.
            lines.append(f"    {'prompt' if name == 'children' else name}: {_shown(old, new)}")
        if node.code:
            lines.append("    its code changed")
    kept = f"{diff.kept} kept{_spent(diff.kept_spent)}"
    lines.append(f"= {kept}" if diff.nodes else f"= the plan is the same: {kept}")
    return lines


def _spent(spent: dict[str, float]) -> str:
    """` (3.2s, 1,200 tokens, $0.04)`"""
    parts = [human_duration(spent["ms"])] if spent.get("ms") else []
    parts += [f"{spent['tokens']:,.0f} tokens"] if spent.get("tokens") else []
    parts += [f"${spent['cost']:.2f}"] if spent.get("cost") else []
    return f" ({', '.join(parts)})" if parts else ""


def print_diff(diff: PlanDiff, title: str) -> None:
    """On stderr, under a title."""
    note(title)
    for line in diff_lines(diff):
        note(f"  {line}")


def diff_command(asked: str, script: Path, database: Path | None, *, as_json: bool) -> None:
    """`smithers diff --plan RUN FILE`: what the file would do to the run; nothing is changed (C-6)."""

    async def found(reader: Reader, execution_id: str) -> Execution:
        return await reader.execution(execution_id)

    execution = read_execution(database, asked, found)
    base = RunOptions(script=None, db_path=database_path(database), **configured())
    options = ResumeOptions(execution_id=execution.execution_id, base=base)
    diff = asyncio.run(preview_script(options, script.resolve()))
    if as_json:
        write_json({"execution_id": execution.execution_id, **diff.to_json()})
        return
    for line in diff_lines(diff):
        say(line)


def _shown(old: Any, new: Any) -> str:
    """`old -> new`, long texts from a little before where they part."""
    same = 0
    if isinstance(old, str) and isinstance(new, str):
        old, new = " ".join(old.split()), " ".join(new.split())
        parted = (at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other)
        same = max(0, next(parted, min(len(old), len(new))) - _BEFORE)
    return f"{_short(old, same)} -> {_short(new, same)}"


def _short(value: Any, start: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if start + _LONGEST < len(text) or (start and len(text) > _LONGEST):
        text = ("…" if start else "") + text[start : start + _LONGEST] + ("…" if start + _LONGEST < len(text) else "")
    return repr(text) if isinstance(value, str) else text
