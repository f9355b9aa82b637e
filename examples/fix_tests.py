"""A loop that repairs a project until its tests pass.

smithers run examples/fix_tests.py
smithers run examples/fix_tests.py --input '{"seed": 3, "faults": 4}'

The project of `fix_tests_project/` is copied to `.smithers/work/<execution id>/` and broken there: the seed chooses
the faults. Each iteration of the loop runs pytest and, while it fails, lets a repairer that sees only pytest's output
and the project's files repair one fault. Put an agent with tools in the repairer's place and the plan stays the same.
"""

import sys

from fix_tests_parts.faults import FAULTS, prepare
from fix_tests_parts.pytest_output import read_output
from fix_tests_parts.repairer import repair
from pydantic import BaseModel, Field

from smithers_py import Claude, Command, End, If, Phase, Ralph, Stop, Task, plan

PYTEST = [sys.executable, "-B", "-m", "pytest", "-v", "--tb=short", "-p", "no:cacheprovider"]
# Plugins that happen to be installed are none of the project's business, and take seconds to load.
QUIET = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


class Input(BaseModel):
    seed: int = 1
    faults: int = Field(default=3, ge=1, le=len(FAULTS))
    model: str = "test"


@plan(input=Input)
def fix_tests(ctx):
    given = ctx.input
    work = ctx.fs.root / ".smithers" / "work" / ctx.execution_id

    def tested(r):
        outcome = read_output(r.stdout)
        counts = {"passed": len(outcome.passed), "failed": len(outcome.failed)}
        ctx.state.set("green", outcome.green, trigger="pytest.finished")
        ctx.state.append("runs", counts, trigger="pytest.finished")

    def repaired(r):
        ctx.state.append("repairs", r.output, trigger="repair.finished")

    def is_red():
        return ctx.state.get("green") is False

    def repair_one_fault():
        return repair(work, ctx.node("pytest").output)

    with Phase("prepare"):
        Task(lambda: prepare(work, given.seed, given.faults), id="break").on_finished(
            lambda r: ctx.state.set("faults", r.output, trigger="break.finished")
        )

    with Phase("repair"), Ralph("fix", condition=lambda: not ctx.state.get("green"), max_iterations=2 * given.faults):
        Command(PYTEST, id="pytest", cwd=work, env=QUIET, check=False).on_finished(tested)
        with If(is_red):
            Task(repair_one_fault, id="repair").on_finished(repaired)

    with Phase("report"):
        repairs = ctx.state.get("repairs", [])
        with If(is_red):
            Stop("the tests still fail")
        Claude(id="changelog", model=given.model, prompt=changelog_prompt(repairs)).on_finished(
            lambda r: ctx.state.set("changelog", r.output, trigger="claude.finished")
        )
        End(summary=summary(ctx, work, repairs))


def changelog_prompt(repairs):
    changes = "\n".join(f"{one['file']}:{one['line']}: {one['before']}  ->  {one['after']}" for one in repairs)
    return f"Write a changelog entry, one line for each of these repairs:\n{changes}"


def summary(ctx, work, repairs):
    return {
        "iterations": len(ctx.state.get("runs", [])),
        "repaired": [f"{one['file']}:{one['line']} {one['after']}" for one in repairs],
        "tests": ctx.state.get("runs", [{}])[-1],
        "changelog": ctx.state.get("changelog"),
        "folder": str(work.relative_to(ctx.fs.root)),
    }
