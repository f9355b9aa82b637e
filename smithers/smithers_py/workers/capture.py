"""What a program prints: lines out as they come, the whole kept up to a limit."""

import asyncio
import codecs
import os
from collections import deque
from collections.abc import Callable
from typing import IO, Any

LINE_LIMIT = 4_000
"""Characters of one line that are emitted; the kept output is not cut by lines."""

_CHUNK = 32 * 1024
_LEFTOVER_CHUNKS = 64

Emit = Callable[[str, dict[str, Any]], None]


class Capture:
    """One stream of a program (`kind` is stdout or stderr), decoded as UTF-8 with errors replaced.

    Keeps the first and the last `limit / 2` characters. Every line is emitted as `{"line": text}` without its end;
    lines end at a newline only, so that a progress bar redrawn with carriage returns is one line.
    """

    def __init__(self, kind: str, emit: Emit, limit: int) -> None:
        self._kind = kind
        self._emit = emit
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._kept = HeadTail(limit)
        self._line: list[str] = []
        self._line_length = 0

    @property
    def truncated(self) -> bool:
        """Whether the middle was left out."""
        return self._kept.left_out > 0

    @property
    def text(self) -> str:
        """What is kept, the place of a left-out middle marked."""
        return self._kept.text()

    def feed(self, data: bytes, *, final: bool = False) -> None:
        """Take the next bytes; with `final` also emit a last line that has no end."""
        text = self._decoder.decode(data, final)
        self._kept.add(text)
        *ended, rest = text.split("\n")
        for part in ended:
            self._extend(part)
            self._end_line()
        self._extend(rest)
        if final and self._line_length:
            self._end_line()

    def _extend(self, part: str) -> None:
        if not part:
            return
        # A line without end must not grow in memory: only what will be emitted is held.
        room = LINE_LIMIT - self._line_length
        if room > 0:
            self._line.append(part[:room])
        self._line_length += len(part)

    def _end_line(self) -> None:
        line = "".join(self._line).removesuffix("\r")
        if self._line_length > LINE_LIMIT:
            line += f" … ({self._line_length - LINE_LIMIT} more characters)"
        self._line.clear()
        self._line_length = 0
        self._emit(self._kind, {"line": line})


class HeadTail:
    """The first and last `limit / 2` characters of a text that arrives in parts."""

    def __init__(self, limit: int) -> None:
        self._head_room = limit // 2
        self._tail_limit = limit - limit // 2
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._tail_length = 0
        self.left_out = 0
        """Characters left out so far."""

    def add(self, text: str) -> None:
        """Append the next part."""
        if self._head_room:
            self._head.append(text[: self._head_room])
            text = text[self._head_room :]
            self._head_room -= len(self._head[-1])
        if not text:
            return
        self._tail.append(text)
        self._tail_length += len(text)
        while self._tail_length > self._tail_limit:
            excess = self._tail_length - self._tail_limit
            first = self._tail.popleft()
            if len(first) > excess:
                self._tail.appendleft(first[excess:])
            dropped = min(len(first), excess)
            self._tail_length -= dropped
            self.left_out += dropped

    def text(self) -> str:
        """Head and tail, with one marking line between them when something was left out."""
        head, tail = "".join(self._head), "".join(self._tail)
        return f"{head}\n… [{self.left_out} characters left out] …\n{tail}" if self.left_out else head + tail


class PipeReader:
    """Reads a pipe on the event loop into a capture, and owns the pipe's end."""

    def __init__(self, pipe: IO[bytes], capture: Capture) -> None:
        self._pipe = pipe
        self._capture = capture
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        """Done when every process that held the other end has closed it."""
        os.set_blocking(pipe.fileno(), False)
        self._loop.add_reader(pipe.fileno(), self._read)

    def close(self) -> None:
        """Take what is still in the pipe, emit a last line without end, and close it. Safe to call twice."""
        if self._pipe.closed:
            return
        # A process that left the group may write for ever: take no more than a pipe can hold.
        for _ in range(_LEFTOVER_CHUNKS):
            if self.ended.done() or not self._read():
                break
        self._loop.remove_reader(self._pipe.fileno())
        self._pipe.close()
        self._capture.feed(b"", final=True)
        if not self.ended.done():
            self.ended.set_result(None)

    def _read(self) -> bool:
        """Take one chunk; False when there is nothing to read now."""
        try:
            data = os.read(self._pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return False
        if data:
            self._capture.feed(data)
        else:
            self._loop.remove_reader(self._pipe.fileno())
            self.ended.set_result(None)
        return bool(data)
