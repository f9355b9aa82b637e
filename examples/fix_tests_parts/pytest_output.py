"""Reads what `pytest -v --tb=short` printed: outcomes, the lines tracebacks went through, numbers it expected."""

import re
from dataclasses import dataclass, field

_OUTCOME = re.compile(r"^(\S+::\S+) (PASSED|FAILED|ERROR)\b", re.MULTILINE)
_BROKEN_FILE = re.compile(r"^ERROR (\S+\.py)(?: - .*)?$", re.MULTILINE)
_FRAME = re.compile(r"^(\S+\.py):(\d+): in ", re.MULTILINE)
_ASSERTED = re.compile(r"^E\s+(?:AssertionError: )?assert (.*)$", re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")


@dataclass(frozen=True)
class Outcome:
    """One run of pytest: test ids by outcome; (file, line) of every traceback entry; numbers in the failed asserts."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    frames: list[tuple[str, int]] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)

    @property
    def green(self) -> bool:
        """Something ran, and all of it passed."""
        return bool(self.passed) and not self.failed


def read_output(output: str) -> Outcome:
    """What a run of pytest told."""
    outcomes = dict(_OUTCOME.findall(output))
    failed = [test for test, word in outcomes.items() if word != "PASSED"]
    failed += [file for file in dict.fromkeys(_BROKEN_FILE.findall(output)) if "::" not in file]
    asserted = " ".join(_ASSERTED.findall(output))
    return Outcome(
        passed=[test for test, word in outcomes.items() if word == "PASSED"],
        failed=failed,
        frames=[(file, int(line)) for file, line in _FRAME.findall(output)],
        numbers=list(dict.fromkeys(_NUMBER.findall(asserted))),
    )
