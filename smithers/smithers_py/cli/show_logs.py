"""`smithers logs`: the events of an execution and what its commands and agents printed, in order of time."""

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from smithers_py.cli.inputs import database_path
from smithers_py.cli.terminal import can_write, clean, human_duration, note, paint, say, shorten, write_json
from smithers_py.errors import UsageError
from smithers_py.harness.follow import follow_log
from smithers_py.harness.models import LogLine
from smithers_py.harness.reader import open_reader

LEVELS = ("debug", "info", "warning", "error")
_COLOURS = {"warning": "waiting", "error": "failed", "debug": "idle"}
_WIDEST = 2000


def show_logs(database: Path | None, execution: str, *, follow: bool, level: str, as_json: bool) -> None:
    """Print the log; with `follow` go on until the execution ends. Raises UsageError for an unknown level."""
    if level not in LEVELS:
        raise UsageError(f"there is no level {level!r}", hint=f"The levels are {', '.join(LEVELS)}.")
    asyncio.run(_show(database, execution, follow=follow, level=level, as_json=as_json))


async def _show(database: Path | None, execution: str, *, follow: bool, level: str, as_json: bool) -> None:
    wanted = set(LEVELS[LEVELS.index(level) :])
    labels: dict[str, str] = {}
    async with open_reader(database_path(database)) as reader:
        found = await reader.resolve(execution)
        async for page in follow_log(reader, found, until_end=follow):
            # Before levels are chosen: what stands between two texts keeps them apart, shown or not.
            told = page if as_json else _joined(page)
            lines = [line for line in told if line.level in wanted]
            if not as_json and any(line.node_id not in labels for line in lines if line.node_id):
                labels = await reader.node_labels(found)
            _print(lines, labels, as_json=as_json)
        if follow:
            state = await reader.run_state(found)
            note(f"{found} is {state.state}: {state.reason}")


def _print(lines: Sequence[LogLine], labels: Mapping[str, str], *, as_json: bool) -> None:
    for line in lines:
        if as_json:
            write_json(line)
        else:
            say(_text(line, labels))
    sys.stdout.flush()


def _joined(lines: Sequence[LogLine]) -> Iterator[LogLine]:
    """The pieces of one agent's text that come one after the other as one line, each line of the text by itself."""
    for (kind, _node, thinking), pieces in groupby(lines, lambda line: (line.type, line.node_id, _thinks(line))):
        if kind != "text":
            yield from pieces
            continue
        held = list(pieces)
        written = "".join(_output(piece.payload) for piece in held)
        for one in written.splitlines():
            if one.strip():
                word = "thought" if thinking else kind
                yield held[0].model_copy(update={"type": word, "payload": {**held[0].payload, "text": one}})


def _thinks(line: LogLine) -> bool:
    return isinstance(line.payload, dict) and bool(line.payload.get("thinking"))


def _text(line: LogLine, labels: Mapping[str, str]) -> str:
    at = datetime.fromtimestamp(line.timestamp / 1000).astimezone().strftime("%H:%M:%S.%f")[:-3]
    where = f"  {clean(labels.get(line.node_id, line.node_id))}" if line.node_id else ""
    if line.seq is None:
        return f"{at} {line.type:<7} {where.strip()} | {clean(_output(line.payload))}"
    word = paint(f"{line.level:<7}", _COLOURS.get(line.level, ""), sys.stdout)
    told = "" if line.payload is None else f"  {shorten(clean(_payload(line.payload)), _WIDEST)}"
    return f"{at} {word} {line.type}{where}{told}"


def _output(payload: Any) -> str:
    """What was printed: `line` of a command, `text` of an agent, a tool's call and end, else the payload as it is."""
    if isinstance(payload, dict):
        if "phase" in payload:
            return _tool(payload)
        for name in ("line", "text"):
            if isinstance(payload.get(name), str):
                return payload[name]
    return _payload(payload)


def _tool(payload: dict[str, Any]) -> str:
    tool = payload.get("tool")
    if payload["phase"] == "start":
        return f"{tool} {shorten(clean(str(payload.get('args', ''))), _WIDEST)}"
    took = f" ({human_duration(payload['ms'])})" if isinstance(payload.get("ms"), int) else ""
    if refused := payload.get("refused"):
        return f"{tool} refused: {refused}"
    return f"{tool} {'failed: ' + str(payload['error']) if payload.get('error') else 'ended'}{took}"


def _payload(payload: Any) -> str:
    if isinstance(payload, dict) and isinstance(payload.get("message"), str):
        return payload["message"]
    text = json.dumps(payload, ensure_ascii=False)
    return text if can_write(sys.stdout, text) else json.dumps(payload)
