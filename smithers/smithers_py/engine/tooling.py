"""The tools of an agent node as the agent layer wants them: its props, the configuration, and what is off limits."""

import sys
from pathlib import Path

from smithers_py.agents.tools.spec import ToolSpec
from smithers_py.config import FILE
from smithers_py.engine.instance import Instance
from smithers_py.engine.run import Run
from smithers_py.nodes.tools import ToolPolicy

_INSTALLED = ("site-packages", "dist-packages")


def tool_spec(run: Run, inst: Instance, workspace: Path) -> ToolSpec | None:
    """What the agent of this node may use in `workspace`; None when it has no tools."""
    node = inst.desc
    if not node.tools:
        return None
    config, database = run.options.config, run.options.db_path
    rules = config.tools
    given = rules.allow or rules.deny or rules.ask
    return ToolSpec(
        tools=node.tools,
        workspace=workspace,
        policy=node.policy,
        run_policy=ToolPolicy(allow=rules.allow, deny=rules.deny, ask=rules.ask) if given else None,
        forbidden=(
            *(database.with_name(f"{database.name}{end}") for end in ("", "-wal", "-shm")),
            database.parent / "executions",
        ),
        protected=(*plan_files(run), *_settings(run, workspace)),
        mcp_servers=config.mcp_servers,
        log_folder=run.log.path.parent,
        env_deny=rules.env_deny,
        grace_seconds=run.limits.grace_ms / 1000,
        ctx=run.ctx,
    )


def plan_files(run: Run) -> tuple[Path, ...]:
    """The script, and the modules below its folder that are loaded: an agent must not rewrite the plan that runs it
    (Z-27).
    """
    script = run.options.script
    if script is None:
        return ()
    script = script.absolute()
    files = {script}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and not any(part in file for part in _INSTALLED):
            path = Path(file)
            if script.parent in path.parents:
                files.add(path)
    return tuple(sorted(files))


def _settings(run: Run, workspace: Path) -> tuple[Path, ...]:
    """Where the policy of later runs is read from, existing or not."""
    file = run.options.config.file
    return (run.options.workspace / FILE, workspace / FILE, *(() if file is None else (file,)))
