from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithers_py.dsl.component import component
from smithers_py.dsl.props import props_equal
from smithers_py.nodes import Claude, If, Phase, Step, Task


def one():
    return 1


def two():
    return 2


class Thing:
    def method(self):
        return self


@dataclass
class Point:
    x: int


class Odd:
    def __eq__(self, other):
        raise ValueError("the truth value is ambiguous")

    __hash__ = None


@component
def Row(ctx, **props):
    return None


THING = Thing()
POINT = Point(1)


@pytest.mark.requirement("A-2")
@pytest.mark.parametrize(
    "pair",
    [
        ({"a": [1, {"b": (2, None)}]}, {"a": [1, {"b": (2, None)}]}),
        (one, one),
        (THING.method, THING.method),
        (Point(1), Point(1)),
        (Phase("a", children=[Step("b"), None, "t"]), Phase("a", children=[Step("b"), None, "t"])),
        (Claude(prompt="p", on_finished=one), Claude(prompt="p").on_finished(one)),
        (Row(a=[1], key="k"), Row(a=[1], key="k")),
        ({1, 2}, {2, 1}),
        (float("inf"), float("inf")),
    ],
)
def test_equal(pair):
    assert props_equal(*pair)


@pytest.mark.requirement("A-2")
@pytest.mark.parametrize(
    "pair",
    [
        (1, True),
        (1, 1.0),
        ([1], (1,)),
        ({"a": 1}, {"a": 1, "b": None}),
        ({"a": None}, {"b": None}),
        ([1, 2], [1]),
        (one, two),
        (lambda: 1, lambda: 1),
        (Thing().method, Thing().method),
        (Point(1), Point(2)),
        (Thing(), Thing()),
        (Odd(), Odd()),
        (Phase("a"), Phase("b")),
        (Phase("a"), Step("a")),
        (Phase("a", key=1), Phase("a", key="1")),
        (Phase("a", children=[Step("b")]), Phase("a", children=[Step("c")])),
        (Phase("a", children=[None]), Phase("a")),
        (Claude(prompt="p", on_finished=one), Claude(prompt="p", on_finished=two)),
        (Claude(prompt="p", on_finished=one), Claude(prompt="p", on_error=one)),
        (If(one), If(two)),
        (Task(one), Task(two)),
        (Row(a=1), Row(a=2)),
        (Row(a=1, key=1), Row(a=1, key=2)),
        (Row(), component(lambda ctx: None)()),
    ],
)
def test_different(pair):
    assert not props_equal(*pair)


def test_deep_values_do_not_recurse():
    def deep(leaf):
        value = [leaf]
        for _ in range(50_000):
            value = [value]
        return value

    assert props_equal(deep(1), deep(1))
    assert not props_equal(deep(1), deep(2))


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.requirement("A-2")
@given(json, json)
def test_equal_exactly_when_values_and_types_agree(a, b):
    def typed(value):
        if isinstance(value, list):
            return [typed(item) for item in value]
        if isinstance(value, dict):
            return {key: typed(item) for key, item in value.items()}
        return (type(value), value)

    assert props_equal(a, b) == (typed(a) == typed(b))
    assert props_equal(a, a)
