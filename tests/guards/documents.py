"""Code blocks of the documents, and how the runnable ones are run.

A block's info string says what it is for. Blocks of one document share one empty workspace, in their order:

    ```python file=plan.py     written to the workspace under that name
    ```python run              run with Python
    ```sh run                  run with `bash -e`; `exit=4` says which exit code is right (default 0)
    ```text output             must be found in what the run before it printed; `…` stands for anything

Any other block is only read.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from repo import ROOT, tool_environment

FENCE = re.compile(r"^```(\S+)([^\n]*)\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
SECONDS = 120


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the words after it, its text and the line it begins on."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int

    def option(self, name: str) -> str | None:
        """The value of `name=value` in the info string."""
        return next((word.partition("=")[2] for word in self.words if word.startswith(f"{name}=")), None)

    @property
    def runnable(self) -> bool:
        """Whether the block does something when its document is tested."""
        return "run" in self.words or "output" in self.words or self.option("file") is not None


def blocks(markdown: str) -> list[Block]:
    """The fenced blocks of a document."""
    return [
        Block(match[1], tuple(match[2].split()), match[3], markdown.count("\n", 0, match.start()) + 1)
        for match in FENCE.finditer(markdown)
    ]


def links(markdown: str) -> list[str]:
    """The targets of links to files of the repository, code blocks apart."""
    return LINK.findall(FENCE.sub("", markdown))


def all_documents() -> list[Path]:
    """Every Markdown file a reader of the repository may open."""
    folders = [".", "reactive", "persistence", "smithers", "tests", "benchmarks", "examples", "changelog"]
    found = [path for folder in folders for path in sorted((ROOT / folder).glob("*.md"))]
    return found + sorted((ROOT / "docs").rglob("*.md"))


def pattern(text: str) -> re.Pattern[str]:
    """What a `text output` block promises: its lines in their order, `…` for anything, white space loosely."""
    parts = [r"\s+".join(re.escape(word) for word in part.split()) for part in text.split("…")]
    return re.compile(".*?".join(parts), re.DOTALL)


def run_block(block: Block, workspace: Path) -> str:
    """Run one block in the workspace and return what it printed; raises AssertionError when its exit code is wrong."""
    command = [sys.executable, "-c", block.text] if block.language == "python" else ["bash", "-ec", block.text]
    done = subprocess.run(
        command, cwd=workspace, env=tool_environment(), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    printed = done.stdout + done.stderr
    expected = int(block.option("exit") or 0)
    assert done.returncode == expected, f"exit {done.returncode}, expected {expected}:\n{printed[-4000:]}"
    return printed


def run_document(markdown: str, workspace: Path) -> None:
    """Follow a document as a reader would, block by block; raises AssertionError at the line that is not true."""
    printed = ""
    for block in blocks(markdown):
        name = block.option("file")
        try:
            if name is not None:
                (workspace / name).parent.mkdir(parents=True, exist_ok=True)
                (workspace / name).write_text(block.text, encoding="utf-8")
            elif "run" in block.words:
                printed = run_block(block, workspace)
            elif "output" in block.words:
                assert pattern(block.text).search(printed), f"not printed:\n{block.text}\nprinted:\n{printed[-4000:]}"
        except AssertionError as error:
            raise AssertionError(f"line {block.line}: {error}") from error
