"""nodes.md is what the docstrings say, every node is on it, and its examples run."""

import asyncio
import importlib.util
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

from smithers_py import nodes
from smithers_py.dsl.script import load_script
from smithers_py.nodes import BaseNode, Runnable
from smithers_py.testing import run_plan

GUIDE = Path(__file__).parents[3] / "docs" / "guide"
NOBODY = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
HEAD = """from smithers_py import *

def work():
    return 3

@plan
def App(ctx):
"""


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("nodes_page", GUIDE / "nodes_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE = _load()


def test_the_page_is_what_the_docstrings_say():
    assert (GUIDE / "nodes.md").read_text(encoding="utf-8") == PAGE.page(), (
        "python docs/guide/nodes_page.py > docs/guide/nodes.md"
    )


def test_every_node_is_on_the_page():
    assert {cls.type_name for cls in PAGE.node_types()} == set(nodes.__all__) - {
        BaseNode.__name__,
        Runnable.__name__,
        "NodeKind",
    }


@pytest.mark.requirement("N-1", "N-2", "N-3", "N-4", "N-5", "N-6", "N-7", "N-8", "N-9", "N-10")
@pytest.mark.parametrize("node_type", PAGE.node_types(), ids=lambda node_type: node_type.type_name)
def test_the_example_of_a_node_runs(node_type: Any, tmp_path: Path):
    _, example = PAGE.description(node_type)
    assert f"{node_type.type_name}(" in example
    for words in (["init", "-q"], [*NOBODY, "commit", "-q", "--allow-empty", "-m", "first"]):  # for Worktree
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    script = tmp_path / "example.py"
    script.write_text(HEAD + textwrap.indent(example, "    ") + "\n", encoding="utf-8")
    result = asyncio.run(run_plan(load_script(script).component, db_path=tmp_path / "db.sqlite"))
    ended = {"Stop": "stopped", "Human": "waiting"}.get(node_type.type_name, "completed")
    assert (result.status, result.errors) == (ended, [])
