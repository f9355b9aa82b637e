"""Finds files by name and text, in a process of its own: `python -I -m smithers_py.agents.tools.search`.

A model's regular expression may take for ever, and while it matches no other thread of its process runs; a process can
be killed. The request is one JSON object on stdin, the answer JSON lines on stdout, so that what was found before a
time limit counts. Imports little, to start in some 50 ms.
"""

import json
import os
import re
import resource
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smithers_py.agents.tools.confine import PRIVATE, Place, Refused, Workspace
from smithers_py.patterns import path_pattern

SKIPPED = frozenset({".git", ".hg", ".svn", ".venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache"})
"""Folders that are searched only when the pattern or the path names them."""

_CPU_SECONDS = 30
_MEMORY = 1 << 30
_DEPTH = 64
_LINE = 1 << 20
_SHOWN = 300
_BINARY_SAMPLE = 8192


def main() -> None:
    """Answer the request on stdin."""
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    request = json.load(sys.stdin)
    workspace = Workspace(Path(request["root"]), [Path(one) for one in request["forbidden"]])
    try:
        with workspace.place(request["path"]) as place:
            found = (_grep if "text" in request else _glob)(workspace, place, request)
            _answer(found, request["limit"])
    except Refused as error:
        _say({"refused": str(error)})


def _answer(found: Iterator[dict[str, Any]], limit: int) -> None:
    for count, one in enumerate(found):
        if count == limit:
            _say({"cut": True})
            break
        _say(one)
    _say({"done": True})


def _say(one: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(one) + "\n")
    sys.stdout.flush()


def _glob(workspace: Workspace, place: Place, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    wanted = path_pattern(request["glob"])
    for _, name, path, _ in _files(workspace, place, request["glob"]):
        if wanted.fullmatch(_below(place, path)) or ("/" not in request["glob"] and wanted.fullmatch(name)):
            yield {"path": path}


def _grep(workspace: Workspace, place: Place, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    text = re.compile(request["text"], re.IGNORECASE if request["ignore_case"] else 0)
    only = request["glob"] or "**"
    wanted = path_pattern(only)
    for folder, name, path, is_link in _files(workspace, place, only):
        fits = wanted.fullmatch(_below(place, path)) or ("/" not in only and wanted.fullmatch(name))
        if is_link or not fits:
            continue
        try:
            descriptor = workspace.open_at(folder, name, path)
        except (OSError, Refused):
            continue  # gone, a FIFO, too large, not ours to read: nothing in it can be shown
        with os.fdopen(descriptor, "rb") as file:
            if b"\0" not in file.read(_BINARY_SAMPLE):
                file.seek(0)
                yield from _matches(text, file, path)


def _matches(text: re.Pattern[str], file: Any, path: str) -> Iterator[dict[str, Any]]:
    number = 0
    while line := file.readline(_LINE):
        number += 1
        shown = line.decode("utf-8", "replace").rstrip("\r\n")
        if found := text.search(shown):
            start = max(0, found.start() - _SHOWN // 3)
            yield {"path": path, "line": number, "text": shown[start : start + _SHOWN]}


def _files(workspace: Workspace, place: Place, pattern: str) -> Iterator[tuple[int, str, str, bool]]:
    """Folder, name, path, and whether it is a link, of every file below the place, by name; links are not followed."""
    if place.info is None:
        raise Refused(f"there is no {place.path!r}")
    if not stat.S_ISDIR(place.info.st_mode):
        yield place.folder, place.name, place.path, False
        return
    named = set(re.split(r"[/*]", pattern)) | set(place.path.split("/"))
    start = os.open(place.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place.folder)
    yield from _below_folder(workspace, start, "" if place.path == "." else f"{place.path}/", SKIPPED - named, 0)


def _below_folder(
    workspace: Workspace, folder: int, prefix: str, skipped: frozenset[str], depth: int
) -> Iterator[tuple[int, str, str, bool]]:
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
        for entry in entries:
            if entry.name.casefold() == PRIVATE:
                continue
            path = prefix + entry.name
            if not entry.is_dir(follow_symlinks=False):
                yield folder, entry.name, path, entry.is_symlink()
            elif entry.name not in skipped and depth < _DEPTH:
                yield from _into(workspace, folder, entry.name, path, skipped, depth)
    finally:
        os.close(folder)


def _into(
    workspace: Workspace, folder: int, name: str, path: str, skipped: frozenset[str], depth: int
) -> Iterator[tuple[int, str, str, bool]]:
    try:
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    except OSError:
        return  # gone, or not ours to look into
    try:
        workspace.refuse_if_forbidden(name, os.fstat(below), path)
    except Refused:
        os.close(below)
        return
    yield from _below_folder(workspace, below, f"{path}/", skipped, depth + 1)


def _below(place: Place, path: str) -> str:
    """The path as seen from the searched folder, which patterns are written from."""
    return path if place.path == "." else path.removeprefix(f"{place.path}/")


if __name__ == "__main__":
    main()
