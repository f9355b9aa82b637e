"""What the reading commands share: open the database, find the execution, run one coroutine."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from smithers_py.cli.inputs import database_path
from smithers_py.harness.reader import Reader, open_reader

T = TypeVar("T")


def read(database: Path | None, work: Callable[[Reader], Awaitable[T]]) -> T:
    """The result of `work` on a reader of the chosen database. Raises UsageError when there is no database."""

    async def body() -> T:
        async with open_reader(database_path(database)) as reader:
            return await work(reader)

    return asyncio.run(body())


def read_execution(database: Path | None, asked: str, work: Callable[[Reader, str], Awaitable[T]]) -> T:
    """The result of `work` on the execution that `asked` names: an id, a unique beginning of one, or "latest".

    Raises UsageError when there is no database, ExecutionNotFoundError when there is no such execution.
    """

    async def body(reader: Reader) -> T:
        return await work(reader, await reader.resolve(asked))

    return read(database, body)
