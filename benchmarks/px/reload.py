"""How long from a save to the frame that has taken it over, with `smithers run --watch` as a process of its own.

uv run python benchmarks/px/reload.py

Wall time from before the file is replaced until the stored time of the next frame, and until the diff is printed; both
include the 50 ms for which a burst of saves is waited for.
"""

import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

SAVES = 8
SIZES = (5, 500, 2_000)

PY = """
import time
from pathlib import Path
from smithers_py import *


def gate():
    while not Path(__file__).with_name("open").exists():
        time.sleep(0.05)


@component
def app(ctx):
    return Phase("p", children=[
        Task(gate, id="gate"),
        Claude(prompt="Say {word}", id="agent"),
        *[Command(["true"], id=f"c{{n}}") for n in range({size})],
    ])
"""
PX = """
import time
from pathlib import Path
from smithers_py import *


def gate():
    while not Path(__file__).with_name("open").exists():
        time.sleep(0.05)


@component
def app(ctx):
    return (
        <Phase name="p">
            <Task fn={{gate}} id="gate" />
            <Claude id="agent">Say {word}</Claude>
            {{[<Command argv={{["true"]}} id={{f"c{{n}}"}} /> for n in range({size})]}}
        </Phase>
    )
"""


def measure(text: str, name: str, size: int) -> tuple[list[float], list[float]]:
    """Milliseconds to the frame and to the printed diff, for each save."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)

        def save(word: str) -> float:
            made = folder / ".new"
            made.write_text(text.format(word=word, size=size))
            before = time.time()
            made.replace(folder / name)
            return before * 1000

        save("0")
        arguments = [sys.executable, "-m", "smithers_py", "run", name, "--watch", "--model", "test"]
        process = subprocess.Popen(arguments, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert process.stderr is not None
        try:
            wait_for(process.stderr, "running   Phase p / Task gate")
            time.sleep(0.5)
            frames: list[float] = []
            printed: list[float] = []
            for number in range(1, SAVES + 1):
                saved = save(str(number))
                wait_for(process.stderr, "kept")
                printed.append(time.time() * 1000 - saved)
                time.sleep(0.3)
                frames.append(last_frame(folder) - saved)
            return frames, printed
        finally:
            process.kill()
            process.communicate()


def wait_for(lines: IO[str], text: str) -> None:
    """Read until a line has the text."""
    for line in iter(lines.readline, ""):
        if text in line:
            return
    raise RuntimeError(f"the program ended before it wrote {text!r}")


def last_frame(folder: Path) -> int:
    """When the last frame began, in ms."""
    db = sqlite3.connect(folder / ".smithers" / "db.sqlite")
    try:
        return int(db.execute("SELECT max(created_at) FROM frames").fetchone()[0])
    finally:
        db.close()


def main() -> None:
    """Print the table."""
    print("| file | nodes | frame, p50 ms | frame, max ms | diff printed, p50 ms |")
    print("|---|---|---|---|---|")
    for name, text in (("plan.py", PY), ("plan.px", PX)):
        for size in SIZES:
            frames, printed = measure(text, name, size)
            print(
                f"| `{Path(name).suffix}` | {size + 3:,} | {statistics.median(frames):.0f} | {max(frames):.0f} "
                f"| {statistics.median(printed):.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
