"""A pytest plugin: writes which requirement ids each collected test quotes to the file named by REQUIREMENT_REPORT."""

import json
import os
from pathlib import Path

import pytest


def pytest_collection_finish(session: pytest.Session) -> None:
    found: dict[str, list[str]] = {}
    for item in session.items:
        if item.get_closest_marker("skip"):  # also what pytest makes of an empty parameter list
            continue
        for mark in item.iter_markers("requirement"):
            for name in mark.args:
                found.setdefault(str(name), []).append(item.nodeid)
    Path(os.environ["REQUIREMENT_REPORT"]).write_text(json.dumps(found), encoding="utf-8")
