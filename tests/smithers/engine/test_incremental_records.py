"""How many transactions the three records of a task take (H-3), and what is on disk at which moment."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from smithers_persistence import StoreFailed
from smithers_persistence.crash import set_crash_hook
from smithers_py import Phase, Task, component
from smithers_py.engine.launch import StopRequest
from smithers_py.engine.run import Limits, Run
from smithers_py.errors import StoreError
from smithers_py.testing import run_plan

FAST = Limits(idle_timeout_ms=0)


class Seen(StopRequest):
    """Keeps the run, to ask its database."""

    def attach(self, run: Run) -> None:
        self.run = run
        super().attach(run)


def chain(steps: int, **props):
    async def work() -> int:
        return 1

    @component
    def App():
        return Phase("chain", children=[Task(work, id=f"t{n}", **props) for n in range(steps)])

    return App()


def transactions(plan, folder: Path) -> int:
    seen = Seen()
    folder.mkdir()
    result = asyncio.run(run_plan(plan, db_path=folder / "db.sqlite", limits=FAST, stop=seen))
    assert result.status == "completed"
    return seen.run.store.db.transactions


@pytest.mark.requirement("H-3")
def test_a_step_of_a_sequence_is_one_transaction(tmp_path: Path) -> None:
    """The end of one task, its handling and the claim of the next are written together."""
    few = transactions(chain(10), tmp_path / "few")
    many = transactions(chain(30), tmp_path / "many")
    assert many - few == 20


def test_a_handler_costs_a_transaction_before_and_one_after(tmp_path: Path) -> None:
    few = transactions(chain(10, on_finished=lambda r: None), tmp_path / "few")
    many = transactions(chain(30, on_finished=lambda r: None), tmp_path / "many")
    assert many - few <= 3 * 20


@pytest.mark.requirement("H-3")
def test_a_result_is_on_disk_before_its_handler_runs_and_before_the_next_task_starts(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    seen: list[tuple[str, list[tuple[str, str, int | None]]]] = []

    def look(who: str) -> None:
        conn = sqlite3.connect(path)
        rows = conn.execute("SELECT node_id, status, handled_frame IS NOT NULL FROM tasks ORDER BY node_id").fetchall()
        conn.close()
        seen.append((who, rows))

    @component
    def App():
        return Phase(
            "p",
            children=[
                Task(lambda: look("a runs"), id="a", on_finished=lambda r: look("a handled")),
                Task(lambda: look("b runs"), id="b"),
                Task(lambda: look("c runs"), id="c"),
            ],
        )

    assert asyncio.run(run_plan(App(), db_path=path, limits=FAST)).status == "completed"
    assert seen == [
        ("a runs", [("a", "running", 0)]),
        ("a handled", [("a", "succeeded", 0)]),
        ("b runs", [("a", "succeeded", 1), ("b", "running", 0)]),
        ("c runs", [("a", "succeeded", 1), ("b", "succeeded", 1), ("c", "running", 0)]),
    ]


@pytest.mark.requirement("F-6")
def test_a_frame_that_nobody_waited_for_stops_the_run_when_it_cannot_be_written(tmp_path: Path) -> None:
    """The frame that handles t0 is sent without waiting; its failure ends the run before t1 starts."""
    path, started = tmp_path / "db.sqlite", []

    async def work() -> None:
        started.append(1)

    @component
    def App():
        return Phase("chain", children=[Task(work, id="t0"), Task(work, id="t1")])

    def fail(point: str) -> None:
        if point == "finished.inside":
            raise StoreFailed(path, "the disk is gone")

    set_crash_hook(fail)
    try:
        with pytest.raises(StoreError, match="the disk is gone"):
            asyncio.run(run_plan(App(), db_path=path, limits=FAST))
    finally:
        set_crash_hook(None)
    assert started == [1]
    conn = sqlite3.connect(path)
    assert conn.execute("SELECT node_id, status FROM tasks").fetchall() == [("t0", "running")]
    assert conn.execute("SELECT count(*), max(frame_index), head_frame FROM frames, executions").fetchone() == (1, 0, 0)
    conn.close()
