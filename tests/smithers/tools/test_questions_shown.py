"""What a person sees of a tool's question: all of what a yes would do, nothing of it hidden."""

from typing import Any

import pytest

from smithers_py.cli.question import question_lines
from smithers_py.harness.models import ApprovalView


def shown(**payload: Any) -> list[str]:
    view = ApprovalView.model_construct(title="Run: x", payload=payload, fields=[])
    return question_lines(view)[1:]


@pytest.mark.requirement("P-1", "Z-27")
def test_a_command_is_shown_to_its_end_with_what_it_may_do() -> None:
    long = f"ls {'a' * 5_000}; rm -rf x"
    assert shown(command=f"{long}\nmore", note="A command runs with all of your rights.") == [
        f"$ {long}",
        "> more",
        "note: A command runs with all of your rights.",
    ]


@pytest.mark.requirement("P-1")
@pytest.mark.parametrize("hiding", ["\x1b]0; rm -rf x\x07", "\x1b[8m; rm -rf x", "\r; rm -rf x", "\u202e; rm -rf x"])
def test_nothing_is_hidden_by_control_characters(hiding: str) -> None:
    for lines in (shown(command=f"ls {hiding}"), shown(diff=f"+ls {hiding}")):
        assert "; rm -rf x" in lines[0]
        assert lines[0].isprintable()
