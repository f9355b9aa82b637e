"""A pipeline over the files of a folder: list, measure each in parallel, branch on what was found, write a report.

smithers run examples/pipeline.py
smithers run examples/pipeline.py --input '{"folder": "docs", "pattern": "**/*.md"}'

Every file is measured by a program (`wc`) and by a function; at most four files at once. The report is written to
`report.md` in the current folder.
"""

import re
from pathlib import Path

from pydantic import BaseModel

from smithers_py import Case, Command, Default, Each, End, If, Parallel, Phase, Step, Switch, Task, plan

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


class Input(BaseModel):
    folder: Path = Path(__file__).resolve().parent.parent
    pattern: str = "*.md"
    long_words: int = 1000


def list_files(folder, pattern):
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob(pattern) if path.is_file())


def broken_links(file):
    """Targets of a Markdown file's relative links that are not there."""
    text = file.read_text(encoding="utf-8", errors="replace")
    return [target for target in LINK.findall(text) if not (file.parent / target).exists()]


def headings(file):
    return [line.lstrip("# ") for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("#")]


@plan(input=Input)
def pipeline(ctx):
    given, state = ctx.input, ctx.state

    with Phase("list"):
        Task(lambda: list_files(given.folder, given.pattern), id="list").on_finished(
            lambda r: state.set("files", r.output, trigger="list.finished")
        )

    def measure(name, _index):
        def counted(r):
            lines, words, _name = r.stdout.split(maxsplit=2)
            state.merge("words", {name: int(words)}, trigger="wc.finished")
            state.increment("lines", int(lines), trigger="wc.finished")

        def checked(r):
            if r.output:
                state.merge("broken", {name: r.output}, trigger="links.finished")

        file = given.folder / name
        count = Command(["wc", "-lw", str(file)], id="wc", on_finished=counted)
        check = Task(lambda: broken_links(file), id="links", on_finished=checked)
        return Step(name, children=[count, check])  # a step's name is its key, and its ids are its own

    with Phase("measure"), Parallel(max_concurrency=4):
        Each(lambda: state.get("files", []), children=measure)

    words = state.get("words", {})
    longest = max(words, key=words.get, default="")

    with Phase("look closer"):
        with Switch(verdict(words, given.long_words)):
            with Case("empty"):
                Task(lambda: state.set("note", "no file matched", trigger="empty"))
            with Case("long"):
                Task(lambda: headings(given.folder / longest), id="outline").on_finished(
                    lambda r: state.set("note", f"{longest}: {' · '.join(r.output)}", trigger="outline.finished")
                )
            with Default():
                Task(lambda: state.set("note", "every file is short", trigger="short"))
        with If(lambda: state.get("broken")):
            Task(lambda: sum(map(len, state.get("broken").values())), id="count broken").on_finished(
                lambda r: state.set("broken_links", r.output, trigger="broken.counted")
            )

    with Phase("report"):
        Task(lambda: write_report(ctx), id="write")
        End(summary={"files": len(words), "words": sum(words.values()), "longest": longest, "report": "report.md"})


def verdict(words, long_words):
    if not words:
        return "empty"
    return "long" if max(words.values()) > long_words else "short"


def write_report(ctx):
    """Reads the state like a handler does; the file appears whole or not at all."""
    words, broken = ctx.state.get("words", {}), ctx.state.get("broken", {})
    rows = [f"| {name} | {words[name]:,} | {', '.join(broken.get(name, [])) or 'none'} |" for name in sorted(words)]
    table = "\n".join(["| file | words | broken links |", "|---|---|---|", *rows])
    ctx.fs.write("report.md", f"# {len(words)} files, {ctx.state.get('lines', 0):,} lines\n\n{table}\n")
