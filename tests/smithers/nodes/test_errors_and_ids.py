import hashlib
import subprocess
import sys

import pytest

from smithers_py import errors
from smithers_py.clock import SystemClock
from smithers_py.errors import (
    AgentError,
    CommandFailed,
    ComponentError,
    ExecutionNotFoundError,
    HandlerError,
    PlanError,
    ReservedKeyError,
    SmithersError,
    StateValueError,
    TaskFailed,
    TaskTimeout,
    Where,
)
from smithers_py.ids import new_execution_id, node_id
from smithers_py.where import did_you_mean, user_location

CLASSES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, SmithersError)]


@pytest.mark.requirement("E-4")
def test_every_error_has_a_code_of_its_own_and_stands_in_the_drawn_tree():
    public = [cls for cls in CLASSES if not cls.__name__.startswith("_") and cls is not SmithersError]
    codes = [cls.code for cls in public]
    assert len(set(codes)) == len(codes)
    drawn = dict(
        line.replace("│", "").replace("├──", "").replace("└──", "").split()[:2]
        for line in errors.__doc__.splitlines()
        if "──" in line
    )
    assert drawn == {cls.__name__: cls.code for cls in public}


@pytest.mark.requirement("E-4")
def test_an_error_says_what_where_and_what_next_in_one_paragraph():
    error = PlanError("it is wrong", hint="Mend it.", where=Where(node="App", file="p.py", line=3))
    assert str(error) == "it is wrong (at App, in p.py:3). Mend it."
    error.locate(execution_id="e1", frame=4, node="Other", file="q.py", line=9)
    assert error.where == Where("e1", 4, "App", "p.py", 3), "what is known is kept"
    assert error.render() == "error E100: it is wrong (at App, in p.py:3, frame 4, execution e1). Mend it."
    assert error.to_json() == {
        "type": "PlanError",
        "code": "E100",
        "message": "it is wrong",
        "hint": "Mend it.",
        "where": {"execution_id": "e1", "frame": 4, "node": "App", "file": "p.py", "line": 3},
    }
    assert str(SmithersError("plain")) == "plain."
    assert str(PlanError("file only", where=Where(file="p.py"))) == "file only (in p.py)."


@pytest.mark.requirement("E-4")
def test_wrapping_errors_point_at_the_users_line():
    def broken():
        return int("x")

    for cls in (ComponentError, TaskFailed, HandlerError):
        with pytest.raises(ValueError) as caught:
            broken()
        error = cls("component App", caught.value)
        assert error.error is caught.value
        assert error.where.file == __file__
        assert error.where.line == broken.__code__.co_firstlineno + 1
        assert "component App raised ValueError: invalid literal" in str(error)
    assert "raised KeyboardInterrupt (" not in str(TaskFailed("it", KeyboardInterrupt()))
    assert TaskFailed("it", KeyboardInterrupt()).message == "it raised KeyboardInterrupt"


def test_the_users_line_is_the_innermost_one_outside_libraries():
    def calls_library():
        subprocess.run([sys.executable, 3], check=True)

    with pytest.raises(TypeError) as caught:
        calls_library()
    assert user_location(caught.value) == (__file__, calls_library.__code__.co_firstlineno + 1)
    assert user_location(ValueError("never raised")) is None


@pytest.mark.requirement("E-4")
def test_errors_carry_their_fields():
    failed = CommandFailed(3, "out\n", "first\nlast line\n\n", command="make")
    assert (failed.exit_code, failed.stdout, failed.stderr) == (3, "out\n", "first\nlast line\n\n")
    assert "command 'make' ended with exit code 3; its last line was 'last line'" in str(failed)
    assert "exit code 1." in str(CommandFailed(1))
    agent = AgentError("too many requests", retryable=True, retry_after=2.5)
    assert (agent.retryable, agent.retry_after) == (True, 2.5)
    value = StateValueError("k", "set", path="a[0]", detail="sets have no order")
    assert "state key 'k' cannot hold a set at a[0]: sets have no order" in str(value)
    assert (value.key, value.type, value.path) == ("k", "set", "a[0]")
    assert "within 1.5 s" in str(TaskTimeout(1.5))
    assert "'$x' is reserved" in str(ReservedKeyError("$x"))
    missing = ExecutionNotFoundError("ab", ["abc", "abd"])
    assert "Did you mean abc or abd?" in str(missing)
    assert "`smithers list`" in str(ExecutionNotFoundError("zz"))


def test_did_you_mean_gives_the_nearest_else_all():
    assert did_you_mean("nmae", ["name", "key"]) == "Did you mean 'name'?"
    assert did_you_mean("zzz", ["b", "a"], label="Props") == "Props: a, b."
    assert did_you_mean("zzz", []) == ""
    assert did_you_mean("zzz", map(str, range(100))).endswith(", ….")


@pytest.mark.requirement("F-4")
def test_node_ids_are_the_first_16_hex_of_the_hash_of_the_path():
    assert node_id(None, "k:a", "Phase") == hashlib.sha256(b"root/k:a:Phase").hexdigest()[:16]
    parent = node_id(None, "k:a", "Phase")
    assert node_id(parent, "i:1", "Step") == hashlib.sha256(f"{parent}/i:1:Step".encode()).hexdigest()[:16]


def test_execution_ids_sort_by_time_and_are_short():
    now = SystemClock().now_ms()
    ids = [new_execution_id(now + 64 * n) for n in range(500)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 500
    assert {len(one) for one in ids} == {10}
    assert new_execution_id(0) < ids[0] < new_execution_id(now + 60 * 365 * 86_400_000)
    assert len({new_execution_id(now) for _ in range(20)}) > 1


def test_the_system_clock_counts_integer_milliseconds():
    clock = SystemClock()
    assert isinstance(clock.now_ms(), int)
    assert clock.now_ms() > 1_700_000_000_000
    first = clock.monotonic_ms()
    assert isinstance(first, int)
    assert clock.monotonic_ms() >= first
