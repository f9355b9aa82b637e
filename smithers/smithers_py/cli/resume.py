"""`smithers resume`: go on with an execution whose engine has ended (T-5, T-6)."""

from pathlib import Path

from smithers_py.cli.inputs import database_path
from smithers_py.cli.reading import read_execution
from smithers_py.cli.run import drive_command
from smithers_py.engine.resume import ResumeOptions, resume_script


def resume_command(
    asked: str,
    database: Path | None,
    *,
    as_json: bool,
    accept_changes: bool,
    model: str | None,
    idle_timeout_ms: int,
) -> int:
    """Resume it; returns the exit code (C-4). Raises UsageError when there is no such execution or somebody has it."""

    async def found(_: object, execution_id: str) -> str:
        return execution_id

    options = ResumeOptions(
        execution_id=read_execution(database, asked, found),
        db_path=database_path(database),
        accept_changes=accept_changes,
        model=model,
        idle_timeout_ms=idle_timeout_ms,
    )
    return drive_command(
        lambda observer, stop: resume_script(options, observer, stop), options.db_path, as_json=as_json
    )
