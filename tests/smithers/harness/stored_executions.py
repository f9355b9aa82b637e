"""Executions written as the engine writes them."""

import json

from smithers_persistence import ExecutionStore
from smithers_persistence.rows import (
    AgentRow,
    EndExecution,
    EventRow,
    FinishedTask,
    FrameFlush,
    FrameOpening,
    FrameWrite,
    InstanceRow,
    KvWrite,
    NewExecution,
    StreamRow,
    TaskClaim,
    TaskRow,
    TransitionRow,
)

T0 = 1_790_000_000_000
"""When the executions begin, ms since the epoch."""

PHASE, TASK = "1123456789abcdef", "w"
MOUNT = [
    ["+", "0123456789abcdef", None, None, "App", None, {}],
    ["+", PHASE, "0123456789abcdef", None, "Phase", "build", {}],
    ["+", TASK, PHASE, None, "Command", None, {"argv": ["make", "all"]}],
]


def change(key, old, new, at, **more):
    """A transition and its state row."""
    row = TransitionRow(key, old, new, T0 + at, deleted=new is None, **more)
    return row, KvWrite(key, new, T0 + at)


def flush(*changes, **more):
    rows = [row for row, _ in changes]
    return FrameFlush(
        rows,
        [kv for _, kv in changes],
        b"s" * 16,
        phase_ms={"render": 1.5, "flush": 0.5},
        keys_written=[row.key for row in rows],
        **more,
    )


async def finished_execution(db, execution_id="aaa1111111", at=0, owner_ident=None, error=None):
    """Three frames: mounted and started, finished and handled, ended."""
    store = await ExecutionStore.create(
        db,
        NewExecution(
            execution_id,
            T0 + at,
            "owner-1",
            name="demo",
            tags=("nightly", "x"),
            script="plan.py",
            input_json='{"seed":7}',
            owner_ident=owner_ident,
            lease_expires_at=T0 + at + 30_000,
            initial=flush(change("n", None, "0", 0, trigger="cli")),
            events=[EventRow("execution.started", T0, '{"message":"began"}')],
        ),
    )
    opening = FrameOpening(
        json.dumps(MOUNT).encode(),
        b"p" * 16,
        mounted=3,
        scopes=1,
        keys_read=["n"],
        instances=[
            InstanceRow("0123456789abcdef", None, "App", status="running"),
            InstanceRow(PHASE, "0123456789abcdef", "Phase", "build", "running", "plan.py:4"),
            InstanceRow(TASK, PHASE, "Command", None, "scheduled", "plan.py:5"),
        ],
        new_tasks=[TaskRow(TASK, 0, "Command", T0 + 1)],
        claims=[TaskClaim(TASK, 0, 1, T0 + 2)],
    )
    await store.commit(
        FrameWrite(0, T0 + 1, "start", ["start"], opening, flush(change("$node/w", None, '"running"', 3)))
    )
    await store.stream([StreamRow(TASK, 0, 1, "stdout", '{"line":"compiling"}', T0 + 5)])
    await store.stream([StreamRow(TASK, 0, 1, "stderr", '{"line":"warning: old"}', T0 + 9)])
    await store.log([EventRow("task.note", T0 + 7, None, TASK, "engine", "debug")])
    await store.finish(
        FinishedTask(
            TASK,
            0,
            1,
            "failed" if error else "succeeded",
            T0 + 102,
            result_json=None if error else '{"exit_code":0}',
            error_json=error,
            agent=AgentRow("run-1", "test", "succeeded", usage_json='{"input_tokens":5}', output_text="done"),
        )
    )
    await store.commit(
        FrameWrite(
            1,
            T0 + 103,
            "task",
            ["task:w"],
            FrameOpening(None, b"p" * 16, scopes=0),
            flush(
                change("n", "0", "1", 104, trigger="done", node_id=TASK, handler="on_finished"),
                change("phase", None, '"built"', 104, node_id=TASK, handler="on_finished"),
                statuses=[(TASK, 0, "failed" if error else "succeeded"), (PHASE, 0, "succeeded")],
                handled=[(TASK, 0, "failed" if error else "succeeded")],
                events=[EventRow("task.ended", T0 + 104, None, TASK, "engine", "error" if error else "debug")],
            ),
        )
    )
    await store.commit(
        FrameWrite(
            2,
            T0 + 105,
            "flush",
            ["flush:n"],
            FrameOpening(None, b"p" * 16),
            flush(change("phase", '"built"', None, 106)),
        )
    )
    await store.end(
        EndExecution("failed" if error else "completed", 1 if error else 0, T0 + 1_000, summary_json='{"ok":true}')
    )
    await store.release()
    return store
