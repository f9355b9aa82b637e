"""The package's README says what is so."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "reactive/README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.requirement("R-1", "R-6")
@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_examples_run(number: int) -> None:
    exec(compile(BLOCKS[number], f"{README.name} block {number}", "exec"), {})


def test_there_are_examples() -> None:
    assert len(BLOCKS) >= 3
