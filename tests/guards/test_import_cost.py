"""What an import loads. What it costs is measured by `benchmarks/import_cost.py`: a time is no assertion."""

import json
import subprocess
import sys

import pytest

HEAVY = (
    "pydantic_ai",
    "mcp",
    "textual",
    "typer",
    "rich",
    "aiosqlite",
    "sqlite3",
    "anthropic",
    "openai",
    "httpx",
    "httpx2",
)
REPORT = "; import json, sys; print(json.dumps(sorted(m for m in sys.modules)))"


def loaded_by(statement: str) -> set[str]:
    """The modules in memory after a fresh interpreter ran a statement."""
    done = subprocess.run(
        [sys.executable, "-c", statement + REPORT], capture_output=True, text=True, timeout=60, check=True
    )
    return set(json.loads(done.stdout))


@pytest.mark.requirement("A-5")
@pytest.mark.parametrize(
    "statement", ["import smithers_py", "from smithers_py import Claude", "from smithers_py import *"]
)
def test_a_plan_script_loads_nothing_big(statement: str) -> None:
    assert loaded_by(statement).intersection(HEAVY) == set()


@pytest.mark.requirement("A-5")
def test_naming_nodes_loads_no_pydantic_until_the_first_one_is_made() -> None:
    pydantic = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions"}
    assert loaded_by("from smithers_py import Claude").isdisjoint(pydantic | {"dataclasses", "inspect", "pathlib"})
    assert loaded_by("from smithers_py import Claude, Phase, plan").isdisjoint(pydantic)
    assert loaded_by("from smithers_py import Claude; Claude(prompt='x')") >= pydantic


def test_the_leaves_load_alone() -> None:
    assert not any(
        name.startswith(("smithers_py", "smithers_persistence")) for name in loaded_by("import smithers_reactive")
    )
    assert not any(
        name.startswith(("smithers_py", "smithers_reactive")) for name in loaded_by("import smithers_persistence")
    )
