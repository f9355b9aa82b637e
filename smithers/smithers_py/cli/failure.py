"""How an error leaves the program: one paragraph on stderr and an exit code (C-4, E-4); a `.px` line with its caret."""

import os
import threading
import traceback
from typing import TYPE_CHECKING, Any

from smithers_py.cli.terminal import caret_lines, clean, note
from smithers_py.errors import SmithersError

if TYPE_CHECKING:
    import asyncio

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130


def debugging() -> bool:
    """Whether SMITHERS_DEBUG asks for tracebacks (O-6)."""
    return os.environ.get("SMITHERS_DEBUG", "") not in {"", "0"}


def report(error: BaseException) -> None:
    """Print the error; with its traceback only under SMITHERS_DEBUG=1."""
    if debugging():
        traceback.print_exception(error)
    if isinstance(error, SmithersError):
        note(clean(error.render()))
        for line in caret_lines(error.to_json()):
            note(line)
        return
    # Nothing of ours raises these on purpose, so it is our fault and the traceback is what a report needs.
    note(
        clean(
            f"internal error: {type(error).__name__}: {error}. This is a bug in smithers; "
            "run it again with SMITHERS_DEBUG=1 and report the traceback."
        )
    )


def report_strays(loop: "asyncio.AbstractEventLoop") -> None:
    """Print what our own calls raise in tasks and threads that the plan's code started, as one paragraph too.

    Nobody waits for those, so Python would print a traceback (a late `ctx.state.set` is the usual case).
    """

    def in_task(loop: "asyncio.AbstractEventLoop", context: dict[str, Any]) -> None:
        error = context.get("exception")
        report(error) if isinstance(error, SmithersError) else loop.default_exception_handler(context)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        report(args.exc_value) if isinstance(args.exc_value, SmithersError) else before(args)

    before = threading.excepthook
    loop.set_exception_handler(in_task)
    threading.excepthook = in_thread
