"""`smithers why NODE [ID]`: the causes of a node, told as sentences (O-3)."""

import shlex
from pathlib import Path

from smithers_py.cli.reading import read_execution
from smithers_py.cli.terminal import clean, note, say, write_json
from smithers_py.harness.why import why
from smithers_py.harness.why_models import Link, Ran, Why

_MOST_RUNS = 10


def show_why(database: Path | None, node: str, execution: str, *, as_json: bool) -> None:
    """Print why a node is in the plan, ran, ran again, or has not run yet.

    Raises:
        UsageError: no such node, or several; no database. ExecutionNotFoundError: no such execution.
    """
    told = read_execution(database, execution, lambda reader, found: why(reader, found, node))
    if as_json:
        write_json(told)
        return
    _print_head(told)
    _print("in the plan because", told.in_plan)
    shown = told.ran if len(told.ran) <= _MOST_RUNS else [told.ran[0], *told.ran[1 - _MOST_RUNS :]]
    for index, run in enumerate(shown):
        if index == 1 and len(shown) < len(told.ran):
            say(f"… {len(told.ran) - len(shown):,} more runs (--json shows all)")
        _print(_ran(run), run.because)
    _print("has not run because", told.not_yet)
    _print(f"left the plan in frame {told.unmounted_frame} because", told.left)
    wrote = _writer(told)
    if wrote is not None:
        where = "" if database is None else f" --db {shlex.quote(str(database))}"
        note(f"next: smithers why {shlex.quote(wrote)} {told.execution_id}{where}")


def _print_head(told: Why) -> None:
    where = f"  made at {told.source}" if told.source else ""
    status = f"  {told.status}" if told.status else ""
    say(clean(f"{told.label}{status}  in execution {told.execution_id}{where}"))


def _print(title: str, links: list[Link]) -> None:
    if not links:
        return
    say(f"{title}:")
    for link in links:
        say(clean(f"  {link.text}"))
        if len(link.changes) > 1:
            for change in link.changes:
                if change.text not in link.text:
                    say(clean(f"    {change.text}"))


def _ran(run: Ran) -> str:
    outcome = f", {run.outcome}," if run.outcome else ""
    which = f" as {run.node_id}" if run.again == "iteration" else ""
    return f"ran {'again ' if run.again else ''}in frame {run.frame}{which}{outcome} because"


def _writer(told: Why) -> str | None:
    """Whose causes come next in the chain: the last node that wrote what this one ran for."""
    links = [*told.not_yet, *(link for run in told.ran[-1:] for link in run.because), *told.in_plan]
    ids = [change.node_id for link in links for change in link.changes if change.node_id]
    return next((one for one in ids if one != told.node_id), None)
