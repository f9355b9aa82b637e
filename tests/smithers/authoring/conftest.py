"""What the tests of authoring get: scripts in a folder of the test's own, and the command line in this process."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from authoring_tools import Smithers, Write


@pytest.fixture
def script(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a script into the workspace; modules and paths that loading it adds are taken back."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def write(text: str, name: str = "a_script.py") -> Path:
        (workspace / name).write_text(text, encoding="utf-8")
        return workspace / name

    yield write
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__smithers_script__", False):
            del sys.modules[name]


@pytest.fixture
def smithers(workspace: Path, capfd: pytest.CaptureFixture[str]) -> Smithers:
    """Run the command line: (exit code, stdout, stderr)."""
    from smithers_py.cli.main import main

    def run(*arguments: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(one) for one in arguments])
        captured = capfd.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def as_json(smithers: Smithers) -> Callable[..., Any]:
    """Run a command that must succeed with `--json`, and read what it prints."""

    def run(*arguments: Any) -> Any:
        code, out, err = smithers(*arguments, "--json")
        assert code == 0, out + err
        return json.loads(out.splitlines()[-1])

    return run
