"""Files of a workspace, and no others (G-5, Z-27).

A path is walked one name at a time from an open folder, without following links: each name is looked at and opened
relative to the folder before it, and a link is resolved here, by the same walk. So what was checked is what is opened,
and a link swapped in between only makes the call fail. (pydantic-ai-harness checks a path and then opens it by name,
which by its own account leaves that race; hence this.)

Stands on the standard library alone: the search process imports it.
"""

import os
import stat
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Literal

PRIVATE = ".smithers"
ACTING = ".git"
"""What is written there runs later, as hooks and settings of git do: written only when a person agrees."""
FILE_LIMIT = 50_000_000
"""Bytes of the largest file that is read."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAX_LINKS = 40
_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)

Identity = tuple[int, int]
Missing = Literal["refuse", "make", "assume"]


class Refused(Exception):  # noqa: N818 - an answer to the model, not a failure
    """A call that may not be done; the text is for the model and for the record."""


@dataclass(frozen=True, slots=True)
class Place:
    """A name in an open folder of the workspace; valid within `Workspace.place`."""

    folder: int
    """The open folder's descriptor."""
    name: str
    """"." for the workspace itself."""
    path: str
    """Relative to the workspace, every link resolved."""
    protected: bool
    """Whether writing needs a person's yes."""
    info: os.stat_result | None
    """None: there is nothing of that name."""


class Workspace:
    """Opens paths below `root`; `forbidden` and `protected` are files and folders anywhere.

    Raises Refused from every method: the path leads out, is forbidden, or is not what the method works on.
    """

    def __init__(self, root: Path, forbidden: Iterable[Path] = (), protected: Iterable[Path] = ()) -> None:
        self.root = Path(os.path.realpath(root))
        self._written = {os.fspath(root), os.fspath(Path.cwd() / root), os.fspath(self.root)}
        self._forbidden = tuple(forbidden)
        self._protected = tuple(Path(os.path.realpath(path)) for path in protected)
        self._guarded: tuple[set[Identity], set[Identity]] = set(), set()

    @contextmanager
    def place(self, path: str, *, missing: Missing = "refuse", approved: bool = False) -> Generator[Place]:
        """Walk to `path`, relative or absolute; its last name need not exist. Of a folder above it that does not,
        `missing` says whether it is refused, made, or imagined (then only the place's `path` and `protected` count).
        """
        self._guarded = _identities(self._forbidden), _identities(self._protected)
        walk = _Walk(self, missing, approved=approved)
        try:
            yield walk.to(self._relative(path))
        except OSError as error:
            raise Refused(f"{path!r}: {error.strerror}") from error
        finally:
            walk.close()

    @contextmanager
    def open(self, path: str) -> Generator[tuple[int, Place]]:
        """Open a regular file for reading; a descriptor of it."""
        with self.place(path) as place:
            descriptor = self.open_at(place.folder, place.name, path)
            try:
                yield descriptor, place
            finally:
                os.close(descriptor)

    def open_at(self, folder: int, name: str, shown: str) -> int:
        """Open the regular file `name` of an open folder; the caller closes it."""
        # Looked at first: to open some devices is to act on them.
        self._check_file(os.stat(name, dir_fd=folder, follow_symlinks=False), shown)
        descriptor = os.open(name, _FILE, dir_fd=folder)
        try:
            self._check_file(os.fstat(descriptor), shown)
        except Refused:
            os.close(descriptor)
            raise
        return descriptor

    def read(self, path: str) -> bytes:
        """The whole of a file of at most FILE_LIMIT bytes."""
        with self.open(path) as (descriptor, _):
            return read_all(descriptor)

    def write(self, path: str, data: bytes, *, expect: str | None = None, approved: bool = False) -> str:
        """Put a file in place in one step, with the folders above it; returns its path with every link resolved.

        `expect` is the path that was agreed to, with links resolved: another one now is refused. `approved`: a person
        agreed to write a protected file.
        """
        with self.place(path, missing="make", approved=approved) as place:
            if expect is not None and place.path != expect:
                raise Refused(f"{path!r} led to {expect!r} when it was agreed to, and leads to {place.path!r} now")
            if place.protected and not approved:
                raise Refused(f"{path!r} is written only when a person agrees: it decides what runs later")
            mode = 0o666
            if place.info is not None:
                self._check_file(place.info, path, limit=False)
                mode = stat.S_IMODE(place.info.st_mode)
            self._replace(place, data, mode, new=place.info is None)
            return place.path

    def _replace(self, place: Place, data: bytes, mode: int, *, new: bool) -> None:
        # A new file and a rename: links to the old content, and readers of it, keep it.
        temporary = f".{place.name[:100]}.{token_hex(4)}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, mode, dir_fd=place.folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                if not new:  # the umask took bits away that the old file has
                    os.fchmod(file.fileno(), mode)
                file.write(data)
            os.rename(temporary, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=place.folder)
            raise

    def check_file(self, place: Place, shown: str, *, reads: bool) -> None:
        """Raise Refused unless the place is a regular file, of readable size if `reads`, or nothing yet."""
        if place.info is not None:
            self._check_file(place.info, shown, limit=reads)

    def refuse_if_forbidden(self, name: str, info: os.stat_result | None, path: str) -> None:
        """Raise Refused when this is, or lies in, what no tool may touch."""
        if name.casefold() == PRIVATE or (info is not None and _identity(info) in self._guarded[0]):
            raise Refused(f"{path!r} belongs to Smithers itself, and no tool may read or write it")

    def is_protected(self, path: str, info: os.stat_result | None) -> bool:
        """Whether this is one of the protected files and folders; `path` is relative, links resolved."""
        if path.rpartition("/")[2].casefold() == ACTING:
            return True
        if info is None:  # one that does not exist yet is known by its name alone
            return self.root / path in self._protected
        return _identity(info) in self._guarded[1]

    def _relative(self, path: str) -> str:
        if "\0" in path:
            raise Refused("a path cannot contain a NUL character")
        if not path.startswith("/"):
            return path
        for root in self._written:
            if path == root or path.startswith(root.rstrip("/") + "/"):
                return path[len(root) :].lstrip("/")
        raise Refused(f"{path!r} is outside the workspace; paths are relative to it")

    def _check_file(self, info: os.stat_result, shown: str, *, limit: bool = True) -> None:
        self.refuse_if_forbidden("", info, shown)
        for is_kind, what in _KINDS:
            if is_kind(info.st_mode):
                raise Refused(f"{shown!r} is {what}, not a file")
        if not stat.S_ISREG(info.st_mode):
            raise Refused(f"{shown!r} is a link that appeared meanwhile")
        if limit and info.st_size > FILE_LIMIT:
            raise Refused(f"{shown!r} has {info.st_size:,} bytes; files of more than {FILE_LIMIT:,} are not read")


