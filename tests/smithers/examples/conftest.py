"""The examples run through the public command in a process of their own, as their users run them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
SMITHERS = Path(sys.executable).parent / "smithers"
SECONDS = 180

Smithers = Callable[..., Any]


@pytest.fixture(scope="session")
def smithers() -> Smithers:
    """`smithers(workspace, *arguments)`: what the command printed with --json, or `as_json=False` its text."""

    def run(workspace: Path, *arguments: str | Path, as_json: bool = True) -> Any:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("SMITHERS", "PYTEST"))}
        done = subprocess.run(
            [SMITHERS, *arguments, *(["--json"] if as_json else [])],
            cwd=workspace,
            env=env,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return json.loads(done.stdout) if as_json else done.stdout

    return run


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of the examples."""
    return EXAMPLES
