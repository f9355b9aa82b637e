"""Running a plan from your own program (Z-23).

import asyncio
import smithers_py

result = asyncio.run(smithers_py.run("plan.py", input={"topic": "bees"}, model="test"))
print(result.status, result.summary)
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smithers_py.config import Config
    from smithers_py.dsl.component import Component, Element
    from smithers_py.engine.results import RunResult

DEFAULT_DATABASE = Path(".smithers") / "db.sqlite"


def database_path(given: str | Path | None) -> Path:
    """The database: the given one, else SMITHERS_DB, else ./.smithers/db.sqlite (Z-22)."""
    if given is not None:
        return Path(given)
    named = os.environ.get("SMITHERS_DB")
    return Path(named) if named else DEFAULT_DATABASE


async def run(
    app: "Component | Element | str | Path",
    *,
    input: Any = None,  # noqa: A002 - the word of the spec
    state: Mapping[str, Any] | None = None,
    model: Any = None,
    db: str | Path | None = None,
    entry: str | None = None,
    name: str | None = None,
    tags: Sequence[str] = (),
    workspace: str | Path | None = None,
    idle_timeout: float = 0.5,
    config: "Config | None" = None,
) -> "RunResult":
    """Run a component, a call of one, or the plan of a script to its end; returns what `smithers run --json` prints.

    A plan that fails is no exception: `result.status` is "failed" and `result.errors` says why. `model` replaces the
    model of every agent ("test" needs no key and no network), `db` is the database's path, `workspace` the folder
    that commands run in (else the current one), `idle_timeout` (seconds) how long nothing must happen before the run
    counts as ended. `entry` chooses among the components of a script. No configuration file is read unless you ask:
    `config=load_config(Path.cwd())`, from `smithers_py.config`; `config=Config(budget=Budget(max_cost=2.0))` sets a
    budget by itself.

    Raises:
        ScriptError, UsageError, StateError: what was given is wrong; no execution was created.
        StoreError: the database cannot be used.
    """
    # The engine and its database driver; a script that only says `from smithers_py import ...` needs neither.
    from smithers_py.config import Config
    from smithers_py.engine.launch import RunOptions, run_plan, run_script
    from smithers_py.engine.run import limits_from
    from smithers_py.errors import UsageError

    config = config or Config()
    script = Path(app) if isinstance(app, str | Path) else None
    options = RunOptions(
        script=script,
        db_path=database_path(db),
        entry=entry,
        state=dict(state or {}),
        input=input,
        model=model,
        name=name,
        tags=tuple(tags),
        workspace=Path(workspace) if workspace is not None else Path.cwd(),
        config=config,
        limits=replace(limits_from(config.limits), idle_timeout_ms=round(idle_timeout * 1000)),
    )
    if script is not None:
        return await run_script(options)
    if entry is not None:
        raise UsageError("entry= was given with a component", hint="It chooses among the components of a script.")
    return await run_plan(_component(app), options)


async def resume(
    execution_id: str,
    app: "Component | Element | None" = None,
    *,
    model: Any = None,
    db: str | Path | None = None,
    accept_changes: bool = False,
    idle_timeout: float = 0.5,
    config: "Config | None" = None,
) -> "RunResult":
    """Run an execution that was stopped, killed or failed on to its end. Finished work is not done again.

    `execution_id` is the whole id. `app` is needed for an execution that was started from a component, which no script
    can be found for. `accept_changes`: go on though the script has changed since. The rest is as in `run`.

    Raises:
        ExecutionNotFoundError: there is no such execution.
        ExecutionHeldError: another engine runs it.
        ScriptError, UsageError: the script cannot be used, or has changed and that was not accepted.
        ResumeDivergedError: the same plan renders otherwise and would drop work that has started.
        StoreError: the database cannot be used.
    """
    from smithers_py.config import Config
    from smithers_py.engine.resume import ResumeOptions, resume_script
    from smithers_py.engine.run import RunOptions, limits_from

    config = config or Config()
    base = RunOptions(
        script=None,
        db_path=database_path(db),
        model=model,
        config=config,
        limits=replace(limits_from(config.limits), idle_timeout_ms=round(idle_timeout * 1000)),
    )
    element = None if app is None else _component(app)
    options = ResumeOptions(execution_id=execution_id, base=base, accept_changes=accept_changes, element=element)
    return await resume_script(options)


def _component(app: Any) -> Any:
    from smithers_py.dsl.component import Component, Element
    from smithers_py.errors import UsageError
    from smithers_py.where import an

    if isinstance(app, Component | Element):
        return app if isinstance(app, Element) else app()
    hint = "Pass a function under @component, @plan or @phase, or the path of a script."
    raise UsageError(f"run needs a component or a script, not {an(type(app).__name__)}", hint=hint)