class _Walk:
    """One walk: the folders that are open, from the workspace down, and the names that led there."""

    def __init__(self, workspace: Workspace, missing: Missing, *, approved: bool) -> None:
        self._workspace = workspace
        self._missing = missing
        self._approved = approved
        self._folders = [os.open(workspace.root, _FOLDER)]
        self._names: list[str] = []
        self._protected = [workspace.is_protected("", os.fstat(self._folders[0]))]
        self._links = 0

    def to(self, path: str) -> Place:
        pending = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        while pending:
            name = pending.pop()
            if name == "..":
                self._up(path)
                continue
            info = self._look(name)
            shown = "/".join([*self._names, name])
            self._workspace.refuse_if_forbidden(name, info, shown)
            if info is not None and stat.S_ISLNK(info.st_mode):
                pending += self._target(name, shown)
            elif not pending:
                inside = self._protected[-1] or self._workspace.is_protected(shown, info)
                return Place(self._folders[-1], name, shown, inside, info)
            elif info is None and self._missing == "assume":
                return self._assumed(shown, pending)
            else:
                self._down(name, info, shown)
        here = "/".join(self._names) or "."
        return Place(self._folders[-1], ".", here, self._protected[-1], os.fstat(self._folders[-1]))

    def close(self) -> None:
        for folder in self._folders:
            os.close(folder)

    def _look(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self._folders[-1], follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _up(self, path: str) -> None:
        if not self._names:
            raise Refused(f"{path!r} is outside the workspace; paths are relative to it")
        os.close(self._folders.pop())
        self._names.pop()
        self._protected.pop()

    def _down(self, name: str, info: os.stat_result | None, shown: str) -> None:
        if info is None:
            if self._missing != "make":
                raise Refused(f"there is no {shown!r}")
            if not self._approved and (self._protected[-1] or self._workspace.is_protected(shown, None)):
                raise Refused(f"{shown!r} is written only when a person agrees: it decides what runs later")
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=self._folders[-1])
        elif not stat.S_ISDIR(info.st_mode):
            raise Refused(f"{shown!r} is not a folder")
        self._folders.append(os.open(name, _FOLDER, dir_fd=self._folders[-1]))
        self._names.append(name)
        opened = os.fstat(self._folders[-1])
        self._protected.append(self._protected[-1] or self._workspace.is_protected(shown, opened))
        self._workspace.refuse_if_forbidden(name, opened, shown)

    def _target(self, name: str, shown: str) -> list[str]:
        self._links += 1
        if self._links > _MAX_LINKS:
            raise Refused(f"{shown!r} leads through too many links")
        target = os.readlink(name, dir_fd=self._folders[-1])
        if target.startswith("/"):
            root = os.fspath(self._workspace.root).rstrip("/")
            if target != root and not target.startswith(root + "/"):
                raise Refused(f"{shown!r} is a link to {target!r}, outside the workspace")
            target = target[len(root) :]
            while self._names:
                self._up(shown)
        return [part for part in reversed(target.split("/")) if part not in ("", ".")]

    def _assumed(self, shown: str, pending: list[str]) -> Place:
        """A path through folders that are yet to be made: nothing can lead elsewhere from there."""
        names = [*reversed(pending)]
        path = "/".join([shown, *names])
        if ".." in names:
            raise Refused(f"{path!r} leads through a folder that does not exist")
        protected = self._protected[-1]
        for at, name in enumerate(path.split("/")):
            self._workspace.refuse_if_forbidden(name, None, path)
            protected = protected or self._workspace.is_protected("/".join(path.split("/")[: at + 1]), None)
        return Place(-1, names[-1], path, protected, None)


def read_all(descriptor: int) -> bytes:
    """What an open file holds, up to FILE_LIMIT bytes: it may have grown since it was looked at."""
    chunks: list[bytes] = []
    room = FILE_LIMIT
    while room > 0 and (chunk := os.read(descriptor, min(room, 1 << 20))):
        chunks.append(chunk)
        room -= len(chunk)
    return b"".join(chunks)


def _identity(info: os.stat_result) -> Identity:
    return info.st_dev, info.st_ino


def _identities(paths: Iterable[Path]) -> set[Identity]:
    """By device and inode: another spelling, a link or a second name of a file is still that file."""
    found: set[Identity] = set()
    for path in paths:
        with suppress(OSError):
            found.add(_identity(path.stat()))
    return found
