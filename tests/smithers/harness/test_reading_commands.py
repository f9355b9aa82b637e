"""The reading commands, on databases written by the store: their JSON shapes are stable (Z-22)."""

import json

import pytest
from stored_executions import PHASE, T0, TASK, finished_execution

from smithers_persistence import ExecutionStore
from smithers_persistence.rows import (
    EndExecution,
    EventRow,
    FrameFlush,
    FrameOpening,
    FrameWrite,
    KvWrite,
    NewExecution,
    StreamRow,
    TransitionRow,
)

BROKEN = json.dumps(
    {"type": "CommandFailed", "message": "make broke", "hint": "Mend it.", "where": {"file": "plan.py", "line": 5}}
)


@pytest.fixture
def one(write):
    write(finished_execution)
    return "aaa1111111"


@pytest.mark.requirement("C-2", "Z-22", "O-2")
def test_inspect_shape(one, smithers_json):
    told = smithers_json("inspect", one)
    assert set(told) == {"execution", "run_state", "nodes", "tasks", "agents", "tool_calls", "approvals"}
    assert {
        "execution_id": one,
        "name": "demo",
        "status": "completed",
        "exit_code": 0,
        "frames": 3,
        "duration_ms": 1_000,
        "tags": ["nightly", "x"],
        "input": {"seed": 7},
        "summary": {"ok": True},
        "started_at": T0,
    }.items() <= told["execution"].items()
    assert told["run_state"]["state"] == "completed"
    assert [node["node_id"] for node in told["nodes"]] == ["0123456789abcdef", PHASE, TASK]
    assert told["nodes"][1] == {
        "execution_id": one,
        "node_id": PHASE,
        "parent_id": "0123456789abcdef",
        "type": "Phase",
        "name": "build",
        "status": "succeeded",
        "mounted_frame": 0,
        "unmounted_frame": None,
        "source": "plan.py:4",
    }
    (task,) = told["tasks"]
    assert {
        "task_id": f"{one}/w/1",
        "status": "succeeded",
        "result": {"exit_code": 0},
        "error": None,
        "duration_ms": 100,
    }.items() <= task.items()
    (agent,) = told["agents"]
    assert {"model": "test", "usage": {"input_tokens": 5}, "output_text": "done"}.items() <= agent.items()
    assert told["approvals"] == []


@pytest.mark.requirement("C-2", "S-5", "Z-1")
def test_state_is_the_fold_of_its_transitions(one, smithers_json):
    assert smithers_json("db", "state", one) == {"n": 1}
    assert smithers_json("db", "state", one, "--all") == {"$node/w": "running", "n": 1}
    assert smithers_json("db", "state", one, "--frame", "0") == {"n": 0}
    assert smithers_json("db", "state", one, "--frame", "2") == {"n": 1, "phase": "built"}
    assert smithers_json("db", "state", one, "--key", "$node/w") == {"$node/w": "running"}
    folded = {}
    for row in smithers_json("db", "transitions", one, "--all"):
        assert folded.get(row["key"]) == row["old"]
        folded[row["key"]] = row["new"]
        if row["deleted"]:
            del folded[row["key"]]
    assert folded == smithers_json("db", "state", one, "--all")


@pytest.mark.requirement("C-2", "S-5", "Z-1")
def test_transitions_shape(one, smithers_json):
    rows = smithers_json("db", "transitions", one)
    assert [(row["frame"], row["key"], row["old"], row["new"], row["deleted"]) for row in rows] == [
        (-1, "n", None, 0, False),
        (1, "n", 0, 1, False),
        (1, "phase", None, "built", False),
        (2, "phase", "built", None, True),
    ]
    assert {"trigger": "done", "node_id": TASK, "handler": "on_finished", "timestamp": T0 + 104}.items() <= rows[
        1
    ].items()
    assert all(row["execution_id"] == one for row in rows)
    assert len(smithers_json("db", "transitions", one, "--all")) == 5
    assert [row["id"] for row in smithers_json("db", "transitions", one, "--frame", "1", "--key", "n")] == [
        rows[1]["id"]
    ]


@pytest.mark.requirement("C-2", "F-7", "Z-22")
def test_frames_shape(one, smithers_json):
    rows = smithers_json("db", "frames", one)
    assert [row["frame"] for row in rows] == [0, 1, 2]
    assert {
        "reason": "start",
        "mounted": 3,
        "unmounted": 0,
        "updated": 0,
        "scopes": 1,
        "keys_read": ["n"],
    }.items() <= rows[0].items()
    assert rows[1]["triggers"] == ["task:w"]
    assert rows[1]["keys_written"] == ["n", "phase"]
    assert rows[1]["phase_ms"]["render"] == 1.5
    assert all(row["execution_id"] == one and isinstance(row["bytes"], int) for row in rows)
    frame = smithers_json("db", "frames", one, "--frame", "1")
    assert frame["state"] == {"n": 0}
    assert [(node["node_id"], node["parent_id"], node["type"]) for node in frame["plan"]] == [
        ("0123456789abcdef", None, "App"),
        (PHASE, "0123456789abcdef", "Phase"),
        (TASK, PHASE, "Command"),
    ]
    assert frame["plan"][2]["props"] == {"argv": ["make", "all"]}
    assert set(rows[1]) < set(frame)


@pytest.mark.requirement("O-1")
def test_logs_are_events_and_output_in_order_of_time(one, smithers):
    code, out, _ = smithers("logs", one, "--json", "--level", "debug")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(line["type"], line["timestamp"] - T0) for line in lines] == [
        ("execution.started", 0),
        ("stdout", 5),
        ("task.note", 7),
        ("stderr", 9),
        ("task.ended", 104),
    ]
    assert lines[1]["payload"] == {"line": "compiling"}
    assert all(line["execution_id"] == one for line in lines)
    _, out, _ = smithers("logs", one)
    assert [line.split(" ", 1)[1] for line in out.splitlines()] == [
        "info    execution.started  began",
        "stdout  Command w | compiling",
        "stderr  Command w | warning: old",
    ]
    # An execution that is over ends the following too.
    _, followed, err = smithers("logs", one, "-f")
    assert followed == out
    assert "completed" in err


