"""Every code is explained, its example shows it, what mends it does, and the document is what the catalogue says."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from authoring_tools import Smithers, Write

import smithers_py
from smithers_py.error_catalogue import entries, error_classes, markdown

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "smithers" / "smithers_py"
CHECKED = [one.code for one in entries().values() if one.shown_by == "check"]
RUN = [one.code for one in entries().values() if one.shown_by == "run"]


@pytest.mark.requirement("E-4")
def test_every_error_and_warning_has_an_entry() -> None:
    errors = {one.code: one.__name__ for one in error_classes()}
    text = "".join(path.read_text(encoding="utf-8") for path in (SOURCE / "harness").glob("*.py"))
    warned = set(re.findall(r'"(W\d{3})"', text))
    assert set(entries()) == set(errors) | warned
    assert {one.code: one.name for one in entries().values() if one.name} == errors
    assert len(set(errors.values())) == len(errors), "two classes with one code"


@pytest.mark.requirement("E-4")
def test_an_entry_is_whole() -> None:
    for one in entries().values():
        assert one.title, one.code
        assert one.cause.endswith("."), one.code
        assert one.mend, one.code
        assert one.example, one.code
        assert bool(one.fixed) <= bool(one.shown_by), f"{one.code}: a mended example needs one that shows the error"


@pytest.mark.requirement("E-4")
def test_the_document_is_generated_from_it() -> None:
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == markdown(), (
        "python -m smithers_py.error_catalogue > docs/errors.md"
    )


@pytest.mark.requirement("E-4", "A-7")
@pytest.mark.parametrize("code", CHECKED)
def test_check_shows_it_and_not_once_it_is_mended(code: str, script: Write, smithers: Smithers) -> None:
    entry = entries()[code]
    found = json.loads(smithers("check", script(entry.example), "--json")[1])["findings"]
    assert code in [one["code"] for one in found]
    exit_code, out, _ = smithers("check", script(entry.fixed), "--json")
    assert exit_code == 0, out
    assert code not in [one["code"] for one in json.loads(out)["findings"]]


@pytest.mark.requirement("E-4", "Z-23")
@pytest.mark.parametrize("code", RUN)
def test_a_run_shows_it_and_not_once_it_is_mended(code: str, script: Write) -> None:
    entry = entries()[code]
    wrong = asyncio.run(smithers_py.run(script(entry.example), idle_timeout=0))
    assert code in [error["code"] for error in wrong.errors], wrong
    right = asyncio.run(smithers_py.run(script(entry.fixed), idle_timeout=0))
    assert (right.status, right.errors) == ("completed", [])


@pytest.mark.requirement("E-4", "C-1")
def test_explain_takes_a_code_or_a_name(smithers: Smithers) -> None:
    code, out, err = smithers("explain", "e105")
    assert (code, err) == (0, "")
    assert out.startswith("E105 DuplicateKeyError\n")
    for part in ("Cause: ", "Example:\n    from smithers_py import plan", "Mend: "):
        assert part in out
    assert smithers("explain", "duplicatekeyerror")[1] == out
    assert smithers("explain", "W101")[1].startswith("W101\n")
    data = json.loads(smithers("explain", "E105", "--json")[1])
    assert set(data) == {"code", "name", "title", "cause", "example", "mend", "fixed"}


@pytest.mark.requirement("E-4", "C-1")
def test_explain_alone_lists_them_all(smithers: Smithers) -> None:
    assert [line[:4] for line in smithers("explain")[1].splitlines()] == list(entries())
    assert [one["code"] for one in json.loads(smithers("explain", "--json")[1])] == list(entries())


@pytest.mark.requirement("E-4", "C-4")
@pytest.mark.parametrize(("asked", "near"), [("E150", "E"), ("W1O1", "W101"), ("UnknownProp", "UnknownPropError")])
def test_explain_names_the_nearest(asked: str, near: str, smithers: Smithers) -> None:
    code, out, err = smithers("explain", asked)
    assert (code, out) == (2, "")
    assert f"Did you mean '{near}" in err
    assert "`smithers explain` lists them all" in err
