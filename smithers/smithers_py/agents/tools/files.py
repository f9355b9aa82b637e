"""The built-in file tools: read, write, edit, glob, grep (G-5). Their docstrings are what the model is told."""

import asyncio
import difflib
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from smithers_persistence.crash import crash_point
from smithers_py.agents.tools.confine import Refused, Workspace
from smithers_py.agents.tools.grant import digest_of, granted
from smithers_py.workers.pool import DaemonPool

READ_LINES = 2_000
READ_CHARS = 60_000
_LINE_CHARS = 2_000
_SCAN_BYTES = 64 * 1024
SEARCH_SECONDS = 20.0
_GLOB_LIMIT = 1_000
_GREP_LIMIT = 300
_DIFF_LINES = 4_000
_DIFF_CHARS = 40_000


class FileTools:
    """The tools over one workspace. They raise Refused, which the policy's toolset tells the model."""

    def __init__(
        self,
        workspace: Workspace,
        forbidden: tuple[str, ...],
        pool: DaemonPool,
        readable: Callable[[str], bool],
    ) -> None:
        """`readable` is what the policy says about reading a path; grep leaves other files out."""
        self._workspace = workspace
        self._forbidden = forbidden
        self._pool = pool
        self._readable = readable

    async def read(self, path: str, offset: int = 1, limit: int = READ_LINES) -> str:
        """Read a text file. Its lines are numbered, from 1.

        Args:
            path: The file, relative to the workspace.
            offset: The first line to read.
            limit: How many lines to read at most.
        """
        return await self._pool.run(self._read, path, max(1, offset), max(1, min(limit, READ_LINES)))

    async def write(self, path: str, content: str) -> str:
        """Create a file, or replace all of it. Folders are made as needed. To change part of a file use edit.

        Args:
            path: The file, relative to the workspace.
            content: All that the file will hold.
        """
        return await self._pool.run(self._write, path, content)

    async def edit(self, path: str, old: str, new: str, replace_all: bool = False) -> str:
        """Replace text in a file. `old` must occur exactly once, so give enough of what surrounds it.

        Args:
            path: The file, relative to the workspace.
            old: The text to replace, exactly as it is in the file, without line numbers.
            new: What takes its place.
            replace_all: Replace every occurrence instead.
        """
        return await self._pool.run(self._edit, path, old, new, replace_all)

    async def glob(self, pattern: str, path: str = ".") -> str:
        """List files whose path fits a pattern: `**/*.py`, `src/*.ts`. A pattern without `/` fits names at any depth.

        Args:
            pattern: The pattern, seen from `path`.
            path: The folder to search, relative to the workspace.
        """
        found, note = await self._search({"path": path, "glob": pattern, "limit": _GLOB_LIMIT})
        return "\n".join([*(one["path"] for one in found), *note]) or "No file fits."

    async def grep(self, pattern: str, path: str = ".", glob: str | None = None, ignore_case: bool = False) -> str:
        """Search files for a regular expression (Python's), line by line. Answers `path:line: text`.

        Args:
            pattern: The regular expression.
            path: The folder or file to search, relative to the workspace.
            glob: Only files whose path fits this pattern, such as `**/*.py`.
            ignore_case: Whether upper and lower case are the same.
        """
        request = {"path": path, "text": pattern, "glob": glob, "ignore_case": ignore_case, "limit": _GREP_LIMIT}
        found, note = await self._search(request)
        shown = [one for one in found if self._readable(one["path"])]
        if hidden := len(found) - len(shown):
            note.append(f"({hidden} lines of files that the policy does not let you read are left out)")
        lines = [f"{one['path']}:{one['line']}: {one['text']}" for one in shown]
        return "\n".join([*lines, *note]) or "Nothing matches."

    def change(self, tool: str, args: Mapping[str, Any]) -> tuple[str, str]:
        """What a call of write or edit would do: a unified diff, and the digest of the file as it is now."""
        path = str(args.get("path", ""))
        before = self._content(path)
        if tool == "write":
            after = str(args.get("content", ""))
        else:
            after = _replaced(path, before, str(args["old"]), str(args["new"]), bool(args.get("replace_all", False)))
        return diff_of(path, _text(before or b"", path), after), digest_of(before)

    def _read(self, path: str, offset: int, limit: int) -> str:
        with self._workspace.open(path) as (descriptor, place), os.fdopen(os.dup(descriptor), "rb") as file:
            _check_granted(place.path, path)
            if b"\0" in file.read(_SCAN_BYTES):
                raise Refused(f"{path!r} is not text")
            file.seek(0)
            return _numbered(file, offset, limit)

    def _write(self, path: str, content: str) -> str:
        grant = granted.get()
        if grant is not None and grant.digest is not None and digest_of(self._content(path)) != grant.digest:
            raise Refused(f"{path!r} was changed while a person looked at this change; read it again")
        expect = None if grant is None else grant.path
        data = content.encode()
        written = self._workspace.write(path, data, expect=expect, approved=grant is not None and grant.approved)
        return f"Wrote {len(data):,} bytes to {written}."

    def _edit(self, path: str, old: str, new: str, replace_all: bool) -> str:
        after = _replaced(path, self._content(path), old, new, replace_all)
        self._write(path, after)
        return f"Edited {path}."

    def _content(self, path: str) -> bytes | None:
        """The file's bytes, None when there is none yet."""
        with self._workspace.place(path, missing="assume") as place:
            if place.info is None:
                return None
        return self._workspace.read(path)

    async def _search(self, request: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
        request |= {"root": os.fspath(self._workspace.root), "forbidden": self._forbidden}
        answers = await _run_search(json.dumps(request).encode())
        found: list[dict[str, Any]] = []
        note = ["(the search took too long and was ended: this is what it had found)"]
        for answer in answers:
            if "refused" in answer:
                raise Refused(answer["refused"])
            if "cut" in answer:
                note = [f"(only the first {request['limit']} are shown)"]
            elif "done" in answer:
                note = note if len(found) == request["limit"] else []
            else:
                found.append(answer)
        return found, note


async def _run_search(request: bytes) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "smithers_py.agents.tools.search",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={},
        start_new_session=True,
    )
    crash_point("child.spawned")
    assert process.stdin is not None  # noqa: S101 - all three are pipes
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    lines: list[bytes] = []
    try:
        process.stdin.write(request)
        process.stdin.close()
        async with asyncio.timeout(SEARCH_SECONDS):
            async for line in process.stdout:
                lines.append(line)  # noqa: PERF401 - what came before the time limit is kept
            await process.wait()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            # Not process.kill(): that looks whether it has exited, and so takes its exit away from who waits for it.
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        crash_point("child.ended")
    if not lines:
        said = (await process.stderr.read()).decode(errors="replace").strip().rpartition("\n")[2]
        raise Refused(f"the search failed: {said or 'it took too long'}")
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def diff_of(path: str, before: str, after: str) -> str:
    """A unified diff for people, cut where it would be too long to read."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if len(old) + len(new) > _DIFF_LINES:
        return f"--- {path}\n+++ {path}\n(too long for a diff: {len(old)} lines before, {len(new)} after)\n"
    lines = difflib.unified_diff(old, new, path, path)
    text = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
    return (
        text if len(text) <= _DIFF_CHARS else f"{text[:_DIFF_CHARS]}\n… ({len(text) - _DIFF_CHARS} more characters)\n"
    )


def _replaced(path: str, before: bytes | None, old: str, new: str, replace_all: bool) -> str:
    if before is None:
        raise Refused(f"there is no {path!r}; use write to create it")
    text = _text(before, path)
    count = text.count(old) if old else 0
    if count == 0:
        raise Refused(f"the text to replace is not in {path!r}; read it and copy the text exactly")
    if count > 1 and not replace_all:
        raise Refused(f"the text to replace is in {path!r} {count} times; give more of what surrounds it")
    return text.replace(old, new)


def _text(data: bytes, path: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Refused(f"{path!r} is not text in UTF-8") from error


def _numbered(file: Any, offset: int, limit: int) -> str:
    shown: list[str] = []
    number, room = 0, READ_CHARS
    while line := file.readline(1 << 20):
        number += 1
        if number < offset:
            continue
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if len(text) > _LINE_CHARS:
            text = f"{text[:_LINE_CHARS]}… ({len(text) - _LINE_CHARS} more characters)"
        room -= len(text) + 8
        if len(shown) == limit or room < 0:
            shown.append(f"(there is more: read on with offset={number})")
            break
        shown.append(f"{number:>6}\t{text}")
    if not shown:
        return "(the file is empty)" if number == 0 else f"(the file has {number} lines)"
    return "\n".join(shown)


def _check_granted(found: str, path: str) -> None:
    grant = granted.get()
    if grant is not None and grant.path != found:
        raise Refused(f"{path!r} led to {grant.path!r} when it was agreed to, and leads to {found!r} now")
