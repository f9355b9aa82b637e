"""Each contract of `.importlinter` is kept by an innocent tree and broken by the import it is there to find."""

import configparser
import os
import subprocess
from pathlib import Path

import pytest
from repo import BIN, ROOT, tool_environment

LEAVES = ("smithers_reactive", "smithers_persistence")
PARTS = (
    "cli",
    "harness",
    "engine",
    "agents",
    "workers",
    "logs",
    "vcs",
    "state",
    "dsl",
    "nodes",
    "errors",
    "ids",
    "clock",
)
FAULTS = {
    "layers": ("smithers_py/errors.py", "from smithers_py import engine"),
    "leaves": ("smithers_reactive/__init__.py", "import smithers_persistence"),
    "upward": ("smithers_persistence/__init__.py", "import smithers_py"),
    "light": ("smithers_py/nodes.py", "def late():\n    import pydantic_ai"),
    "surface": ("smithers_py/cli.py", "from smithers_persistence import reads"),
    "terminal": ("smithers_py/engine.py", "import rich.live"),
}


def contracts() -> dict[str, str]:
    """Id and name of each contract."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter", encoding="utf-8")
    sections = [name for name in config.sections() if name.count(":") == 2]
    return {section.rpartition(":")[2]: config[section]["name"] for section in sections}


def lint(folder: Path, contract: str) -> str:
    """What import-linter says of a tree of empty modules with the names of ours."""
    command = [
        BIN / "lint-imports",
        "--no-logo",
        "--no-cache",
        "--config",
        ROOT / ".importlinter",
        "--contract",
        contract,
    ]
    env = tool_environment() | {"PYTHONPATH": os.fspath(folder)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for package in (*LEAVES, "smithers_py"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "smithers_persistence" / "reads.py").touch()
    for part in PARTS:
        (tmp_path / "smithers_py" / f"{part}.py").touch()
    return tmp_path


def test_every_contract_has_its_fault() -> None:
    assert contracts().keys() == FAULTS.keys()


@pytest.mark.parametrize("contract", FAULTS)
def test_a_contract_finds_its_fault(contract: str, tree: Path) -> None:
    name = contracts()[contract]
    assert f"{name} KEPT" in lint(tree, contract)
    file, line = FAULTS[contract]
    (tree / file).write_text(f"{line}\n", encoding="utf-8")
    assert f"{name} BROKEN" in lint(tree, contract)
