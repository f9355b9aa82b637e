"""The file tools over a real folder: what they answer, and what they do to files."""

import os
from pathlib import Path

import pytest
from toolbox import one


@pytest.mark.requirement("G-5")
def test_reading_numbers_the_lines_and_says_where_to_go_on(tmp_path: Path) -> None:
    tmp_path.joinpath("a.txt").write_text("one\ntwo\nthree\n")
    assert one(tmp_path, "read", path="a.txt") == "     1\tone\n     2\ttwo\n     3\tthree"
    assert (
        one(tmp_path, "read", path="a.txt", offset=2, limit=1) == "     2\ttwo\n(there is more: read on with offset=3)"
    )
    assert one(tmp_path, "read", path="a.txt", offset=9) == "(the file has 3 lines)"
    assert one(tmp_path, "read", path=str(tmp_path / "a.txt")).startswith("     1\tone")


def test_an_empty_file_a_missing_one_a_folder_and_binary_are_told_apart(tmp_path: Path) -> None:
    tmp_path.joinpath("empty").touch()
    tmp_path.joinpath("blob").write_bytes(b"\0\1\2")
    tmp_path.joinpath("folder").mkdir()
    assert one(tmp_path, "read", path="empty") == "(the file is empty)"
    assert "No such file" in one(tmp_path, "read", path="nowhere")
    assert "there is no 'no'" in one(tmp_path, "read", path="no/where")
    assert "is a folder, not a file" in one(tmp_path, "read", path="folder")
    assert "is not text" in one(tmp_path, "read", path="blob")
    assert "'empty' is not a folder" in one(tmp_path, "read", path="empty/x")


def test_one_long_line_is_cut_and_a_long_file_continues(tmp_path: Path) -> None:
    tmp_path.joinpath("long").write_text("x" * 5_000 + "\nend\n")
    tmp_path.joinpath("many").write_text("".join(f"line {n}\n" for n in range(20_000)))
    assert "… (3000 more characters)\n     2\tend" in one(tmp_path, "read", path="long")
    assert one(tmp_path, "read", path="many", limit=5_000).endswith("(there is more: read on with offset=2001)")


@pytest.mark.requirement("G-5")
def test_writing_makes_folders_and_keeps_the_mode_of_what_it_replaces(tmp_path: Path) -> None:
    assert one(tmp_path, "write", path="new/deep/a.py", content="x = 1\n") == "Wrote 6 bytes to new/deep/a.py."
    script = tmp_path / "run.sh"
    script.write_text("old")
    script.chmod(0o755)
    one(tmp_path, "write", path="run.sh", content="new")
    assert script.read_text() == "new"
    assert script.stat().st_mode & 0o777 == 0o755
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new", "run.sh"]


def test_writing_does_not_reach_through_a_second_name_of_a_file(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("kept")
    workspace = tmp_path / "ws"
    workspace.mkdir()
    os.link(outside, workspace / "inside")
    one(workspace, "write", path="inside", content="changed")
    assert outside.read_text() == "kept"


def test_editing_replaces_exactly_one_place_unless_told_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("a = 1\nb = 1\n")
    assert "is in 'a.py' 2 times" in one(tmp_path, "edit", path="a.py", old="1", new="2")
    assert "is not in 'a.py'" in one(tmp_path, "edit", path="a.py", old="c", new="2")
    assert "use write to create it" in one(tmp_path, "edit", path="b.py", old="c", new="2")
    assert one(tmp_path, "edit", path="a.py", old="a = 1", new="a = 2") == "Edited a.py."
    assert file.read_text() == "a = 2\nb = 1\n"
    file.write_text("1 1")
    one(tmp_path, "edit", path="a.py", old="1", new="3", replace_all=True)
    assert file.read_text() == "3 3"


def test_glob_lists_by_path_and_leaves_out_what_nobody_wrote(tmp_path: Path) -> None:
    for path in ("a.py", "src/b.py", "src/deep/c.py", "src/d.txt", ".git/e.py", "node_modules/f.py", ".smithers/g.py"):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x\n")
    assert one(tmp_path, "glob", pattern="**/*.py").split() == ["a.py", "src/b.py", "src/deep/c.py"]
    assert one(tmp_path, "glob", pattern="*.py", path="src").split() == ["src/b.py", "src/deep/c.py"]
    assert one(tmp_path, "glob", pattern="src/*.py").split() == ["src/b.py"]
    assert one(tmp_path, "glob", pattern="node_modules/**").split() == ["node_modules/f.py"]
    assert one(tmp_path, "glob", pattern="*.rs") == "No file fits."
    assert "there is no 'nowhere'" in one(tmp_path, "glob", pattern="*", path="nowhere")


def test_grep_answers_path_line_and_text(tmp_path: Path) -> None:
    tmp_path.joinpath("a.py").write_text("def one():\n    return Two\n")
    tmp_path.joinpath("b.md").write_text("def two\n")
    tmp_path.joinpath("c.bin").write_bytes(b"\0def")
    assert one(tmp_path, "grep", pattern=r"^def \w+") == "a.py:1: def one():\nb.md:1: def two"
    assert one(tmp_path, "grep", pattern="def", glob="*.md") == "b.md:1: def two"
    assert one(tmp_path, "grep", pattern="TWO", ignore_case=True, path="a.py") == "a.py:2:     return Two"
    assert one(tmp_path, "grep", pattern="nothing") == "Nothing matches."
    assert "the search failed: " in one(tmp_path, "grep", pattern="(")


def test_a_search_that_finds_too_much_says_so(tmp_path: Path) -> None:
    tmp_path.joinpath("a").write_text("x\n" * 400)
    found = one(tmp_path, "grep", pattern="x").split("\n")
    assert len(found) == 301
    assert found[-1] == "(only the first 300 are shown)"


def test_an_expression_without_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from smithers_py.agents.tools import files

    monkeypatch.setattr(files, "SEARCH_SECONDS", 0.5)
    tmp_path.joinpath("a").write_text("found\n")
    tmp_path.joinpath("b").write_text("a" * 60 + "!\n")
    assert "it took too long" in one(tmp_path, "grep", pattern="(a|a)*$", path="b")
    both = one(tmp_path, "grep", pattern="found|^(a|a)*$")
    assert both == "a:1: found\n(the search took too long and was ended: this is what it had found)"
