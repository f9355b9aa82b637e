"""`smithers inspect`: one execution, its plan with statuses, what ran and what went wrong."""

import json
import sys
from pathlib import Path
from typing import Any

from smithers_py.cli.reading import read_execution
from smithers_py.cli.terminal import (
    caret_lines,
    clean,
    error_text,
    glyph,
    human_count,
    human_duration,
    human_time,
    paint,
    say,
    shorten,
    table,
    write_json,
)
from smithers_py.cli.tree import NodeFacts, print_tree
from smithers_py.harness.labels import node_label
from smithers_py.harness.models import AgentView, Inspection, NodeView, PlanNode, TaskView, ToolCallView
from smithers_py.harness.reader import Reader

_MOST_ROWS = 50


def show_inspect(database: Path | None, execution: str, *, as_json: bool) -> None:
    """Print the execution: a header, its plan, its tasks and its errors."""
    if as_json:
        write_json(read_execution(database, execution, lambda reader, found: reader.inspect(found)))
        return

    async def everything(
        reader: Reader, found: str
    ) -> tuple[Inspection, list[PlanNode], dict[str, Any], dict[str, int]]:
        inspection, plan = await reader.inspect(found), await reader.head_plan(found)
        return inspection, plan, await reader.stored_errors(found), await reader.outdated(found)

    inspection, plan, errors, outdated = read_execution(database, execution, everything)
    _print_header(inspection)
    if plan:
        say("plan:")
        print_tree(plan, _facts(inspection, outdated), indent=1)
    labels = {node.node_id: node_label(node.type, node.name, node.node_id, node.props) for node in plan}
    _print_tasks(inspection.tasks, labels)
    _print_agents(inspection)
    _print_tool_calls(inspection.tool_calls, labels)
    _print_errors(inspection, labels, errors)


def _print_header(inspection: Inspection) -> None:
    one, state = inspection.execution, inspection.run_state
    mark = paint(f"{glyph(state.state, sys.stdout)} {state.state}", state.state, sys.stdout)
    say(f"{mark}  {clean(one.name or '')} {one.execution_id}: {clean(state.reason)}")
    facts = {
        "script": one.script,
        "tags": ", ".join(one.tags),
        "started": human_time(one.started_at or one.created_at),
        "ended": human_time(one.ended_at),
        "took": human_duration(one.duration_ms),
        "frames": str(one.frames),
        "input": None if one.input is None else json.dumps(one.input, ensure_ascii=False),
        "summary": None if one.summary is None else json.dumps(one.summary, ensure_ascii=False),
        "exit code": None if one.exit_code is None else str(one.exit_code),
        "child of": one.parent_id,
    }
    for name, value in facts.items():
        if value:
            say(f"  {name + ':':<10} {clean(value)}")


def _facts(inspection: Inspection, outdated: dict[str, int]) -> dict[str, NodeFacts]:
    """Of each node its latest incarnation: rows are ascending by it, so the last one stays.

    `outdated`: when the script came to describe the node otherwise than it was started.
    """
    took = {task.node_id: task.duration_ms for task in inspection.tasks}
    waits = {task.node_id: _waits(task, outdated.get(task.node_id, -1)) for task in inspection.tasks}
    return {
        node.node_id: NodeFacts(
            node.status, took.get(node.node_id), Path(node.source or "").name, waits.get(node.node_id, "")
        )
        for node in inspection.nodes
    }


def _waits(task: TaskView, outdated: int) -> str:
    """`rate_limit until 2026-11-22 14:00:05` (E-3), or `outdated` (Z-19)."""
    if task.status != "blocked":
        return "outdated" if outdated >= (task.scheduled_at or 0) else ""
    waits: dict[str, Any] = task.blocked or {"reason": "retry", "until": task.next_retry_at}
    return waits["reason"] + ("" if waits["until"] is None else f" until {human_time(waits['until'])}")


def _print_tasks(tasks: list[TaskView], labels: dict[str, str]) -> None:
    if not tasks:
        return
    shown = tasks[-_MOST_ROWS:]
    hidden = len(tasks) - len(shown)
    say(f"tasks: {len(tasks):,}" + (f" (the last {len(shown)}; --json shows all)" if hidden else ""))
    table(
        ("  node", "kind", "status", "attempt", "took", "frame", "id"),
        (
            (
                f"  {shorten(labels.get(task.node_id, task.kind), 50)}",
                task.kind,
                task.status,
                str(task.attempt),
                human_duration(task.duration_ms),
                str(task.mounted_frame),
                task.node_id,
            )
            for task in shown
        ),
        status_column=2,
    )


def _print_agents(inspection: Inspection) -> None:
    for agent in inspection.agents[-_MOST_ROWS:]:
        told = shorten(clean(agent.output_text or ""), 200)
        used = _used(agent)
        say(f"agent {clean(agent.model)} at {agent.node_id}: {agent.status}{used}  {told}".rstrip())


def _used(agent: AgentView) -> str:
    """`, 3 requests, 1.2k tokens, $0.0042`."""
    usage: dict[str, int] = agent.usage or {}
    tokens = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
    requests = usage.get("requests", 0)
    used = f", {requests} request{'' if requests == 1 else 's'}, {human_count(tokens)} tokens" if usage else ""
    return used + ("" if agent.cost_usd is None else f", ${agent.cost_usd:.4f}")


def _print_tool_calls(calls: list[ToolCallView], labels: dict[str, str]) -> None:
    if not calls:
        return
    shown = calls[-_MOST_ROWS:]
    hidden = len(calls) - len(shown)
    say(f"tool calls: {len(calls):,}" + (f" (the last {len(shown)}; --json shows all)" if hidden else ""))
    table(
        ("  node", "tool", "status", "took", "arguments"),
        (
            (
                f"  {shorten(labels.get(call.node_id, call.node_id), 30)}",
                call.tool,
                call.status,
                human_duration(call.duration_ms),
                shorten(clean(json.dumps(call.args, ensure_ascii=False)), 100) if call.args else "",
            )
            for call in shown
        ),
        status_column=2,
    )


def _print_errors(inspection: Inspection, labels: dict[str, str], errors: dict[str, Any]) -> None:
    """The errors of tasks that did not succeed in the end, then those of nodes, as a handler that raised.

    A container that failed because of what is in it has no message of its own; the tree shows it.
    """
    failed = [task for task in inspection.tasks if task.error is not None and task.status != "succeeded"]
    lines = [
        _with_carets(
            f"{labels.get(task.node_id, task.kind)} ({task.node_id}, attempt {task.attempt}): {error_text(task.error)}",
            task.error,
        )
        for task in failed
    ]
    told = {task.node_id for task in failed}
    lines += [
        _with_carets(
            f"{labels.get(node.node_id, node.type)} ({node.node_id}): {errors[node.node_id]['message']}{_place(node)}",
            errors[node.node_id],
        )
        for node in inspection.nodes
        if node.status.startswith("failed") and node.node_id in errors and node.node_id not in told
    ]
    if caret_lines(errors.get("")):
        # The header has its text; only a line of a .px file says more.
        lines.append(_with_carets(error_text(errors[""]), errors[""]))
    if lines:
        say("errors:")
    for line in lines[-_MOST_ROWS:]:
        say(line)


def _with_carets(told: str, error: Any) -> str:
    return "\n".join([f"  {clean(told)}", *caret_lines(error)])


def _place(node: NodeView) -> str:
    return f" (made at {node.source})" if node.source else ""
