"""An agent with tools repairs a project until its tests pass.

smithers run examples/fix_tests_agent.py                             # with ANTHROPIC_API_KEY set
smithers run examples/fix_tests_agent.py --input '{"seed": 3, "faults": 2}'

Without a key, against a provider on loopback whose answers follow from what the agent's tools give:

python -m smithers_py.loopback --brain examples/fix_tests_brain.py -- smithers run examples/fix_tests_agent.py

The project of `fix_tests_project/` is copied to `invoices-<execution id>/` and broken there. The agent reads and edits
it freely; before it runs a command, it asks: on the terminal, or with `smithers approve` from another one.
"""

import sys

from fix_tests_parts.faults import FAULTS, prepare
from pydantic import BaseModel, Field

from smithers_py import Claude, Command, End, Phase, Task, plan

QUIET = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

PROMPT = """\
The tests of the project in the folder `{folder}` fail. Run them with `{command}`, read the code, and repair it with as
few edits as you can, until they pass. The tests themselves are right: do not change them."""


class Input(BaseModel):
    seed: int = 1
    faults: int = Field(default=2, ge=1, le=len(FAULTS))


class Repair(BaseModel):
    """What was done about the failing tests."""

    fixed: bool
    changes: list[str] = Field(description="one line for each edit: the file, what was there, what is there now")
    problem: str = Field(description="what is still wrong; empty when all tests pass")


@plan(input=Input)
def fix_tests(ctx):
    given = ctx.input
    folder = f"invoices-{ctx.execution_id}"
    pytest = f"{sys.executable} -B -m pytest -v --tb=short -p no:cacheprovider {folder}"

    def repaired(r):
        ctx.state.set("repair", r.structured.model_dump())
        ctx.state.set("used", {**r.usage, "cost_usd": r.cost})

    with Phase("break"):
        Task(lambda: prepare(ctx.fs.root / folder, given.seed, given.faults), id="prepare")

    with Phase("repair"):
        Claude(
            id="repairer",
            model="sonnet",
            tools=["files", "shell"],
            schema=Repair,
            prompt=PROMPT.format(folder=folder, command=pytest),
        ).on_finished(repaired)

    # An agent's word is not a proof.
    with Phase("check"):
        Command(pytest.split(), id="check", env=QUIET, check=False).on_finished(
            lambda r: ctx.state.set("green", r.exit_code == 0)
        )

    with Phase("report"):
        green = ctx.state.get("green")
        summary = {"green": green, "folder": folder, **ctx.state.get("repair", {}), "used": ctx.state.get("used")}
        End(exit_code=0 if green else 1, summary=summary)
