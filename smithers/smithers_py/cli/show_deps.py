"""`smithers graph --deps`: who reads and who writes which key."""

from pathlib import Path

from smithers_py.cli.reading import read_execution
from smithers_py.cli.show_graph import Format
from smithers_py.cli.terminal import clean, note, say, write_json
from smithers_py.engine.launch import RunOptions
from smithers_py.errors import UsageError
from smithers_py.harness.dependencies import Dependencies, read_of_preview, with_execution
from smithers_py.harness.plan_check import load_plan


def show_deps(options: RunOptions, form: Format, database: Path | None, execution: str | None) -> None:
    """Print the dependencies of a script, with an execution also those that it had.

    Raises:
        ScriptError, UsageError, PlanError, RenderPhaseError, StateError: there is no plan to print, or no such form.
        ExecutionNotFoundError: there is no such execution.
    """
    if form == "xml":
        raise UsageError("--deps has no XML form", hint="Use --format text, mermaid or json.")
    known = read_of_preview(load_plan(options).preview())
    if execution is not None:
        known = read_execution(database, execution, lambda reader, found: with_execution(reader, found, known))
    if form == "json":
        write_json(known)
    elif form == "mermaid":
        say(known.to_mermaid())
    else:
        _print(known)


def _print(known: Dependencies) -> None:
    for use in known.keys:
        say(clean(use.key))
        for one in use.readers:
            say(clean(f"  read by     {one.label}"))
        for one in use.writers:
            by = f"{one.handler} of {one.label}" if one.handler else one.label
            say(clean(f"  written by  {by}" + (f"  ({one.times:,} times)" if one.times > 1 else "")))
    if not known.keys:
        say("(the plan reads no state)")
    if known.execution_id is None:
        note("who writes is known of executions: smithers graph SCRIPT --deps --execution latest")
