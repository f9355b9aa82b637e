"""What `smithers_py.testing` gives users to kill their own plans (docs/guide/testing.md runs the rest)."""

from pathlib import Path

import pytest

from smithers_persistence import crash
from smithers_py.errors import UsageError
from smithers_py.testing import crash_at, crash_points, kill_and_resume

GATE = """
from smithers_py import Human, Phase, Task, plan

@plan
def App(ctx):
    with Phase("one"):
        Task(lambda: 1, id="work").on_finished(lambda r: ctx.state.increment("worked", r.output))
        Human("ship", "Ship it?").on_approve(lambda r: ctx.state.set("shipped", True))
        Task(lambda: 2, id="last").on_finished(lambda r: ctx.state.increment("worked", r.output))
"""


def script(folder: Path, text: str) -> Path:
    path = folder / "plan.py"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.requirement("T-5", "P-2")
def test_a_plan_that_asks_is_approved_before_and_after_the_kill(tmp_path: Path) -> None:
    plan = script(tmp_path, GATE)
    for number, point in enumerate([("approval.asked.after", 1), ("handler.after", 3)]):
        after = kill_and_resume(plan, point, db_path=tmp_path / f"{number}.sqlite")
        assert (after.killed, after.status, after.state) == (True, "completed", {"worked": 3, "shipped": True})


def test_a_point_that_is_not_reached_is_told(tmp_path: Path) -> None:
    after = kill_and_resume(script(tmp_path, GATE), ("handler.after", 9), db_path=tmp_path / "db.sqlite")
    assert (after.killed, after.status) == (False, "completed")


@pytest.mark.requirement("E-4")
def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no script"):
        kill_and_resume(tmp_path / "none.py", ("task.end", 1), db_path=tmp_path / "db.sqlite")
    with pytest.raises(UsageError, match="exit code 2") as raised:
        crash_points(script(tmp_path, "import nothing_of_this_name\n"))
    assert "nothing_of_this_name" in (raised.value.hint or "")


def test_the_log_lists_every_passing(tmp_path: Path) -> None:
    log = tmp_path / "points"
    hook = crash.hook_from({crash.LOG: str(log)} | crash_at("b", 2))
    assert hook is not None
    for name in ("a", "b", "a"):
        hook(name)
    assert log.read_text().split() == ["a", "b", "a"]
    assert crash.hook_from({}) is None
    with pytest.raises(ValueError, match="invalid literal"):
        crash.hook_from({crash.AT: "a:many"})
