"""Does the work of one attempt, by kind of node: function, program, agent, child plan (N-4, N-5)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smithers_persistence.rows import AgentRow
from smithers_py.engine.control import TaskControl
from smithers_py.engine.instance import Instance
from smithers_py.engine.results import TaskResult
from smithers_py.engine.run import Run
from smithers_py.engine.tooling import tool_spec
from smithers_py.engine.waiting import ask_human, wait_out
from smithers_py.errors import InvalidPropError
from smithers_py.nodes import Command, Human, NodeKind, Smithers, Task, Timer
from smithers_py.workers.command import CommandSpec, run_command
from smithers_py.workers.function import run_function
from smithers_py.workers.pool import DaemonPool


@dataclass(slots=True)
class Performed:
    """What an attempt gave: the fields of its TaskResult, and for an agent its row."""

    fields: dict[str, Any] = field(default_factory=dict)
    agent: AgentRow | None = None
    result: TaskResult | None = None


async def perform(
    run: Run, inst: Instance, control: TaskControl, pool: DaemonPool, begin: Callable[[], Awaitable[None]]
) -> Performed:
    """Run the attempt to its end. `begin()` is awaited before anything is done that others could see.

    Raises:
        TaskError: the work failed, in a way its class says.
        CancelledError: it was cancelled and has been cleaned up.
    """
    node = inst.desc
    if isinstance(node, Task) and node.timeout is None and not _needs_git(inst):
        # Nearly all that it takes to call a function can be done before its claim is on disk.
        grace = run.limits.grace_ms / 1000
        return Performed({"output": await run_function(node.fn, run.ctx, pool, None, grace_seconds=grace, begin=begin)})
    await begin()
    if isinstance(node, Human):
        return Performed(await ask_human(run, inst, node, control))
    if isinstance(node, Timer):
        await wait_out(run, inst, node, control)
        return Performed()
    workspace = await run.worktrees.ready(inst)
    await run.step_vcs.before(inst)
    if isinstance(node, Task):
        value = await run_function(node.fn, run.ctx, pool, node.timeout, grace_seconds=run.limits.grace_ms / 1000)
        return Performed({"output": value})
    if isinstance(node, Command):
        return await _command(run, node, control, workspace)
    if isinstance(node, Smithers):
        from smithers_py.engine.child import run_child

        return Performed(await run_child(run, inst, node, workspace))
    return await _agent(run, inst, control, pool, workspace)


async def _command(run: Run, node: Command, control: TaskControl, workspace: Path) -> Performed:
    spec = CommandSpec(
        argv=list(node.argv) if node.argv is not None else None,
        shell=node.shell,
        cwd=workspace if node.cwd is None else workspace / node.cwd,
        env=node.env or {},
        timeout=node.timeout,
        check=node.check,
        grace_seconds=run.limits.grace_ms / 1000,
    )
    done = await run_command(spec, control)
    return Performed({"output": done.stdout, "exit_code": done.exit_code, "stdout": done.stdout, "stderr": done.stderr})


async def _agent(run: Run, inst: Instance, control: TaskControl, pool: DaemonPool, workspace: Path) -> Performed:
    from smithers_py.agents.run import AgentSpec, run_agent

    node = inst.desc
    spec = AgentSpec(
        model=run.options.model if run.options.model is not None else node.model,
        prompt=prompt_text(inst),
        system_prompt=node.system_prompt,
        schema=node.schema,
        max_turns=node.max_turns,
        timeout=node.timeout,
        task_id=control.task_id,
        resume=node.resume,
        grace_seconds=run.limits.grace_ms / 1000,
        clock=run.clock.now_ms,
        aliases=run.options.config.models,
        calls=run.spending.calls(inst),
        tools=tool_spec(run, inst, workspace),
        pool=pool,
    )
    done = await run_agent(spec, control)
    return Performed({"output": done.text, "structured": done.structured, "usage": done.usage, "cost": done.cost_usd})


def _needs_git(inst: Instance) -> bool:
    """A worktree may have to be made first, or a snapshot."""
    return any(
        above.kind is NodeKind.WORKTREE or (above.kind is NodeKind.STEP and above.desc.snapshot_before)
        for above in inst.ancestors()
    )


def prompt_text(inst: Instance) -> str:
    """The prompt of an agent: its `prompt` (text, or nodes rendered to text) and then its children's text (N-4)."""
    parts: list[str] = []
    prompt = inst.desc.prompt
    if prompt is not None:
        parts += [prompt] if isinstance(prompt, str) else _texts(prompt)
    parts += [below.desc.value for below in inst.walk() if below.kind is NodeKind.TEXT]
    if not parts:
        raise InvalidPropError(f"{inst.path_name} has no prompt", hint="Pass prompt=... or text children.")
    return "\n".join(parts)


def _texts(prompt: Any) -> list[str]:
    found: list[str] = []
    stack = [prompt]
    while stack:
        item = stack.pop()
        if isinstance(item, list | tuple):
            stack.extend(reversed(item))
        elif isinstance(item, str | int | float):
            found.append(str(item))
        elif item is not None and getattr(item, "kind", None) is NodeKind.TEXT:
            found.append(item.value)
        elif item is not None:
            stack.extend(reversed(item.children))
    return found
