"""The editor's grammar colours what the compiler reads: tags and attributes, at the same places."""

import ast
import json
import re

import pytest
from px_textmate import FOLDER, Grammar

from smithers_py.px import compile_px, parse_px

ROOT = FOLDER.parents[2]
STARTER = ROOT / "smithers" / "smithers_py" / "cli" / "starter" / "plan.px.txt"
FILES = [*sorted((ROOT / "examples").glob("*.px")), STARTER]
TRICKY = """from smithers_py import *
x = a <b, c> (d)
y = [<A b={"}" + f(c > 1, d=<B />)} i e='</A>' f=lambda r: (r > 1, g(h=2))>it's &lt; {j} # no comment
    {/* <C> } */}{...k}{l and <D.E m /> if n < o else <>p</>}</A>, "<F>"]  # <G>
z = <H
    # </H> i=1
    i /* j=1 */ j={{"k": {"l": <M />}}}
    {...o} q="r
    s=1">{t => <U v={t} />}</H>
"""


def compiled(text: str) -> tuple[set[tuple[int, int, str]], set[tuple[int, int, str]]]:
    """The tags and the attributes as the compiler reads them: line and column (from 0), name."""
    lines = text.split("\n")
    tags: set[tuple[int, int, str]] = set()
    attributes: set[tuple[int, int, str]] = set()
    for node in ast.walk(parse_px(text, "plan.px")):
        if not isinstance(node, ast.Call):
            continue
        line = node.lineno - 1
        column = len(lines[line].encode()[: node.col_offset].decode())
        found = re.compile(r"<([A-Za-z_][\w.]*)").match(lines[line], column)
        if found is None:
            continue
        tags.add((line, column + 1, found[1]))
        for keyword in node.keywords:
            at = len(lines[keyword.lineno - 1].encode()[: keyword.col_offset].decode())
            if keyword.arg and lines[keyword.lineno - 1].startswith(keyword.arg, at):
                attributes.add((keyword.lineno - 1, at, keyword.arg))
    return tags, attributes


@pytest.mark.requirement("A-1")
@pytest.mark.parametrize("text", [*(file.read_text(encoding="utf-8") for file in FILES), TRICKY])
def test_it_colours_what_the_compiler_reads(text: str) -> None:
    found = Grammar().read(text)
    tags, attributes = compiled(text)
    assert {(one.line, one.column, one.text) for one in found if one.name == "entity.name.tag.px"} == tags
    names = {(one.line, one.column, one.text) for one in found if one.name == "entity.other.attribute-name.px"}
    # Of an element with a spread the compiler keeps no names.
    assert names >= attributes
    spread = {line for line, text in enumerate(text.split("\n")) if "{..." in text}
    assert {one for one in names - attributes if not any(abs(one[0] - line) < 4 for line in spread)} == set()
    assert len(tags) >= 4


@pytest.mark.requirement("A-1")
def test_the_files_of_the_extension_are_there() -> None:
    package = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))["contributes"]
    named = [one["path"] for one in [*package["grammars"], *package["snippets"]]]
    for name in [*named, package["languages"][0]["configuration"]]:
        json.loads((FOLDER / name).read_text(encoding="utf-8"))
    pattern = re.compile(package["problemMatchers"][0]["pattern"]["regexp"])
    found = pattern.match("plan.px:8:13: warning W101: Claude has no id (at App). Give it id=...")
    assert found is not None
    assert found.groups()[:5] == ("plan.px", "8", "13", "warning", "W101")


@pytest.mark.requirement("A-1")
def test_what_the_snippets_write_compiles() -> None:
    snippets = json.loads((FOLDER / "snippets" / "px.json").read_text(encoding="utf-8"))
    for name, one in snippets.items():
        text = "\n".join(one["body"])
        for _ in range(3):
            text = re.sub(r"\$\{\d+:([^${}]*(?:\{[^{}]*\})?[^${}]*)\}|\$\d+", lambda found: found[1] or "", text)
        if text.startswith("<"):
            text = f"x = (\n{text}\n)\n"
        compile_px(text.replace("            \n", "            {1}\n"), f"{name}.px")
    assert len(snippets) >= 10
