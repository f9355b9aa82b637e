"""Loads `queries/*.sql` once: blocks that begin with `-- name: the_name`. No SQL lives in Python files."""

from __future__ import annotations

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def _load() -> dict[str, str]:
    found: dict[str, str] = {}
    for resource in sorted(files("smithers_persistence").joinpath("queries").iterdir(), key=lambda entry: entry.name):
        if not resource.name.endswith(".sql"):
            continue
        parts = _NAME.split(resource.read_text(encoding="utf-8"))
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            if name in found:
                raise ValueError(f"the query {name} is defined twice")
            # The name stays in the text, so that SQLite's trace says which query ran.
            found[name] = f"-- {name}\n{text.strip().rstrip(';')}"
    return found


Q: dict[str, str] = _load()
