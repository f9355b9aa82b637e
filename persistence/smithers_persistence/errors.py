"""The errors of the store. Each carries its fields and reads as one plain sentence (spec E-4)."""

# ruff: noqa: N818  these names say what happened; the engine and the contract use them

from __future__ import annotations

from pathlib import Path

from smithers_persistence.owner import owner_of


class PersistenceError(Exception):
    """Root of everything this package raises on purpose."""


class StoreFailed(PersistenceError):
    """The database cannot be written any more (disk full, I/O error, corruption, read-only): fail-stop."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"the database {path} can no longer be used: {reason}; nothing was written since")
        self.path = path
        self.reason = reason


class DatabaseGone(StoreFailed):
    """The file was deleted or replaced while it was open; what was written into it since is lost."""


class DatabaseCorrupt(PersistenceError):
    """The file is not a sound SQLite database."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is not a sound database: {reason}")
        self.path = path
        self.reason = reason


class DatabaseTooNew(PersistenceError):
    """The file was written by a newer release."""

    def __init__(self, path: Path, found: int, supported: int) -> None:
        super().__init__(
            f"{path} has schema version {found}, this release knows versions up to {supported}: use a newer smithers-py"
        )
        self.path = path
        self.found = found
        self.supported = supported


class DatabasePathError(PersistenceError):
    """No database can be opened or made at this path."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"cannot open the database {path}: {reason}")
        self.path = path
        self.reason = reason


class DatabaseBusy(PersistenceError):
    """Another process held the write lock for longer than the busy timeout; the write may be repeated."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"the database {path} is held by another process")
        self.path = path


class LostLease(PersistenceError):
    """The execution, or one of its tasks, no longer belongs to this owner and epoch: nothing was written.

    `by`: who took the execution over, in words; None when nobody did (it was released, or a task is lost).
    """

    def __init__(
        self, execution_id: str, owner: str, epoch: int, task: str | None = None, by: str | None = None
    ) -> None:
        what = f"task {task} of execution {execution_id}" if task else f"execution {execution_id}"
        told = f"; it is held by {by}" if by else ""
        super().__init__(f"{what} no longer belongs to {owner} (epoch {epoch}){told}")
        self.execution_id = execution_id
        self.owner = owner
        self.epoch = epoch
        self.task = task
        self.by = by


class HeldByAnother(PersistenceError):
    """The execution has an owner that lives, or may live, or it changed hands since the claimant looked.

    `owner` None: it was just released, and may be claimed after another look. `since` is ms since the epoch.
    """

    def __init__(self, execution_id: str, owner: str | None, owner_ident: str | None) -> None:
        who = owner_of(owner_ident)
        told = f"is held by {who}" if owner else "has just been released"
        super().__init__(f"execution {execution_id} {told}")
        self.execution_id = execution_id
        self.owner = owner
        self.owner_ident = owner_ident
        self.holder = who
        self.since = who.since


class UnknownExecution(PersistenceError):
    """No execution has this id."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(f"there is no execution {execution_id!r}")
        self.execution_id = execution_id


class FrameOrderError(PersistenceError):
    """A frame was written out of order: frames follow one another, and only the head frame can be flushed."""

    def __init__(self, execution_id: str, frame_index: int, head: int) -> None:
        super().__init__(f"frame {frame_index} of execution {execution_id} cannot be written: its head is frame {head}")
        self.execution_id = execution_id
        self.frame_index = frame_index
        self.head = head


class DeltaError(PersistenceError):
    """A stored delta does not fit what it is applied to."""
