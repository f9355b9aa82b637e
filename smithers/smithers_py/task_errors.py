"""What can go wrong with the work of a runnable: the E500s of errors.py (E-1, E-4)."""

import shlex
from typing import Unpack

from smithers_py.error_base import Located, SmithersError, _WrappingError


class TaskError(SmithersError, code="E500"):
    """The work of a runnable node failed."""


class CommandFailed(TaskError, code="E501"):  # noqa: N818 - the name users catch
    """A program ended with a non-zero exit code (Z-10); carries everything it printed."""

    default_hint = "Pass check=False to get the exit code in on_finished instead."

    def __init__(
        self, exit_code: int, stdout: str = "", stderr: str = "", *, command: str = "", **located: Unpack[Located]
    ) -> None:
        last = next((line for line in reversed((stderr or stdout).splitlines()) if line.strip()), "")
        tail = f"; its last line was {last.strip()[:200]!r}" if last else ""
        named = f"command {command!r}" if command else "the command"
        super().__init__(f"{named} ended with exit code {exit_code}{tail}", **located)
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr


class TaskTimeout(TaskError, code="E502"):  # noqa: N818 - the name users catch
    """A task ran longer than its `timeout` (seconds)."""

    default_hint = "Raise timeout= or make the work smaller."

    def __init__(self, seconds: float, *, what: str = "the task", **located: Unpack[Located]) -> None:
        super().__init__(f"{what} did not end within {seconds:g} s", **located)
        self.seconds = seconds


class TaskFailed(_WrappingError, TaskError, code="E503"):  # noqa: N818 - the name users catch
    """The user's function raised; `error` is its exception."""

    default_hint = "Mend the function, or say what happens then: on_error=..., retries=..."


class AgentError(TaskError, code="E504"):
    """A model call failed. `retryable` as E-1 says; `retry_after` is in seconds, when the provider gave one."""

    def __init__(
        self, message: str, *, retryable: bool = False, retry_after: float | None = None, **located: Unpack[Located]
    ) -> None:
        super().__init__(message, **located)
        self.retryable = retryable
        self.retry_after = retry_after


class ModelUnavailableError(TaskError, code="E505"):
    """The model cannot be used here: unknown name, or its API key is not set."""


class BudgetExceeded(TaskError, code="E506"):  # noqa: N818 - the name users catch
    """A budget is spent (G-6): of the whole execution, which then stops, or of one agent, which then fails.

    `limit` is the option that was reached (max_cost, max_tokens, max_tool_calls, max_agents, max_seconds), `spent` and
    `allowed` are in its unit: US dollars, pieces or seconds.
    """

    def __init__(
        self, limit: str, spent: float, allowed: float, *, whole: bool, message: str, **located: Unpack[Located]
    ) -> None:
        super().__init__(message, **located)
        self.limit = limit
        self.spent = spent
        self.allowed = allowed
        self.whole = whole
        """The execution's budget, not only one agent's."""


class Rejected(TaskError, code="E507"):  # noqa: N818 - the name users catch
    """A person said no to what a Human node asked, and it has no on_reject (N-7)."""

    default_hint = "Give the node on_reject=lambda r: ... to go on; r.comment says why."

    def __init__(
        self, what: str, *, by: str | None = None, comment: str | None = None, **located: Unpack[Located]
    ) -> None:
        who = f" by {by}" if by else ""
        why = f": {comment}" if comment else ""
        super().__init__(f"{what} was rejected{who}{why}", **located)
        self.by = by
        self.comment = comment


class TaskCrashed(TaskError, code="E508"):  # noqa: N818 - the name users catch
    """The attempt died with its engine, too often or in a way that forbids another (Z-7, Z-10)."""

    default_hint = "Look what it does to the process that runs it; `smithers resume` after that tries it again."

    def __init__(self, crashes: int, forbidden: bool = False, **located: Unpack[Located]) -> None:
        times = "once" if crashes == 1 else f"{crashes} times"
        why = ', and on_orphan="fail" forbids another try' if forbidden else ", which is as often as it is tried"
        super().__init__(f"its engine died while it ran, {times}{why}", **located)
        self.crashes = crashes


class VcsError(TaskError, code="E509"):
    """Git refused what a Worktree, a snapshot, a commit or a rollback needs (N-9, V-1)."""


class NoRepositoryError(VcsError, code="E510"):
    """There is no git, or no repository where one is needed."""

    default_hint = "Make one: git init && git add -A && git commit -m first"


class BranchInUseError(VcsError, code="E511"):
    """Another working tree has the branch of a Worktree checked out."""

    def __init__(self, branch: str, path: str, **located: Unpack[Located]) -> None:
        if located.get("hint") is None:
            located["hint"] = f"Choose another branch, or let go of it there: git worktree remove {shlex.quote(path)}"
        super().__init__(f"the branch {branch} is checked out in {path}", **located)
