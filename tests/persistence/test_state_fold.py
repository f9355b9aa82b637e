"""The fold of value deltas is the value, in both directions."""

from __future__ import annotations

import copy
import random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smithers_persistence import DeltaError
from smithers_persistence.packing import PACK_FROM, pack, unpack
from smithers_persistence.state_fold import Folder, fold, unfold


def text(value: object) -> str:
    return orjson.dumps(value).decode()


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))


def containers(value: object, path: list[object]) -> list[tuple[object, list[object]]]:
    """Every (container, path of one of its members) inside a value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: list[tuple[object, list[object]]] = []
    for step, member in list(members):
        found.append((value, [*path, step]))
        found += containers(member, [*path, step])
    return found


def random_step(value: object, chance: random.Random, new: object) -> tuple[object, dict[str, object]]:
    """The value after a random change, and the delta that says so."""
    value, new = copy.deepcopy((value, new))
    inside = containers(value, [])
    kinds = ["splice"]
    kinds += ["append"] * isinstance(value, list) + ["merge"] * isinstance(value, dict) + ["remove"] * bool(inside)
    kinds += ["increment"] * (type(value) is int)
    kind = chance.choice(kinds)
    if kind == "append":
        items = [new, chance.random()]
        return [*value, *items], {"append": items}
    if kind == "merge":
        keys = [key for key in value if chance.random() < 0.5]
        changes = {**{key: copy.deepcopy(new) for key in keys}, f"k{chance.randint(0, 9)}": 1}
        return {**value, **changes}, {"merge": changes, "was": {key: value[key] for key in changes if key in value}}
    if kind == "remove":
        container, path = chance.choice(inside)
        return value, {"remove": path, "was": container.pop(path[-1])}
    if kind == "increment":
        return value + 3, {"increment": 3}
    old, changed = text(value), text(new)
    return new, {"splice": [0, old, changed]}


@pytest.mark.requirement("S-5", "S-7")
@settings(max_examples=300, deadline=None)
@given(values, st.lists(values, min_size=1, max_size=8), st.integers(0, 2**32))
def test_deltas_step_both_ways(start: object, news: list[object], seed: int) -> None:
    chance = random.Random(seed)
    states, deltas = [start], []
    for new in news:
        state, delta = random_step(states[-1], chance, new)
        states.append(state)
        deltas.append(text(delta))
    for count in range(len(deltas) + 1):
        assert fold(text(start), deltas[:count]) == text(states[count])
    # Backwards one by one: a key that `remove` took comes back last, so the values are compared, not their texts.
    for before, after, delta in zip(states[:-1], states[1:], deltas, strict=True):
        assert orjson.loads(unfold(text(after), [delta])) == before


def test_absent_counts_as_empty() -> None:
    assert fold(None, ['{"append":[1]}', '{"append":[2]}']) == "[1,2]"
    assert fold(None, ['{"merge":{"a":1}}']) == '{"a":1}'
    assert fold(None, ['{"increment":2}', '{"increment":0.5}']) == "2.5"
    assert unfold("[1,2]", ['{"append":[1]}', '{"append":[2]}']) == "[]"


def test_a_splice_counts_characters() -> None:
    base = text(["ünï", "😀"])
    assert fold(base, [text({"splice": [base.index("😀"), "😀", "x"]})]) == text(["ünï", "x"])


@pytest.mark.parametrize(
    ("base", "delta"),
    [
        ("1", '{"append":[1]}'),
        ("[1]", '{"merge":{"a":1}}'),
        ("[1]", '{"remove":[4],"was":1}'),
        ('"abc"', '{"splice":[1,"zzz",""]}'),
        ('"abc"', '{"increment":1}'),
        ("null", '{"unheard":1}'),
    ],
)
def test_a_delta_that_does_not_fit_is_an_error(base: str, delta: str) -> None:
    with pytest.raises(DeltaError):
        fold(base, [delta])


def test_the_size_is_known_without_encoding() -> None:
    folder = Folder("[]")
    for _ in range(100):
        folder.apply(text({"append": ["x" * 1000]}))
    estimate = folder.size
    assert len(folder.text() or "") <= estimate <= 1.1 * len(folder.text() or "")


@given(st.text(max_size=3 * PACK_FROM) | st.text(alphabet="ab", min_size=PACK_FROM, max_size=4 * PACK_FROM))
def test_packing_keeps_every_text(content: str) -> None:
    stored = pack(content)
    assert unpack(stored) == content
    assert isinstance(stored, str) or len(stored) < len(content.encode())
    assert unpack(pack(None)) is None
