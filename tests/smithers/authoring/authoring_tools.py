"""Names that the tests of authoring share."""

from collections.abc import Callable
from pathlib import Path

Smithers = Callable[..., tuple[int, str, str]]
"""Runs the command line: (exit code, stdout, stderr)."""
Write = Callable[..., Path]
"""Writes a script: (text, name)."""
