"""What people are told who write a plan wrongly: every program of `programs/` with the message beside it (A-4, E-4)."""

import re
from pathlib import Path

import pytest
from wrong_programs import expected, programs, what_it_says

# Nothing of the user's is wrong at one line: there is no component, or there are too many.
NO_LINE = {"entry_missing", "entry_of_several", "entry_that_is_a_function"}


@pytest.mark.requirement("A-4", "E-4", "A-8", "F-2", "S-1", "Z-2", "Z-9", "Z-12", "Z-13", "Z-15")
@pytest.mark.parametrize("program", programs(), ids=lambda program: program.stem)
def test_says_what_is_wrong(program: Path, tmp_path: Path) -> None:
    assert what_it_says(program, tmp_path) == expected(program).read_text(encoding="utf-8")


def test_there_are_enough_of_them_and_each_has_its_message() -> None:
    assert len(programs()) >= 60
    assert {path.stem for path in expected(programs()[0]).parent.glob("*.txt")} == {path.stem for path in programs()}


@pytest.mark.requirement("A-4", "E-4")
@pytest.mark.parametrize("program", programs(), ids=lambda program: program.stem)
def test_the_message_teaches(program: Path) -> None:
    """One paragraph each: the code, what is wrong, the place in the plan and the line, what to do."""
    code, *messages = expected(program).read_text(encoding="utf-8").splitlines()
    assert messages
    assert code in {"exit 1", "exit 2", "exit 4"}
    lines = len(program.read_text(encoding="utf-8").splitlines())
    for message in messages:
        found = re.fullmatch(
            r"error E\d{3}: (.+?) \((?:at (.+?), )?in <script>(?::(\d+))?(?:, [^()]+)?\)\. (.+[.?!])",
            message,
        )
        assert found, message
        what, node, line, hint = found.groups()
        assert what[-1] not in ".:,"
        assert hint[0].isupper() or hint[0] == "`"
        if code != "exit 2":
            assert node, "no place in the plan"
        if program.stem.partition("_")[2] not in NO_LINE:
            assert line, "no line"
            assert 1 <= int(line) <= lines
