"""What the documents say is true: their code runs, their links lead somewhere, the README begins as CI expects."""

import re
from pathlib import Path

import pytest
from documents import all_documents, blocks, links, pattern, run_document
from repo import ROOT

DOCUMENTS = {path.relative_to(ROOT).as_posix(): path for path in all_documents()}
RUNNABLE = [
    name for name, path in DOCUMENTS.items() if any(b.runnable for b in blocks(path.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("name", RUNNABLE)
def test_runnable_blocks_run(name: str, workspace: Path) -> None:
    run_document(DOCUMENTS[name].read_text(encoding="utf-8"), workspace)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    folder = DOCUMENTS[name].parent
    assert [link for link in links(DOCUMENTS[name].read_text(encoding="utf-8")) if not (folder / link).exists()] == []


def test_the_readme_begins_with_its_two_commands() -> None:
    """The main job, then the tests: one line each, doing all set-up. CI runs the second, so this file does not."""
    first, second = [b for b in blocks((ROOT / "README.md").read_text(encoding="utf-8")) if b.language == "sh"][:2]
    for block in (first, second):
        assert not block.runnable
        assert len(block.text.splitlines()) == 1
        assert block.text.startswith("python3 -m venv .tools && ")
    assert "smithers run examples/fix_tests.py" in first.text
    assert "pytest" in second.text


def test_a_folder_explains_itself() -> None:
    folders = (
        "reactive",
        "persistence",
        "smithers",
        "tests",
        "benchmarks",
        "docs",
        "docs/adr",
        "examples",
        "changelog",
    )
    assert [folder for folder in folders if not (ROOT / folder / "README.md").exists()] == []


DOCUMENT = """
```python file=a/note.py
print("one", 2)
```
```sh run
python a/note.py
```
```text output
one  …
```
```sh run exit=3
exit 3
```
"""


def test_a_document_is_followed(workspace: Path) -> None:
    run_document(DOCUMENT, workspace)


@pytest.mark.parametrize(("old", "new"), [("one  …", "three"), ("exit=3", ""), ("python a/note.py", "python b.py")])
def test_a_false_document_is_found(old: str, new: str, workspace: Path) -> None:
    with pytest.raises(AssertionError, match=r"line \d+"):
        run_document(DOCUMENT.replace(old, new), workspace)


def test_an_output_block_is_read_loosely_and_in_order() -> None:
    assert pattern("a (1)\n…\nb").search("x\na   (1)\n\nlong\nb\n")
    assert not pattern("b\n…\na").search("a\nb\n")


def test_changelog_fragments_are_named_by_kind() -> None:
    named = re.compile(r"(README|\d+-[a-z0-9-]+\.(added|changed|fixed|removed))\.md")
    assert [path.name for path in (ROOT / "changelog").iterdir() if not named.fullmatch(path.name)] == []
