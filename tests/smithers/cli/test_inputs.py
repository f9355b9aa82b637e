"""What the user types for --state, --input and --db."""

import io

import pytest

from smithers_py.cli.inputs import database_path, parse_input, parse_state
from smithers_py.errors import UsageError


@pytest.mark.requirement("Z-22")
def test_the_database_is_the_option_else_the_variable_else_the_folder(tmp_path, monkeypatch):
    assert str(database_path(None)) == ".smithers/db.sqlite"
    monkeypatch.setenv("SMITHERS_DB", str(tmp_path / "env.sqlite"))
    assert database_path(None) == tmp_path / "env.sqlite"
    assert database_path(tmp_path / "flag.sqlite") == tmp_path / "flag.sqlite"


@pytest.mark.requirement("C-2")
def test_state_values_are_json_and_the_last_of_a_key_wins():
    assert parse_state(["n=1", 'text="a=b"', "n=[true, null]"]) == {"n": [True, None], "text": "a=b"}
    assert parse_state([]) == {}


@pytest.mark.requirement("E-4")
@pytest.mark.parametrize("pair", ["n", "=1", "n=", "n=yes", "n=NaN", "n=[1,", "n=" + "[" * 100_000])
def test_bad_state_says_how_to_type_it(pair):
    with pytest.raises(UsageError) as caught:
        parse_state([pair])
    assert "--state" in caught.value.render()
    assert len(caught.value.render()) < 400
    assert caught.value.hint


@pytest.mark.requirement("C-2")
def test_input_is_json_or_a_file_or_the_standard_input(tmp_path, monkeypatch):
    assert parse_input(None) is None
    assert parse_input('{"seed": 7}') == {"seed": 7}
    (tmp_path / "in.json").write_text('["ü"]', encoding="utf-8")
    assert parse_input(f"@{tmp_path / 'in.json'}") == ["ü"]
    monkeypatch.setattr("sys.stdin", io.StringIO("3"))
    assert parse_input("@-") == 3


@pytest.mark.requirement("E-4")
def test_bad_input_names_the_file_and_the_reason(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        parse_input(f"@{tmp_path / 'gone.json'}")
    (tmp_path / "bad.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="utf-8"):
        parse_input(f"@{tmp_path / 'bad.json'}")
    with pytest.raises(UsageError, match="not JSON"):
        parse_input("seed")
