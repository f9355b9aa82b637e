"""What the human output looks like wherever it goes."""

import io
import json
import sys

import pytest

from smithers_py.cli import terminal

pytestmark = pytest.mark.requirement("C-3")


def stream(encoding, *, tty=False):
    class Stream(io.TextIOWrapper):
        def isatty(self):
            return tty

    return Stream(io.BytesIO(), encoding=encoding)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, ""),
        (0, "0ms"),
        (99, "99ms"),
        (100, "0.1s"),
        (12_340, "12.3s"),
        (59_999, "1m00s"),
        (125_000, "2m05s"),
        (7_380_000, "2h03m"),
    ],
)
def test_durations(ms, text):
    assert terminal.human_duration(ms) == text


def test_every_status_has_a_glyph_that_an_ascii_stream_can_carry():
    for status in (
        "idle",
        "scheduled",
        "running",
        "succeeded",
        "failed(handler)",
        "blocked",
        "cancelled",
        "abandoned",
        "skipped(upstream)",
        "waiting-human",
        "nonsense",
    ):
        assert terminal.glyph(status, stream("ascii")).isascii()
        assert len(terminal.glyph(status, stream("utf-8"))) == 1
    assert terminal.glyph("failed(handler)", stream("utf-8")) == "✗"


def test_colour_only_on_a_terminal_and_never_with_no_color(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.paint("x", "failed", stream("utf-8", tty=True)) == "x"
    monkeypatch.delenv("NO_COLOR")
    assert terminal.paint("x", "failed", stream("utf-8", tty=True)) == "\x1b[31mx\x1b[0m"
    assert terminal.paint("x", "failed", stream("utf-8")) == "x"
    monkeypatch.setenv("TERM", "dumb")
    assert terminal.paint("x", "failed", stream("utf-8", tty=True)) == "x"


def test_output_of_programs_cannot_steer_the_terminal():
    assert terminal.clean("\x1b[2J\x1b]0;title\x07a\tb\nc\x08\x9b31m") == "a b c31m"


def test_a_table_is_aligned_and_whole_in_a_pipe(capsys):
    terminal.table(("id", "name"), [("a", "x" * 300), ("long", "b\x1b[31m")])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["id    name", "a     " + "x" * 300, "long  b"]


def test_json_is_one_line_and_keeps_its_value_in_an_ascii_stream(monkeypatch):
    for encoding in ("utf-8", "ascii"):
        out = stream(encoding)
        monkeypatch.setattr(sys, "stdout", out)
        terminal.write_json({"text": "ü\n"})
        out.flush()
        text = out.buffer.getvalue().decode(encoding)
        assert text.endswith("\n")
        assert text.count("\n") == 1
        assert json.loads(text) == {"text": "ü\n"}


def test_text_that_the_stream_lacks_is_escaped(monkeypatch):
    out = stream("ascii")
    monkeypatch.setattr(sys, "stdout", out)
    terminal.say("wahr ✓")
    out.flush()
    assert out.buffer.getvalue() == b"wahr \\u2713\n"
