"""`smithers resume`: go on with an execution whose engine has ended (T-5, T-6)."""

import sys
from collections.abc import Mapping
from pathlib import Path

from smithers_py.cli.inputs import configured, database_path
from smithers_py.cli.reading import read_execution
from smithers_py.cli.run import drive_command
from smithers_py.cli.show_diff import print_diff
from smithers_py.cli.terminal import is_terminal
from smithers_py.engine.launch import RunOptions
from smithers_py.engine.plan_change import PlanDiff
from smithers_py.engine.resume import ResumeOptions, resume_script
from smithers_py.harness.models import Execution
from smithers_py.harness.reader import Reader


def resume_command(
    asked: str,
    database: Path | None,
    *,
    as_json: bool,
    accept_changes: bool,
    wait: bool,
    model: str | None,
    idle_timeout: float | None,
    budget: Mapping[str, float | None],
) -> int:
    """Resume it; returns the exit code (C-4). Raises UsageError when there is no such execution or somebody has it."""

    async def found(reader: Reader, execution_id: str) -> Execution:
        return await reader.execution(execution_id)

    def confirm(diff: PlanDiff) -> bool:
        print_diff(diff, "the script has changed since:")
        if diff.is_empty or accept_changes or not is_terminal(sys.stderr):
            return accept_changes
        return input("go on with it? [y/N] ").strip().lower() in {"y", "yes"}

    execution = read_execution(database, asked, found)
    # What it was started with stands, unless it is said anew.
    kept = (execution.config or {}).get("flags")
    more = configured(idle_timeout, kept, **budget)
    base = RunOptions(script=None, db_path=database_path(database), model=model, wait=wait, **more)
    options = ResumeOptions(
        execution_id=execution.execution_id, base=base, accept_changes=accept_changes, confirm=confirm
    )
    return drive_command(lambda observer, stop: resume_script(options, observer, stop), base.db_path, as_json=as_json)
