"""SMITHERS_TRACE: each frame of a run is told, of a resume only its own (O-6)."""

import re

import pytest

PLAN = """
from smithers_py import *

@plan
def App(ctx):
    if ctx.state.get("n", 0) < 1:
        Task(lambda: None, id="count").on_finished(lambda r: ctx.state.increment("n"))
    else:
        Human("ship", "Ship it?")
"""


def frames(err):
    return {int(found[1]): found[2] for found in re.finditer(r"^trace frame (\d+) \| (.*)$", err, re.MULTILINE)}


@pytest.mark.requirement("O-6")
def test_a_run_and_its_resume_tell_their_own_frames(smithers, script, monkeypatch):
    script(PLAN)
    assert frames(smithers("run", "plan.py", "--no-wait")[2]) == {}
    monkeypatch.setenv("SMITHERS_TRACE", "1")
    code, out, err = smithers("run", "plan.py", "--no-wait")
    assert code == 3
    assert "trace" not in out
    told = frames(err)
    assert list(told) == list(range(len(told)))
    assert told[0].startswith("by start | ran the entry | plan +1 -0 ~0 | wrote $node/count | ")
    assert told[1].startswith("by task:count | wrote $node/count, n | ")
    assert told[2].startswith("by flush:n | ran the entry (n) | plan +1 -1 ~0 | wrote $node/ship | ")
    assert re.search(r"\d+\.\d ms \(.*commit \d+\.\d", told[1])
    assert smithers("approve", "2")[0] == 0
    code, _, err = smithers("resume")
    assert code == 0
    assert min(frames(err)) == len(told)
