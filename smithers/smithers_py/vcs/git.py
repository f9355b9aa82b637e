"""The one place that runs git: argument lists, no shell, a time limit, an environment of our own.

Hooks and the file system monitor are turned off. Agents may write what they start, and an engine that runs them on its
own account would do for an agent what nobody allowed it.
"""

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from smithers_persistence.crash import crash_point
from smithers_py.errors import NoRepositoryError, VcsError

TIME_LIMIT = 300.0
"""Seconds of one call: to check out a large repository takes a while."""
_SETTINGS = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.auto=0", "core.quotePath=false")
_OPTIONS = ("--no-pager", *(word for setting in _SETTINGS for word in ("-c", setting)))
_SHOWN = 600


@dataclass(frozen=True, slots=True)
class Done:
    """What a call came to; texts keep bytes that are not UTF-8 as the file system's encoding does."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Git:
    """git in `folder`, with variables of `env` added (GIT_INDEX_FILE for one)."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def out(self, *words: str, given: str = "") -> str:
        """What the call prints, without the last line's end.

        Raises:
            VcsError: git is not installed, refuses, or takes too long.
        """
        done = self.try_(*words, given=given)
        if done.code:
            raise failure(words, done)
        return done.out.removesuffix("\n")

    def succeeds(self, *words: str) -> bool:
        """Whether the call exits with 0: for questions. Raises VcsError as `try_`."""
        return self.try_(*words).code == 0

    def try_(self, *words: str, given: str = "") -> Done:
        """Run `git WORDS` whatever its exit code; `given` is its standard input.

        Raises:
            NoRepositoryError: git is not installed, or the folder is gone.
            VcsError: it takes longer than TIME_LIMIT.
        """
        if not self.folder.is_dir():
            raise NoRepositoryError(f"there is no folder {str(self.folder)!r}", hint="Make it again, or resume.")
        try:
            process = subprocess.Popen(  # noqa: S603 - a list of words, no shell
                ["git", *_OPTIONS, *words],  # noqa: S607 - the one that the user has on PATH
                cwd=self.folder,
                env=_environment() | self.env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise NoRepositoryError("git is not installed, or not on PATH", hint="Install git.") from error
        crash_point("child.spawned")
        with process:
            try:
                out, err = process.communicate(os.fsencode(given), TIME_LIMIT)
            except subprocess.TimeoutExpired as error:
                _kill(process)
                raise VcsError(f"git {words[0]} took longer than {TIME_LIMIT:.0f} s") from error
            except BaseException:
                _kill(process)
                raise
        crash_point("child.ended")
        return Done(process.returncode, os.fsdecode(out), os.fsdecode(err))


def failure(words: tuple[str, ...], done: Done) -> VcsError:
    """The error of a call that git refused, in git's own words: they say what to type."""
    said = " ".join((done.err or done.out).split())[-_SHOWN:]
    return VcsError(f"git {words[0]} exited with {done.code}: {said or 'it said nothing'}")


def _kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment() -> dict[str, str]:
    """Ours without what would lead git elsewhere, in English, asking nobody."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true"}
