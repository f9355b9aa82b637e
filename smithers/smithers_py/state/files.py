"""`ctx.fs`: files of the workspace, recorded and reactive (S-2, Z-1).

A read in render subscribes the scope to that file and sees one version per path and frame: whatever is read first is
kept until `begin_frame`. `refresh` looks for what has changed on disk since and marks the readers. Reads elsewhere go
to the disk. Paths are relative to the workspace root; leaving it, through `..` or a symlink, is an error.
"""

import errno
import os
import secrets
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import get_ident
from typing import Any, NamedTuple

from smithers_py.errors import StateActionError
from smithers_py.state.activity import active
from smithers_reactive import Node, Runtime

_RACY_NS = 50_000_000
"""A file changed this shortly before it was sampled may change again within one tick of its time stamp."""

Signature = tuple[int, int, int, int]


class Version(NamedTuple):
    """What a look at the disk gave. The signature was taken before it, None when it proves nothing."""

    value: Any
    signature: Signature | None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One read or write: `path` relative to the root, `sha256` in hex (None: no such file), `size` in bytes."""

    path: str
    sha256: str | None
    size: int
    node_id: str | None
    op: str = "read"


@dataclass(slots=True)
class Watched:
    """A subscription: its node, how to look again, and what it last saw (of a file: the digest of its content)."""

    node: Node
    look: Callable[[], Any]
    seen: Any
    path: Path | None
    signature: Signature | None


class Files:
    """The files of one execution's workspace, behind `ctx.fs`.

    Key nodes are named `file:<path>`, `exists:<path>` and `glob:<pattern>`.
    """

    def __init__(self, rt: Runtime, root: Path) -> None:
        self._rt = rt
        self.root = root.resolve()
        self.folder_of: Callable[[Any], Path | None] = lambda _: None
        """The folder in which an activity's owner works, where that is not the root: the engine knows the worktrees."""
        self._versions: dict[str, Version] = {}
        self._watched: dict[str, Watched] = {}
        self._records: list[FileRecord] = []

    @property
    def folder(self) -> Path:
        """Where the code that runs now works: the root; in handlers and tasks within a Worktree, that."""
        activity = active("ctx.fs")
        return self.root if activity.kind == "render" else self.folder_of(activity.owner) or self.root

    def read(self, path: str | os.PathLike[str], encoding: str = "utf-8") -> str:
        """The text of a file.

        Raises:
            FileNotFoundError, IsADirectoryError: as `open`; in render the scope is subscribed all the same.
            UnicodeDecodeError: it is not text in this encoding.
            StateActionError: the path leads outside the workspace, or is a device, pipe or socket.
            ContextError: outside render, handler, effect and task.
        """
        return self.read_bytes(path).decode(encoding)

    def read_bytes(self, path: str | os.PathLike[str]) -> bytes:
        """The bytes of a file. Raises as `read`, but for the decoding."""
        node_id = active("ctx.fs.read").node_id
        full, name = self._locate(path)
        content: bytes | None = self._seen(f"file:{name}", lambda: _load(full), lambda: _digest(_load(full)), full)
        self._records.append(FileRecord(name, _digest(content), len(content or b""), node_id))
        if content is not None:
            return content
        if full.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)

    def exists(self, path: str | os.PathLike[str]) -> bool:
        """Whether there is a file or folder. Raises StateActionError and ContextError as `read`."""
        active("ctx.fs.exists")
        full, name = self._locate(path)
        return self._seen(f"exists:{name}", full.exists, full.exists)

    def glob(self, pattern: str) -> list[str]:
        """Files that match, relative to the root with forward slashes, sorted. Raises as `exists`."""
        active("ctx.fs.glob")
        if not pattern or Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            raise StateActionError(
                f"ctx.fs.glob takes a pattern inside the workspace, not {pattern!r}",
                hint="Use a relative pattern such as 'src/**/*.py'.",
            )

        root = self.folder

        def look() -> list[str]:
            return _matches(root, pattern)

        return list(self._seen(f"glob:{pattern}", look, look))

    def write(self, path: str | os.PathLike[str], content: str | bytes) -> None:
        """Write a file whole, folders included; readers see the old or the new content, never a part.

        It happens at once: files are not part of a handler's transaction.

        Raises:
            WriteInRenderError: in render. ContextError: outside, or after the handler or task was over.
            StateActionError: the path leads outside the workspace.
            OSError: the disk refuses.
        """
        activity = active("ctx.fs.write")
        activity.check_write("ctx.fs.write", state=False)
        activity.check_open()
        full, name = self._locate(path)
        data = content.encode() if isinstance(content, str) else content
        full.parent.mkdir(parents=True, exist_ok=True)
        temporary = full.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            with temporary.open("xb") as file:
                file.write(data)
            if full.exists():
                temporary.chmod(stat.S_IMODE(full.stat().st_mode))
            temporary.replace(full)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        self._records.append(FileRecord(name, _digest(data), len(data), activity.node_id, "write"))

    def begin_frame(self) -> None:
        """Forget the versions kept for the last frame."""
        self._versions.clear()

    def take_records(self) -> list[FileRecord]:
        """The reads and writes since the last call, in order."""
        taken, self._records = self._records, []
        return taken

    def refresh(self) -> list[str]:
        """Look at everything subscribed again, mark the readers of what changed, and drop what nobody reads any more.

        Returns the names (`file:…`, `exists:…`, `glob:…`) that changed, in the order of their first read. An unchanged
        file costs one stat. Call it on the runtime's thread, outside a render.
        """
        changed: list[str] = []
        if not self._watched:
            return changed
        with self._rt.batch():
            for name, watched in list(self._watched.items()):
                if not watched.node.observed:
                    watched.node.touch()
                    del self._watched[name]
                    continue
                signature = _signature(watched.path)
                if signature is not None and signature == watched.signature:
                    continue
                seen = watched.look()
                watched.signature = signature
                if seen != watched.seen:
                    watched.seen = seen
                    watched.node.touch()
                    changed.append(name)
        return changed

    def _seen(self, name: str, load: Callable[[], Any], look: Callable[[], Any], path: Path | None = None) -> Any:
        """What `load` gives; in a tracked render the frame's version of it, with the scope subscribed.

        `look` gives what tells two versions apart.
        """
        log = self._rt.log
        if log is None or get_ident() != self._rt.thread:
            return load()
        version = self._versions.get(name)
        if version is None:
            signature = _signature(path)
            version = self._versions[name] = Version(load(), signature)
        watched = self._watched.get(name)
        if watched is None:
            seen = version.value if path is None else _digest(version.value)
            watched = Watched(self._rt.key_node(name), look, seen, path, version.signature)
            self._watched[name] = watched
        log.append(watched.node)
        return version.value

    def _locate(self, path: str | os.PathLike[str]) -> tuple[Path, str]:
        """The real path and its name relative to the root."""
        root = self.folder
        full = (root / path).resolve()
        if not full.is_relative_to(root):
            raise StateActionError(
                f"the path {os.fspath(path)!r} leads outside the workspace {str(root)!r}",
                hint="ctx.fs reads and writes only inside the workspace; use a Command or Task for other files.",
            )
        return full, full.relative_to(root).as_posix()


def _matches(root: Path, pattern: str) -> list[str]:
    inside = (path for path in root.glob(pattern) if path.is_file())
    return sorted(path.relative_to(root).as_posix() for path in inside if path.resolve().is_relative_to(root))


def _load(path: Path) -> bytes | None:
    """The content of a regular file, None when there is none. A pipe or device would block the frame: refused."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(mode):
        return None
    raise StateActionError(f"the path {str(path)!r} is no regular file", hint="ctx.fs reads regular files only.")


def _digest(content: bytes | None) -> str | None:
    return None if content is None else sha256(content).hexdigest()


def _signature(path: Path | None) -> Signature | None:
    """What changes when the file does; None when there is no file, or it is so fresh that this proves nothing."""
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    if time.time_ns() - status.st_mtime_ns < _RACY_NS:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
