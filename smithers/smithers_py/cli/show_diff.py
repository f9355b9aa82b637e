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


def diff_lines(diff: PlanDiff) -> list[str]:
    """One line a node, one more for each prop that changed; then how many are kept."""
    lines: list[str] = []
    for node in diff.nodes:
        lines.append(f"{_GLYPHS[node.what]} {node.path}  {node.status}{_spent(node.spent)}: {node.then}")
        lines += [f"    {name}: {_short(old)} -> {_short(new)}" for name, (old, new) in node.props.items()]
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


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…") if isinstance(value, str) else text[:_LONGEST]
