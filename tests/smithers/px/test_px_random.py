"""Random `.px` texts: what is right means what was meant, and what is wrong is refused, never a crash."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smithers_py.errors import PxSyntaxError
from smithers_py.px import compile_px

SOURCES = [
    (Path(__file__).parents[3] / "examples" / name).read_text(encoding="utf-8") for name in ("hello.px", "review.px")
]
BITS = [
    *"<>/={}()[]'\"#,.:;\\!&|?* \n\té日",
    "</",
    "/>",
    "<A",
    "{...",
    "=>",
    "/*",
    "*/",
    "lambda ",
    "for x in ",
    '"""',
    "f'{",
]


EDITS = st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from(BITS) | st.text(max_size=2))
PARTS = ["<A>", "</A>", "<A b=1 />", "x", " b=", "{x}", "<>", "</>", "if ", "for x in ", "\\0"]


class Node:
    """What an element makes here: its name, what it was given, and what is in it."""

    def __init__(self, name: str, /, **given: Any) -> None:
        self.name = name
        self.children = given.pop("children", [])
        self.given = given

    def data(self) -> Any:
        return self.name, self.given, [one.data() if isinstance(one, Node) else one for one in self.children]


def maker(name: str) -> Any:
    return lambda **given: Node(name, **given)


NAMES = ["Phase", "Step", "ns.Part", "Ünï"]
WORDS = st.text(st.characters(exclude_categories=["C"], exclude_characters="<>{}&"), min_size=1, max_size=8)
VALUES = st.one_of(st.integers(), st.booleans(), st.text(max_size=8), st.none(), st.lists(st.integers(), max_size=2))
TREES = st.recursive(
    st.tuples(
        st.sampled_from(NAMES), st.dictionaries(st.sampled_from(["a", "b", "ç"]), VALUES, max_size=3), st.just([])
    ),
    lambda below: st.tuples(
        st.sampled_from(NAMES),
        st.dictionaries(st.sampled_from(["a", "b", "ç"]), VALUES, max_size=3),
        st.lists(below | WORDS, max_size=4),
    ),
    max_leaves=12,
)


def printed(tree: Any, draw: st.DataObject) -> str:
    """One of the ways to write a tree."""
    if isinstance(tree, str):
        return draw.draw(st.sampled_from([f"{{{tree!r}}}", f"{{\n  {tree!r}  # note }}\n}}"]))
    name, given, children = tree
    attributes = []
    for key, value in given.items():
        forms = [f"{key}={{{value!r}}}", f"{key}={value!r}", f"{key} = ({value!r}\n)", f"{{...{{{key!r}: {value!r}}}}}"]
        if value is True:
            forms.append(key)
        attributes.append(draw.draw(st.sampled_from(forms)))
    gap = draw.draw(st.sampled_from([" ", "\n    ", " /* > */ ", " # />\n"]))
    head = gap.join([name, *attributes])
    if not children and draw.draw(st.booleans()):
        return f"<{head}{gap}/>"
    layout = draw.draw(st.sampled_from(["", "\n  ", "{/* } */}"]))
    return f"<{head}>{layout}{layout.join(printed(one, draw) for one in children)}{layout}</{name}>"


@pytest.mark.requirement("A-1")
@settings(max_examples=150, deadline=None)
@given(tree=TREES, data=st.data())
def test_a_printed_tree_is_that_tree(tree: Any, data: st.DataObject) -> None:
    text = f"made = (\n{printed(tree, data)}\n)\n"
    names: dict[str, Any] = {name: maker(name) for name in ("Phase", "Step", "Ünï")}
    names["ns"] = type("ns", (), {"Part": staticmethod(maker("ns.Part"))})
    exec(compile_px(text, "plan.px"), names)
    assert names["made"].data() == _meant(tree), text


def _meant(tree: Any) -> Any:
    if isinstance(tree, str):
        return tree
    name, given, children = tree
    return name, given, [_meant(one) for one in children]


@pytest.mark.requirement("A-3")
@settings(max_examples=400, deadline=None)
@given(
    source=st.sampled_from(SOURCES),
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from(BITS) | st.text(max_size=2)), max_size=4
    ),
)
def test_edits_are_compiled_or_refused(source: str, edits: list[tuple[float, int, str]]) -> None:
    for place, length, bit in edits:
        at = int(place * len(source))
        source = source[:at] + bit + source[at + length :]
    _compile(source)


@pytest.mark.requirement("A-3")
@settings(max_examples=300, deadline=None)
@given(bits=st.lists(st.sampled_from([*BITS, *PARTS]), max_size=25))
def test_anything_is_compiled_or_refused(bits: list[str]) -> None:
    _compile("x = " + "".join(bits))


def _compile(text: str) -> None:
    with contextlib.suppress(PxSyntaxError):
        compile_px(text, "plan.px")
        return
    with pytest.raises(PxSyntaxError) as caught:
        compile_px(text, "plan.px")
    error = caught.value
    lines = text.split("\n")
    assert error.lineno is not None
    assert 1 <= error.lineno <= len(lines)
    assert 1 <= error.column <= len(lines[error.lineno - 1]) + 1
    assert error.text == lines[error.lineno - 1]
    assert error.problem
    assert error.expected
