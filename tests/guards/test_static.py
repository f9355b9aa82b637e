"""The static tools find nothing. They run as tests, so that one command is the whole check."""

import subprocess

import pytest
from repo import BIN, ROOT, tool_environment

TOOLS = {
    "ruff check": ("ruff", "check", "."),
    "ruff format": ("ruff", "format", "--check", "."),
    "pyright": ("pyright",),
    "import-linter": ("lint-imports", "--no-logo", "--no-cache"),
}


@pytest.mark.parametrize("name", TOOLS)
def test_finds_nothing(name: str) -> None:
    program, *arguments = TOOLS[name]
    done = subprocess.run(
        [BIN / program, *arguments],
        cwd=ROOT,
        env=tool_environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{name}:\n{done.stdout[-6000:]}{done.stderr[-2000:]}", pytrace=False)
