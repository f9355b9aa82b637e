"""What the tests of `.px` get: files in a folder of the test's own, and the command line in this process."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Write = Callable[..., Path]
Smithers = Callable[..., tuple[int, str, str]]


@pytest.fixture
def script(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a file into the workspace; modules that loading it adds are taken back."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def write(text: str, name: str = "plan.px") -> Path:
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text(text, encoding="utf-8")
        return workspace / name

    yield write
    for name in set(sys.modules) - before:
        if str(workspace) in str(getattr(sys.modules[name], "__file__", "")):
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
