"""Lines that a person types, for whoever asks on the terminal while a run goes on."""

import asyncio
import os
import sys


class Lines:
    """Lines of the standard input, read when they are whole: the terminal itself edits them."""

    def __init__(self) -> None:
        self.ended = False
        self.turn = asyncio.Lock()
        """Held by whoever asks: one question at a time."""
        self._typed: asyncio.Queue[str] = asyncio.Queue()
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        self._fd = sys.stdin.fileno()
        self._loop.add_reader(self._fd, self._read)

    async def next(self) -> str:
        """The next line, without its end; empty when the input has ended."""
        if self.ended and self._typed.empty():
            return ""
        return await self._typed.get()

    def close(self) -> None:
        """Leave the standard input alone."""
        self._loop.remove_reader(self._fd)

    def _read(self) -> None:
        data = os.read(self._fd, 4096)
        if not data:
            self.ended = True
            self._loop.remove_reader(self._fd)
            self._typed.put_nowait("")
            return
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._typed.put_nowait(line.decode(errors="replace"))
