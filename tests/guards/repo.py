"""Where things lie in this repository, for the guards."""

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Folder of each workspace member and the package in it. `mcp/`, `tui/` and `desktop/` join with their issues.
MEMBERS = {"reactive": "smithers_reactive", "persistence": "smithers_persistence", "smithers": "smithers_py"}
BIN = Path(sys.executable).parent


def package(member: str) -> Path:
    """The import package of a workspace member."""
    return ROOT / member / MEMBERS[member]


def python_files(*folders: str) -> Iterator[Path]:
    """Every Python file below the folders of the repository, in a stable order, caches apart."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts):
                yield path


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def tool_environment() -> dict[str, str]:
    """The environment of a newcomer's shell inside the project: its tools on PATH, no setting of ours."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SMITHERS")}
    return env | {"PATH": f"{BIN}{os.pathsep}{env.get('PATH', os.defpath)}", "NO_COLOR": "1", "COLUMNS": "120"}
