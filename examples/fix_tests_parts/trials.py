"""Tries edits in a scratch copy of a project: one worker process collects its tests once and runs them for each edit.

Run as a program, this file is the worker. It reads a list of test ids from each line of stdin and answers on stdout
with those that passed. (To start pytest for every edit would be simpler, and too slow for hundreds of them.)
"""

import contextlib
import faulthandler
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import IO, Self

import pytest


class Trials:
    """A scratch copy of a project and the worker in it; a context manager.

    `seconds`: how long one trial may take; an edit can make a loop endless.
    """

    def __init__(self, project: Path, seconds: float = 5) -> None:
        self._project = project
        self._seconds = seconds
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="trials-"))
        self._scratch = Path(folder) / "project"
        shutil.copytree(self._project, self._scratch, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        self._start()
        self._stack.callback(self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def passing(self, file: str, text: str, tests: list[str]) -> set[str]:
        """The ids of those `tests` (empty: all) that pass when `file` holds `text`. The copy is put back afterwards."""
        target = self._scratch / file
        before = target.read_text(encoding="utf-8")
        target.write_text(text, encoding="utf-8")
        try:
            answer = self._ask(tests)
        finally:
            target.write_text(before, encoding="utf-8")
        if answer:
            return set(json.loads(answer))
        self._stop()  # it took too long, or the edit ended the process
        self._start()
        return set()

    def _ask(self, tests: list[str]) -> str:
        """The worker's answer, empty when it has ended."""
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._worker.stdin.write(json.dumps(tests) + "\n")
            self._worker.stdin.flush()
        return self._worker.stdout.readline()

    def _start(self) -> None:
        self._worker = subprocess.Popen(
            [sys.executable, __file__, str(self._seconds)],
            cwd=self._scratch,
            # Without bytecode files: an edit within the same second as the one before must not find its stale cache.
            env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        # It collects the tests of the project as it is: wait for that before the first edit is written.
        assert self._worker.stdout is not None
        self._worker.stdout.readline()

    def _stop(self) -> None:
        self._worker.kill()
        self._worker.communicate()


class _Worker:
    """A pytest plugin: in place of running the collected tests once, runs those that each request asks for."""

    def __init__(self, requests: IO[str], answers: IO[str], seconds: float) -> None:
        self._seconds = seconds
        self._requests = requests
        self._answers = answers
        self._passed: list[str] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        self._answer([])
        for line in self._requests:
            faulthandler.dump_traceback_later(self._seconds, exit=True)
            self._passed = []
            asked = json.loads(line) or items
            if _reload({test.partition("::")[0] for test in asked}):
                for test in asked:
                    if test in items:
                        session.config.hook.pytest_runtest_protocol(item=items[test], nextitem=None)
            faulthandler.cancel_dump_traceback_later()
            self._answer(self._passed)
        return True

    def _answer(self, passed: list[str]) -> None:
        self._answers.write(json.dumps(passed) + "\n")
        self._answers.flush()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self._passed.append(report.nodeid)


def _reload(files: set[str]) -> bool:
    """Load the project and these test files again, as they are now. False when one cannot be imported.

    The test modules are loaded into themselves: the collected tests look names up there, so they call the new code.
    """
    tests: list[ModuleType] = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is None or not Path(file).is_relative_to(Path.cwd()):
            continue
        place = Path(file).relative_to(Path.cwd())
        if place.parts[0] != "tests":
            del sys.modules[name]
        elif place.as_posix() in files or name == "conftest":
            tests.append(module)
    importlib.invalidate_caches()
    try:
        for module in tests:
            importlib.reload(module)
    except Exception:  # noqa: BLE001 - whatever the edited module raised, no test can run
        return False
    return True


if __name__ == "__main__":
    # What pytest prints must not get among the answers.
    with os.fdopen(os.dup(1), "w") as channel, Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        # `-s`: with its capturing on, pytest takes stdin away.
        worker = _Worker(sys.stdin, channel, float(sys.argv[1]))
        pytest.main(["-qs", "--assert=plain", "-p", "no:cacheprovider"], plugins=[worker])
