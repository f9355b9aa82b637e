"""Children: what stood between two tags as the `children=` of the call, by React's rules."""

from typing import NamedTuple

from smithers_py.px.pieces import Part, Piece
from smithers_py.px.source import Source
from smithers_py.px.text import meaning, touches_after, touches_before

RUN = "_px_text_run"
_BRACES = ("value", "function")


class Child(NamedTuple):
    """Something between two tags: "text", "value" and "function" (in braces), "spread", "element"."""

    kind: str
    start: int
    end: int
    part: Part = []  # noqa: RUF012 - never changed


def children_call(source: Source, children: list[Child]) -> tuple[Part, bool]:
    """The value of `children`, empty if there are none; and whether it needs `text_run`.

    A lambda alone is the children themselves (`Each`, loops, render props); all else is a list.
    """
    shown = [child for child in (_with_text(source, children, at) for at in range(len(children))) if child is not None]
    if not shown:
        return [], False
    if len(shown) == 1 and shown[0].kind == "function":
        return [shown[0].part], False
    parts: list[Part] = [Piece("[", shown[0].start, shown[0].start)]
    uses_run = False
    for group in _groups(source, shown):
        texts = [child.kind == "text" for child in group]
        run = any(texts) and not all(texts)
        uses_run = uses_run or run
        if run:
            parts.append(Piece(f"*{RUN}(", group[0].start, group[0].start))
        for child in group:
            parts += (child.part, Piece(", ", child.end, child.end))
        if run:
            parts.append(Piece("), ", group[-1].end, group[-1].end))
    parts.append(Piece("]", shown[-1].end, shown[-1].end))
    return parts, uses_run


def _with_text(source: Source, children: list[Child], at: int) -> Child | None:
    """The child with its pieces; None for text that is only layout."""
    child = children[at]
    if child.kind != "text":
        return child
    raw = source.text[child.start : child.end]
    text = meaning(
        raw,
        after_brace=at > 0 and children[at - 1].kind in _BRACES,
        before_brace=at + 1 < len(children) and children[at + 1].kind in _BRACES,
    )
    if not text:
        return None
    start = child.start + len(raw) - len(raw.lstrip())
    end = child.end - (len(raw) - len(raw.rstrip()))
    return child._replace(part=Piece(repr(text), min(start, end), max(start, end)))


def _groups(source: Source, children: list[Child]) -> list[list[Child]]:
    """Text and braces that touch one another on a line, together; all else alone."""
    groups: list[list[Child]] = []
    for child in children:
        if groups and _touch(source, groups[-1][-1], child):
            groups[-1].append(child)
        else:
            groups.append([child])
    return groups


def _touch(source: Source, one: Child, other: Child) -> bool:
    if one.end != other.start:
        return False
    if one.kind == "text":
        return other.kind in _BRACES and touches_after(source.text[one.start : one.end])
    if one.kind not in _BRACES:
        return False
    return other.kind in _BRACES or (other.kind == "text" and touches_before(source.text[other.start : other.end]))
