"""The HTTP server. Threads of the standard library: a brain may block (run tests, wait for the test to go on) without
stalling other requests, a test may block its own event loop in a child process, and nothing is depended on.
"""

import contextlib
import json
import os
import selectors
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, Self, cast

from smithers_py.loopback import anthropic, openai_chat, openai_responses
from smithers_py.loopback.conversation import Request
from smithers_py.loopback.log import Entry, Log, Outcome
from smithers_py.loopback.replies import Brain, Failure, Reply, rate_limited, settled

JOIN_SECONDS = 5
"""How long the end waits for brains that are still thinking."""


class Speaker(Protocol):
    """One of the three protocols, as a module."""

    PATH: str

    def read(self, raw: Mapping[str, Any], headers: Mapping[str, str]) -> Request: ...
    def body(self, reply: Reply, request: Request, number: int) -> dict[str, Any]: ...
    def events(self, reply: Reply, request: Request, number: int) -> Iterator[str]: ...
    def failure(self, failed: Failure) -> dict[str, Any]: ...
    def broken(self, kind: str) -> str: ...


SPEAKERS: Mapping[str, Speaker] = {
    speaker.PATH: speaker for speaker in cast("tuple[Speaker, ...]", (anthropic, openai_chat, openai_responses))
}


class Loopback:
    """A provider that answers as `brain` says; a context manager, with or without `async`.

    `limit` requests are answered at a time, the rest with 429 and `retry_after` seconds. `port` 0 takes a free one.
    `on_end` is called with each entry when it ends, from the request's thread.
    """

    def __init__(
        self,
        brain: Brain,
        *,
        limit: int | None = None,
        retry_after: float = 1.0,
        port: int = 0,
        on_end: Callable[[Entry], None] | None = None,
    ) -> None:
        self.brain = brain
        self.retry_after = retry_after
        self.on_end = on_end
        self.log = Log(limit)
        self.brain_errors: list[Exception] = []
        """What the brain raised; the client got a 400, which nobody tries again."""
        self._port = port

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def env(self) -> dict[str, str]:
        """Environment variables that make the providers' own clients come here."""
        proxy_free = ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1")))
        return {
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_API_KEY": "loopback",
            "OPENAI_BASE_URL": f"{self.url}/v1",
            "OPENAI_API_KEY": "loopback",
            "NO_PROXY": proxy_free,
            "no_proxy": proxy_free,
        }

    @property
    def requests(self) -> list[Entry]:
        """Every request so far, in the order of arrival."""
        return list(self.log.entries)

    @property
    def max_in_flight(self) -> int:
        """The most requests that were being answered at once."""
        return self.log.max_in_flight

    def count(self, *, status: int | None = None) -> int:
        """How many requests came, or were answered with this HTTP status (0: with none)."""
        return sum(status is None or (one.status == status and one.ended is not None) for one in self.log.entries)

    def wait_for(self, number: int, *, ended: bool = False, seconds: float = 30) -> None:
        """Block until that many requests have come (or ended). Raises TimeoutError."""
        if not self.log.wait(number, seconds, ended=ended):
            word = "ended" if ended else "came"
            raise TimeoutError(f"{len(self.log.entries)} requests, not {number}, {word} within {seconds:g} s")

    def __enter__(self) -> Self:
        self._server = _Server(self, self._port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.release()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()


class _Server(ThreadingHTTPServer):
    request_queue_size = 256

    def __init__(self, owner: Loopback, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.owner = owner
        self._open: dict[threading.Thread, socket.socket] = {}

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        thread = threading.current_thread()
        self._open[thread] = request
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self._open[thread]

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that goes away is the point of many a test.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def release(self) -> None:
        """Wake the threads that wait for their clients, and let them end."""
        for thread, connection in list(self._open.items()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(JOIN_SECONDS)
        self.server_close()


class _ClientLeft(Exception):  # noqa: N818 - no error, an end
    pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Nothing: the log is ours."""

    def do_GET(self) -> None:
        """Only POST is spoken."""
        self._send(404, {"type": "error", "error": {"type": "not_found_error", "message": self.path}})

    def do_POST(self) -> None:
        """One request of a client."""
        given = self.rfile.read(int(self.headers.get("content-length", 0)))
        speaker = SPEAKERS.get(self.path.partition("?")[0])
        if speaker is None:
            self._send(404, {"type": "error", "error": {"type": "not_found_error", "message": self.path}})
            return
        try:
            request = speaker.read(json.loads(given), {name.lower(): value for name, value in self.headers.items()})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            failed = Failure(status=400, type="invalid_request_error", message=f"cannot be read: {error!r}")
            self._send(400, speaker.failure(failed))
            return
        owner = self.server.owner
        entry, room = owner.log.begin(request)
        outcome: Outcome = "client left"
        try:
            said = self._think(request) if room else rate_limited(owner.retry_after)
            outcome = self._fail(speaker, said, entry) if isinstance(said, Failure) else self._say(speaker, said, entry)
        except (ConnectionError, _ClientLeft):
            self.close_connection = True
        finally:
            owner.log.end(entry, outcome, had_room=room)
            if owner.on_end is not None:
                owner.on_end(entry)

    def _think(self, request: Request) -> Reply | Failure:
        owner = self.server.owner
        try:
            return settled(owner.brain(request), request)
        except Exception as error:  # noqa: BLE001 - the test's author sees it, the client must not try again
            owner.brain_errors.append(error)
            traceback.print_exc()
            return Failure(status=400, type="invalid_request_error", message=f"the brain raised {error!r}")

    def _fail(self, speaker: Speaker, failed: Failure, entry: Entry) -> Outcome:
        self._rest(failed.delay)
        if not failed.status:
            self.close_connection = True
            if failed.silent:
                self._rest(None)
            return "broken"
        headers = dict(failed.headers)
        if failed.retry_after is not None:
            headers["retry-after"] = f"{failed.retry_after:g}"
            entry.retry_after = failed.retry_after
        entry.status = failed.status
        self._send(failed.status, speaker.failure(failed), headers)
        return "failed"

    def _say(self, speaker: Speaker, reply: Reply, entry: Entry) -> Outcome:
        self._rest(reply.delay)
        entry.status = 200
        if entry.request.stream:
            return self._stream(speaker, reply, entry)
        body = speaker.body(reply, entry.request, entry.number)
        if reply.break_after is None:
            self._send(200, body)
            return "answered"
        whole = json.dumps(body).encode()
        self._head(200, {"content-type": "application/json", "content-length": str(len(whole))})
        self.wfile.write(whole[: len(whole) // 2])
        self.close_connection = True
        return "broken"

    def _stream(self, speaker: Speaker, reply: Reply, entry: Entry) -> Outcome:
        self._head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        for index, event in enumerate(speaker.events(reply, entry.request, entry.number)):
            if index == reply.break_after:
                if reply.break_with:
                    self._chunk(speaker.broken(reply.break_with))
                self.close_connection = True
                return "broken"
            if reply.pace and index:
                self._rest(reply.pace)
            self._chunk(event)
        self._chunk("")
        return "answered"

    def _rest(self, seconds: float | None) -> None:
        """Wait (None: for ever), and notice at once when the client goes away."""
        if seconds is not None and seconds <= 0:
            return
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            if selector.select(seconds) and not self.connection.recv(1, socket.MSG_PEEK):
                raise _ClientLeft

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        length = {"content-type": "application/json", "content-length": str(len(data))}
        self._head(status, {**length, **(headers or {})})
        self.wfile.write(data)