@pytest.mark.requirement("C-2", "C-3", "Z-22")
def test_list_is_ascending_filtered_and_limited(write, smithers, smithers_json):
    async def several(db):
        await finished_execution(db, "bbb2222222", 2_000)
        await finished_execution(db, "aaa1111111", 1_000, error=BROKEN)
        await ExecutionStore.create(db, NewExecution("aab3333333", T0 + 3_000, "owner-2", name="live"))

    write(several)
    rows = smithers_json("list")
    assert [(row["execution_id"], row["status"]) for row in rows] == [
        ("aaa1111111", "failed"),
        ("bbb2222222", "completed"),
        ("aab3333333", "running"),
    ]
    assert [row["execution_id"] for row in smithers_json("list", "--limit", "2")] == ["bbb2222222", "aab3333333"]
    assert [row["execution_id"] for row in smithers_json("ps", "--status", "failed")] == ["aaa1111111"]
    _, out, _ = smithers("list")
    assert out.splitlines()[0].split() == ["id", "status", "started", "took", "frames", "name"]
    assert len(out.splitlines()) == 4
    assert smithers_json("inspect")["execution"]["execution_id"] == "aab3333333"
    assert smithers_json("inspect", "latest")["execution"]["frames"] == 0
    assert smithers_json("inspect", "b")["execution"]["execution_id"] == "bbb2222222"
    assert smithers_json("inspect", "aaa")["execution"]["status"] == "failed"


@pytest.mark.requirement("C-2", "C-4", "E-4")
def test_an_unknown_or_ambiguous_id_is_exit_2_with_suggestions(write, smithers):
    async def two(db):
        await finished_execution(db, "aaa1111111")
        await finished_execution(db, "aaa2222222", 10)

    write(two)
    code, out, err = smithers("inspect", "aaa1111112")
    assert (code, out) == (2, "")
    assert "aaa1111111" in err
    code, _, err = smithers("db", "state", "aaa")
    assert code == 2
    assert "aaa1111111, aaa2222222" in err
    assert smithers("logs", "")[0] == 2
    code, _, err = smithers("db", "frames", "aaa1", "--frame", "3")
    assert code == 2
    assert "frames 0 to 2" in err


@pytest.mark.requirement("E-4", "Z-7")
def test_inspect_for_people_shows_tree_and_errors_with_their_line(write, smithers):
    write(lambda db: finished_execution(db, error=BROKEN))
    code, out, _ = smithers("inspect")
    assert code == 0
    lines = out.splitlines()
    assert "failed  demo aaa1111111: 1 task failed" in lines[0]
    assert any("Phase build  succeeded" in line for line in lines)
    assert any(line.startswith("      ") and "Command w  failed  0.1s" in line for line in lines)
    assert any("make broke (plan.py:5). Mend it." in line for line in lines)


@pytest.mark.requirement("C-3")
def test_human_forms_of_db(one, smithers):
    assert smithers("db", "state", one)[1] == "n = 1\n"
    _, out, _ = smithers("db", "transitions", one)
    assert "(deleted)" in out
    _, out, _ = smithers("db", "frames", one)
    assert [line.split()[0] for line in out.splitlines()] == ["frame", "0", "1", "2"]
    _, out, _ = smithers("db", "frames", one, "--frame", "1")
    assert "Command w" in out
    assert "  n = 0" in out


@pytest.mark.requirement("O-1")
def test_long_logs_come_in_pages_and_stay_in_order(write, smithers):
    async def long(db):
        store = await ExecutionStore.create(db, NewExecution("long111111", T0, "owner-1"))
        await store.stream([StreamRow("w", 0, 1, "stdout", f'{{"line":"{n}"}}', T0 + 2 * n) for n in range(2_500)])
        await store.log([EventRow("tick", T0 + 2 * n + 1) for n in range(1_700)])
        await store.end(EndExecution("completed", 0, T0 + 9_999))

    write(long)
    _, out, _ = smithers("logs", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) == 4_200
    times = [line["timestamp"] for line in lines]
    assert times == sorted(times)


@pytest.mark.requirement("S-7", "C-2")
def test_a_change_of_a_value_too_large_to_show_tells_what_was_done(write, smithers, smithers_json):
    big = json.dumps(["x" * 1_000] * 100)

    async def grow(db):
        store = await ExecutionStore.create(db, NewExecution("grow111111", T0, "owner-1"))
        row = TransitionRow("log", None, big, T0)
        first = FrameFlush([row], [KvWrite("log", big, T0, keyframe=True)], b"s" * 16, keys_written=["log"])
        await store.commit(FrameWrite(0, T0, "start", [], FrameOpening(None, b"p" * 16), first))
        row = TransitionRow("log", None, None, T0, delta_json='{"append":["y"]}')
        await store.commit(
            FrameWrite(1, T0, "task", [], FrameOpening(None, b"p" * 16), FrameFlush([row], [], b"s" * 16))
        )

    write(grow)
    row = smithers_json("db", "transitions", "--frame", "1")[0]
    assert (row["old"], row["new"], row["delta"], row["deleted"]) == (None, None, {"append": ["y"]}, False)
    assert '{"append":["y"]}' in smithers("db", "transitions")[1]
    assert smithers_json("db", "state")["log"][-2:] == ["x" * 1_000, "y"]
