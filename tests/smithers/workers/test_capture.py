"""Lines out as they come, and the whole up to a limit."""

import itertools
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithers_py.workers.capture import LINE_LIMIT, Capture, HeadTail


def feed(*parts: bytes, limit: int = 1_000_000) -> tuple[list[str], Capture]:
    lines: list[str] = []

    def emit(kind: str, payload: dict[str, Any]) -> None:
        assert kind == "stdout"
        lines.append(payload["line"])

    capture = Capture("stdout", emit, limit)
    for part in parts:
        capture.feed(part)
    capture.feed(b"", final=True)
    return lines, capture


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_how_the_bytes_are_cut_changes_nothing(data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    lines, capture = feed(*(data[a:b] for a, b in itertools.pairwise(places)))
    text = data.decode("utf-8", errors="replace")
    assert capture.text == text
    assert not capture.truncated
    expected = text.split("\n")
    if not expected[-1]:
        expected.pop()
    assert lines == [line.removesuffix("\r") for line in expected]


@given(st.lists(st.text(max_size=30), max_size=12), st.integers(1, 40))
def test_head_and_tail_of_any_text(parts: list[str], limit: int) -> None:
    kept = HeadTail(limit)
    for part in parts:
        kept.add(part)
    text = "".join(parts)
    if len(text) <= limit:
        assert kept.text() == text
    else:
        head, tail = text[: limit // 2], text[len(text) - (limit - limit // 2) :]
        assert kept.text() == f"{head}\n… [{len(text) - limit} characters left out] …\n{tail}"
    assert kept.left_out == max(0, len(text) - limit)


def test_a_last_line_without_end_is_kept_and_an_ended_one_is_not_doubled() -> None:
    assert feed(b"a\nb")[0] == ["a", "b"]
    assert feed(b"a\nb\n")[0] == ["a", "b"]
    assert feed(b"\n\n")[0] == ["", ""]
    assert feed()[0] == []


def test_only_newlines_end_lines() -> None:
    assert feed("10%\r20%\r\nx\x0by\u2028z\n".encode())[0] == ["10%\r20%", "x\x0by\u2028z"]


def test_a_very_long_line_is_cut_for_emit_only() -> None:
    lines, capture = feed(*[b"x" * 1000] * 10, b"\nshort\n")
    assert lines == ["x" * LINE_LIMIT + f" … ({10_000 - LINE_LIMIT} more characters)", "short"]
    assert capture.text == "x" * 10_000 + "\nshort\n"


@pytest.mark.parametrize("piece", [b"x" * 1000, b"line\n" * 200])
def test_endless_output_needs_no_endless_memory(piece: bytes) -> None:
    capture = Capture("stdout", lambda kind, payload: None, 10_000)
    tracemalloc.start()
    for _ in range(2_000):
        capture.feed(piece)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 200_000
    assert capture.truncated
