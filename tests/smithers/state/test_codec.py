"""S-1: what state can hold comes back equal and of the same type; the rest is refused at the call."""

import json
import sys
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import ModuleType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import stored_types as t
from hypothesis import given
from hypothesis import strategies as st

from smithers_py.errors import StateValueError
from smithers_py.state.codec import MAX_DEPTH, decode, encode

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(UTC) | st.just(ZoneInfo("Europe/Berlin")))
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.decimals(allow_nan=False)
    | st.sampled_from([*t.Colour, *t.Level, *t.Word])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.just("$type"), inner)
        | st.builds(t.Point, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.lists(inner))
    ),
    max_leaves=12,
)


def shape(value: Any) -> Any:
    """The value with its types, because 1 == True == 1.0."""
    if isinstance(value, list | tuple):
        return type(value), [shape(item) for item in value]
    if isinstance(value, dict):
        return dict, [(name, shape(item)) for name, item in value.items()]
    if isinstance(value, t.Point):
        return t.Point, value.x, shape(value.y), shape(value.tags)
    return type(value), str(value), value


@pytest.mark.requirement("S-1", "Z-15")
@given(values)
def test_round_trip(value: Any) -> None:
    text, _ = encode("k", value)
    assert shape(decode(text)) == shape(value)
    assert encode("k", decode(text))[0] == text, "equality of values is equality of texts"
    json.loads(text, parse_constant=pytest.fail)


@pytest.mark.requirement("S-1")
@pytest.mark.parametrize(
    "value",
    [
        t.Point(1, 2.5, [(1, 2), date(2026, 1, 1)]),
        t.Span(date(2026, 1, 1), date(2026, 2, 1)),
        t.Inner(when=datetime(2026, 1, 1), marks={3, 1}),
        t.Outer(inner=t.Inner(when=datetime(2026, 1, 1)), theName="a", anything={"$type": 1}),
        t.Numbers([1, 2]),
        t.Holder.Nested(n=1),
        t.Access.READ | t.Access.WRITE,
        t.Access(0),
        datetime(2013, 3, 31, 2, 0, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        time(12, 30, tzinfo=UTC),
        -(2**63),
        2**63,
        Decimal("1.10"),
        UUID(int=5),
        -0.0,
        [t.Word.YES, {"a": (t.Level.LOW,)}],
    ],
    ids=str,
)
def test_registered_types_come_back(value: Any) -> None:
    text, _ = encode("k", value)
    back = decode(text)
    assert type(back) is type(value)
    assert back == value
    assert str(back) == str(value)


def test_an_integer_of_any_length() -> None:
    assert decode(encode("k", -(10**5000))[0]) == -(10**5000)


def test_a_dataclass_keeps_what_it_holds_and_not_what_its_constructor_would_make() -> None:
    counted = t.Counted([1, 2])
    counted.total = 99
    assert decode(encode("k", counted)[0]).total == 99


def test_type_names() -> None:
    assert encode("k", [1])[1] is None
    assert encode("k", {"$type": "x"})[1] == "dict"
    assert encode("k", (1,)) == ('{"$type":"tuple","v":[1]}', "tuple")
    assert encode("k", t.Colour.RED) == ('{"$type":"stored_types:Colour","v":"RED"}', "stored_types:Colour")


@pytest.mark.requirement("Z-15")
def test_equal_in_python_is_not_equal_in_state() -> None:
    assert len({encode("k", value)[0] for value in (1, True, 1.0, "1", [1], (1,))}) == 6


class Opaque:
    pass


def local_class() -> Any:
    class Local(t.Inner):
        pass

    return Local(when=datetime(2026, 1, 1))


looped: list[Any] = []
looped.append(looped)
deep: Any = 1
for _ in range(MAX_DEPTH + 1):
    deep = [deep]


async def coroutine() -> int:
    return 1


class Text(str):
    __slots__ = ()


REFUSED: list[tuple[Any, str, str, str]] = [
    (Opaque(), "Opaque", "", "ctx.vol"),
    ({"a": [1, {2, 3}]}, "set", "a[1]", "sorted"),
    ({"a": b"x"}, "bytes", "a", "ctx.fs"),
    ([float("nan")], "float", "[0]", "None"),
    ({"a": {"b": float("inf")}}, "float", "a.b", "None"),
    ({1: 2}, "dict", "", "str(...)"),
    ({"x": ({"y": Opaque()},)}, "Opaque", "x[0].y", "ctx.vol"),
    ("\ud800", "str", "", "errors='replace'"),
    ({"\ud800": 1}, "str", "\ud800", "errors='replace'"),
    (local_class(), "local_class.<locals>.Local", "", "top level"),
    (t.Outer(inner=t.Inner(when=datetime(2026, 1, 1)), anything=date(2026, 1, 1)), "Outer", "", "exact types"),
    (t.WithInitVar(1), "WithInitVar", "", "InitVar"),
    (Text("x"), "Text", "", "str(value)"),
    (time(1, tzinfo=ZoneInfo("Europe/Berlin")), "time", "", "fixed offset"),
    ([print], "builtin_function_or_method", "[0]", "ctx.vol"),
]


@pytest.mark.requirement("S-1", "E-4")
@pytest.mark.parametrize(("value", "type_name", "path", "mend"), REFUSED, ids=[row[1] for row in REFUSED])
def test_refusals_name_key_place_type_and_mend(value: Any, type_name: str, path: str, mend: str) -> None:
    with pytest.raises(StateValueError) as caught:
        encode("report", value)
    error = caught.value
    assert (error.key, error.type, error.path) == ("report", type_name, path)
    assert "'report'" in str(error)
    assert mend in error.hint


def test_a_forgotten_await_is_refused_and_closed() -> None:
    with pytest.raises(StateValueError) as caught:
        encode("k", coroutine())
    assert "Await" in caught.value.hint


@pytest.mark.parametrize("value", [looped, deep, {"a": deep}], ids=["loop", "deep", "deeper"])
def test_depth_is_an_error_and_not_a_crash(value: Any) -> None:
    with pytest.raises(StateValueError, match="nested deeper"):
        encode("k", value)


def test_the_deepest_allowed_value_is_read_back() -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH):
        value = [value]
    assert decode(encode("k", value)[0]) == value


