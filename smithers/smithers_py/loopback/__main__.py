"""`python -m smithers_py.loopback --brain FILE[:function] -- COMMAND…`: a provider for the time of one command.

The command gets the address and dummy keys in its environment; its exit code is passed on, and the counts of the
requests stand on stderr. Without a command it serves until Ctrl-C.
"""

import argparse
import collections
import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TextIO, cast

from smithers_py.errors import SmithersError, UsageError
from smithers_py.loopback.log import Entry
from smithers_py.loopback.replies import Brain
from smithers_py.loopback.server import Loopback

DEFAULT_FUNCTION = "brain"
CANNOT_START = 127


def load_brain(where: str) -> Brain:
    """The function of a `FILE[:function]`; modules beside the file can be imported. Raises UsageError."""
    file, _, name = where.partition(":")
    path = Path(file).resolve()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise UsageError(f"there is no Python file {file}", hint="Write --brain FILE.py or --brain FILE.py:function.")
    sys.path.insert(0, str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses of the file look themselves up there
    spec.loader.exec_module(module)
    found = getattr(module, name or DEFAULT_FUNCTION, None)
    if not callable(found):
        hint = f"Define it as `def {name or DEFAULT_FUNCTION}(request): …`, or name another after a colon."
        raise UsageError(f"{file} has no function {name or DEFAULT_FUNCTION}", hint=hint)
    return cast("Brain", found)


def main(arguments: list[str] | None = None) -> int:
    """Serve while the command runs; returns its exit code."""
    options = _options(arguments)
    try:
        brain = load_brain(options.brain)
    except SmithersError as error:
        _tell(f"loopback: {error}")
        return 2
    log = options.log.open("w") if options.log else None
    writing = threading.Lock()

    def write(entry: Entry) -> None:
        if log is not None:
            with writing:
                _line(log, entry)

    try:
        with Loopback(
            brain, limit=options.limit, retry_after=options.retry_after, port=options.port, on_end=write
        ) as server:
            code = _run(options.command, server) if options.command else _serve(server)
        _tell(summary(server.requests, server.max_in_flight))
        return 1 if server.brain_errors and not code else code
    finally:
        if log is not None:
            log.close()


def summary(entries: list[Entry], max_in_flight: int) -> str:
    """One line: how many requests, how they were answered, the most at once."""
    words = collections.Counter(str(entry.status or entry.outcome) for entry in entries)
    parts = ", ".join(f"{count} x {word}" for word, count in sorted(words.items()))
    return f"loopback: {len(entries)} requests ({parts or 'none'}), at most {max_in_flight} at once"


def _run(command: list[str], server: Loopback) -> int:
    try:
        child = subprocess.Popen(command, env={**os.environ, **server.env})  # noqa: S603 - the user's own command
    except OSError as error:
        _tell(f"loopback: cannot start {command[0]}: {error.strerror}")
        return CANNOT_START
    with child:
        # Ctrl-C reaches the command by itself: it decides. A SIGTERM for us is passed on.
        before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        try:
            code = child.wait()
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
    return code if code >= 0 else 128 - code


def _serve(server: Loopback) -> int:
    sys.stdout.write("".join(f"export {name}={value}\n" for name, value in server.env.items()))
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _line(log: TextIO, entry: Entry) -> None:
    log.write(json.dumps(entry.json()) + "\n")
    log.flush()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m smithers_py.loopback", description="A provider of models on loopback, for tests."
    )
    parser.add_argument("--brain", required=True, metavar="FILE[:function]", help="what answers (default name: brain)")
    parser.add_argument("--port", type=int, default=0, help="where to listen; 0 takes a free port")
    parser.add_argument("--limit", type=int, help="requests answered at a time, the rest get 429")
    parser.add_argument("--retry-after", type=float, default=1.0, metavar="SECONDS", help="told with those 429")
    parser.add_argument("--log", type=Path, metavar="FILE", help="one JSON line for each request")
    parser.add_argument("command", nargs="*", metavar="-- COMMAND", help="without one it serves until Ctrl-C")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
