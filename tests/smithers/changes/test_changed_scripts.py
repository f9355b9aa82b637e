"""A script that has changed under an execution: the diff is shown first, and is what then happens (T-6, issue 'Killed
anywhere')."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from smithers_py.engine.launch import RunOptions, run_script
from smithers_py.engine.observer import NullObserver
from smithers_py.engine.plan_change import PlanDiff
from smithers_py.engine.results import RunResult
from smithers_py.engine.resume import ResumeOptions, preview_script, resume_script
from smithers_py.errors import UsageError

HEAD = """
from pathlib import Path
from smithers_py import *

LOG = Path({log!r})


def note(text):
    def write():
        with LOG.open("a") as file:
            file.write(text + "\\n")
        return text

    return write


def gate():
    if not LOG.with_name("open").exists():
        raise RuntimeError("closed")

"""

FIRST = """
@component
def Research(ctx):
    return Task(note("research"), id="research").on_finished(lambda r: ctx.state.set("found", r.output))


@component
def app(ctx):
    found = ctx.state.get("found")
    return [
        Phase("a", children=[Research(), Command(["echo", f"on {found}"], id="report"), Task(note("other"), id="o")]),
        Phase("b", children=[Task(gate, id="gate"), Task(note("last"), id="last")]),
    ]
"""


class Place:
    """A script, its execution and what its tasks have written."""

    def __init__(self, folder: Path) -> None:
        self.script = folder / "plan.py"
        self.log = folder / "log"
        self.base = RunOptions(script=self.script, db_path=folder / "db.sqlite", workspace=folder, idle_timeout_ms=0)
        self.execution_id = ""
        self.shown: list[PlanDiff] = []

    def write(self, text: str) -> None:
        self.script.write_text(HEAD.format(log=str(self.log)) + text)

    async def run(self) -> RunResult:
        result = await run_script(self.base)
        self.execution_id = result.execution_id
        return result

    async def resume(self, *, accept: bool = True) -> RunResult:
        def confirm(diff: PlanDiff) -> bool:
            self.shown.append(diff)
            return accept

        options = ResumeOptions(execution_id=self.execution_id, base=self.base, confirm=confirm)
        return await resume_script(options, NullObserver())

    def ran(self) -> list[str]:
        return self.log.read_text().split() if self.log.exists() else []

    def open(self) -> None:
        self.log.with_name("open").touch()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An execution that has failed at its gate, in the second phase."""
    made = Place(tmp_path)
    made.write(FIRST)
    result = asyncio.run(made.run())
    assert result.status == "failed"
    assert made.ran() == ["research", "other"]
    return made


def kinds(diff: PlanDiff) -> dict[str, tuple[str, str]]:
    return {node.node_id: (node.what, node.then) for node in diff.nodes}


@pytest.mark.requirement("T-5", "Z-7")
async def test_an_unchanged_script_goes_on_where_it_failed(place: Place) -> None:
    place.open()
    result = await place.resume()
    assert (result.status, place.ran(), place.shown) == ("completed", ["research", "other", "last"], [])


@pytest.mark.requirement("T-6")
async def test_a_change_that_nobody_accepts_changes_nothing(place: Place) -> None:
    place.write(FIRST.replace('note("other")', 'note("another")'))
    with pytest.raises(UsageError, match="has changed since"):
        await place.resume(accept=False)
    assert kinds(place.shown[0]) == {"o": ("changed", "runs again")}
    assert place.ran() == ["research", "other"]


@pytest.mark.requirement("T-6")
async def test_a_comment_is_no_change_of_the_plan(place: Place) -> None:
    place.write(FIRST + "\n# more to come\n")
    place.open()
    result = await place.resume(accept=False)
    assert result.status == "completed"
    assert place.shown[0].is_empty
    assert place.ran() == ["research", "other", "last"]


@pytest.mark.requirement("T-6", "Z-3", "Z-19")
async def test_a_changed_function_runs_again_and_so_does_what_depends_on_it(place: Place) -> None:
    place.write(FIRST.replace('note("research")', 'note("deeper")'))
    place.open()
    result = await place.resume()
    assert kinds(place.shown[0]) == {"research": ("changed", "runs again")}
    assert result.status == "completed"
    assert place.ran() == ["research", "other", "deeper", "last"], "what does not depend on it is not run again"
    attempts = await place_tasks(place)
    assert len([row for row in attempts if row[0] == "report"]) == 2, "the report is about what was found"
    assert len([row for row in attempts if row[0] == "o"]) == 1


@pytest.mark.requirement("T-6")
async def test_new_and_gone_nodes(place: Place) -> None:
    place.write(FIRST.replace('Task(note("last"), id="last")', 'Task(note("new"), id="new")'))
    place.open()
    result = await place.resume()
    assert kinds(place.shown[0]) == {
        "last": ("gone", "leaves the plan"),
        "new": ("new", "starts when its turn comes"),
    }
    assert (result.status, place.ran()) == ("completed", ["research", "other", "new"])


@pytest.mark.requirement("T-6", "Z-2")
async def test_a_renamed_component_keeps_the_work_of_nodes_with_an_id(place: Place) -> None:
    place.write(FIRST.replace("Research", "Reading"))
    place.open()
    result = await place.resume()
    assert (result.status, place.ran()) == ("completed", ["research", "other", "last"])
    assert ("research", "moved") in {(node.node_id, node.what) for node in place.shown[0].nodes}


@pytest.mark.requirement("C-6", "T-6")
async def test_a_preview_changes_nothing_and_tells_what_was_spent(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text(HEAD.format(log=str(place.log)) + FIRST.replace('note("other")', 'note("another")'))
    options = ResumeOptions(execution_id=place.execution_id, base=place.base)
    diff = await preview_script(options, other)
    assert kinds(diff) == {"o": ("changed", "runs again")}
    assert diff.kept == 7
    assert place.ran() == ["research", "other"]
    assert (await place_tasks(place))[0][1] == "succeeded"


@pytest.mark.requirement("T-6")
async def test_another_version_of_the_engine_compares_the_plan(place: Place) -> None:
    with sqlite3.connect(place.base.db_path) as conn:
        conn.execute("UPDATE executions SET engine_version = '0.0.1'")
    conn.close()
    place.open()
    assert (await place.resume()).status == "completed"
    assert place.shown[0].is_empty
    assert place.ran() == ["research", "other", "last"]


@pytest.mark.requirement("T-6")
async def test_a_script_that_is_broken_is_refused_before_anything_happens(place: Place) -> None:
    place.write(FIRST + "\n)\n")
    with pytest.raises(Exception, match="syntax error"):
        await place.resume()
    place.write(FIRST)
    place.open()
    assert (await place.resume()).status == "completed"


async def place_tasks(place: Place) -> list[tuple[str, str]]:
    """(node_id, status) of every incarnation."""
    from smithers_persistence import Database, reads

    database = await Database.open(place.base.db_path)
    try:
        rows = await database.read(lambda conn: reads.tasks(conn, place.execution_id))
    finally:
        await database.close()
    return [(row.node_id, row.status) for row in rows]
