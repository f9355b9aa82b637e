"""Every node of the examples is asked why, and every answer is held against the stored transitions (issue 4.5)."""

import asyncio
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from why_plans import ask, check_against_transitions

from smithers_persistence import reads
from smithers_persistence.verify import verify
from smithers_py.engine.launch import RunOptions, run_script
from smithers_py.harness.why_models import Why

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`played("fix_tests")`: (database, execution id) of an example, run once."""
    done: dict[str, tuple[Path, str]] = {}

    def run(name: str) -> tuple[Path, str]:
        if name not in done:
            home = tmp_path_factory.mktemp(name)
            shutil.copytree(EXAMPLES, home / "examples")
            path = home / "db.sqlite"
            options = RunOptions(
                script=home / "examples" / f"{name}.py",
                db_path=path,
                model="test",
                workspace=home,
                idle_timeout_ms=0,
            )
            result = asyncio.run(run_script(options))
            assert result.status == "completed", result.errors
            done[name] = path, result.execution_id
        return done[name]

    return run


@pytest.mark.requirement("O-3", "F-7", "R-6")
@pytest.mark.parametrize("name", ["fix_tests", "hello", "pipeline"])
def test_every_answer_is_what_the_transitions_say(played: Any, name: str) -> None:
    path, execution = played(name)
    conn = sqlite3.connect(path)
    assert verify(conn) == []
    nodes = reads.nodes(conn, execution)
    for row in nodes:
        told = ask(path, execution, row.node_id)
        assert told.in_plan
        assert not [link for link in told.in_plan if link.kind == "unknown"], told.in_plan
        check_against_transitions(conn, told)
    conn.close()


@pytest.mark.requirement("O-3")
def test_fix_tests_names_key_values_writer_handler_and_frame_of_every_node_that_ran(played: Any) -> None:
    path, execution = played("fix_tests")
    conn = sqlite3.connect(path)
    tasks = reads.tasks(conn, execution)
    started = {row.node_id: row.frame_index for row in reads.events(conn, execution) if row.type == "task.started"}
    assert len(tasks) > 3
    for task in tasks:
        told = ask(path, execution, task.node_id)
        run = next(run for run in told.ran if (run.node_id, run.mounted_frame) == (task.node_id, task.mounted_frame))
        assert run.frame == started[task.node_id]
        assert run.ended_frame == task.handled_frame
        changes = [change for link in run.because for change in link.changes]
        if run.frame == 0:
            assert run.because[-1].kind == "start"
            continue
        assert changes, (task.node_id, run)
        for change in changes:
            assert change.key
            assert change.old != change.new
            assert change.frame is not None
            assert change.frame < run.frame or change.key.startswith("$loop/")
        named = [change for change in changes if change.node_id and change.handler]
        assert named, (task.node_id, changes)
    conn.close()


@pytest.mark.requirement("O-3")
def test_the_chain_of_a_task_leads_to_the_start(played: Any) -> None:
    """From writer to writer, each answer lies before the one it explains."""
    path, execution = played("fix_tests")
    conn = sqlite3.connect(path)
    last = reads.tasks(conn, execution)[-1].node_id
    at, seen = last, []
    while at not in seen:
        seen.append(at)
        told = ask(path, execution, at)
        run = [one for one in told.ran if one.node_id == at][-1]
        writers = [change.node_id for link in run.because for change in link.changes if change.node_id != at]
        if run.because[-1].kind == "start":
            break
        at = next(one for one in reversed(writers) if one)
    assert len(seen) > 2
    assert ask(path, execution, seen[-1]).ran[0].because[-1].kind == "start"
    conn.close()


def test_json_round_trips(played: Any) -> None:
    path, execution = played("hello")
    conn = sqlite3.connect(path)
    told = ask(path, execution, reads.nodes(conn, execution)[-1].node_id)
    assert Why.model_validate(json.loads(told.model_dump_json())) == told
    conn.close()