@pytest.mark.requirement("X-1")
def test_stored_names_are_looked_up_and_never_imported() -> None:
    asked: list[str] = []
    module = ModuleType("lazy_module")
    module.__getattr__ = asked.append  # type: ignore[method-assign]
    sys.modules["lazy_module"] = module
    try:
        for name in ("lazy_module:Thing", "xml.dom.pulldom:PullDOM", "os:system", "builtins:list", "nonsense", ":"):
            with pytest.raises(StateValueError, match="no loaded module"):
                decode(json.dumps({"$type": name, "v": []}), "k")
    finally:
        del sys.modules["lazy_module"]
    assert not asked
    assert "xml.dom.pulldom" not in sys.modules


@pytest.mark.parametrize(
    "text",
    [
        '{"$type":"stored_types:Colour","v":"GREEN"}',
        '{"$type":"stored_types:Span","v":{"start":1}}',
        '{"$type":"stored_types:Inner","v":{}}',
        '{"$type":"datetime","v":"soon"}',
        '{"$type":"tuple"}',
        '{"$type":"dict"}',
        '{"$type":"dict","v":1}',
        '{"$type":["x"],"v":1}',
    ],
)
def test_what_no_longer_fits_is_a_typed_error(text: str) -> None:
    with pytest.raises(StateValueError):
        decode(text, "k")


def test_a_new_field_with_a_default_is_filled_in() -> None:
    assert decode('{"$type":"stored_types:Point","v":{"x":1,"gone":2}}') == t.Point(1)
