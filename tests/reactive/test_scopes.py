"""The renderer's side: key nodes, detached runs, commit, dirty lists."""

import pytest

from smithers_reactive import Computed, Runtime, Scope, Signal, WriteInPureError
from smithers_reactive.flags import DIRTY, DISPOSED
from smithers_reactive.invariants import check_invariants


class Store:
    """What the state store does with key nodes, at its smallest."""

    def __init__(self, rt: Runtime) -> None:
        self.rt, self.data, self.nodes = rt, {}, {}

    def get(self, key: str, default: object = None) -> object:
        log = self.rt.log
        if log is not None:
            node = self.nodes.get(key)
            if node is None:
                node = self.nodes[key] = self.rt.key_node(key)
            log.append(node)
        return self.data.get(key, default)

    def flush(self, **changes: object) -> None:
        with self.rt.batch():
            for key, value in changes.items():
                self.data[key] = value
                node = self.nodes.get(key)
                if node is not None:
                    node.touch()
                    if not node.observed:
                        del self.nodes[key]


def render(scope: Scope, fn):
    value, log = scope.run(fn)
    scope.commit(log)
    return value


@pytest.mark.requirement("R-1")
def test_absent_and_present_keys(rt: Runtime) -> None:
    store, scope = Store(rt), Scope(rt, owner="instance", name="App")
    assert render(scope, lambda: store.get("phase", "none")) == "none"
    assert scope.owner == "instance"
    assert [dep.name for dep in scope.deps] == ["phase"]
    store.flush(phase="research", other=1)
    assert rt.take_dirty() == [scope]
    assert scope.is_stale()
    assert render(scope, lambda: store.get("phase")) == "research"
    store.flush(other=2)
    assert rt.take_dirty() == []
    check_invariants(rt, [scope])


@pytest.mark.requirement("Z-24")
def test_an_idle_computed_hears_of_a_key_that_was_dropped(rt: Runtime) -> None:
    store = Store(rt)
    c = Computed(lambda: store.get("k", 0), runtime=rt)
    assert c.get() == 0
    store.flush(k=1)
    assert store.nodes == {}
    store.flush(k=2)  # no node any more: nothing to touch
    assert c.get() == 2
    store.flush(k=3)
    assert c.get() == 3


@pytest.mark.requirement("R-1")
def test_a_scope_is_listed_once_and_marked_until_it_is_dealt_with(rt: Runtime) -> None:
    store, scope = Store(rt), Scope(rt)
    render(scope, lambda: (store.get("a"), store.get("b"), store.get("a")))
    assert len(scope.deps) == 2
    store.flush(a=1, b=1)
    store.flush(a=2)
    assert rt.dirty == [scope]
    assert rt.take_dirty() == [scope]
    store.flush(a=3)
    assert rt.take_dirty() == []  # still marked: whoever took it has it
    rt.requeue([scope])
    rt.requeue([scope])
    assert rt.take_dirty() == [scope]
    render(scope, lambda: store.get("a"))
    store.flush(a=4)
    assert rt.take_dirty() == [scope]


@pytest.mark.requirement("R-2")
def test_is_stale_asks_the_computeds_between(rt: Runtime) -> None:
    s, ran = Signal(1), []
    parity = Computed(lambda: (ran.append(1), s.get() % 2)[1])
    scope = Scope(rt)
    assert render(scope, parity.get) == 1
    s.set(3)
    assert rt.take_dirty() == [scope]
    assert not scope.is_stale()
    s.set(4)
    assert rt.take_dirty() == [scope]
    assert scope.is_stale()
    assert scope.is_stale()
    assert scope.flags & DIRTY
    assert len(ran) == 3
    assert render(scope, parity.get) == 0
    assert not scope.is_stale()
    check_invariants(rt, [scope])


@pytest.mark.requirement("Z-9")
def test_a_run_that_raises_changes_nothing(rt: Runtime) -> None:
    store, scope = Store(rt), Scope(rt)
    render(scope, lambda: store.get("a"))
    store.flush(a=1)
    taken = rt.take_dirty()
    flags, deps = scope.flags, list(scope.deps)

    def fails() -> None:
        store.get("b")
        raise LookupError

    with pytest.raises(LookupError):
        scope.run(fails)
    assert (scope.flags, list(scope.deps)) == (flags, deps)
    assert not store.nodes["b"].observed
    assert rt.log is None
    rt.requeue(taken)
    assert rt.take_dirty() == [scope]
    assert render(scope, lambda: store.get("a")) == 1
    check_invariants(rt, [scope, *store.nodes.values()])


@pytest.mark.requirement("Z-9")
def test_a_run_cut_short_deep_inside_changes_nothing_either(rt: Runtime) -> None:
    fail = [RecursionError()]

    def fragile() -> None:
        if fail:
            raise fail.pop()

    deep, scope = Computed(fragile), Scope(rt)
    flags = scope.flags
    with pytest.raises(RecursionError):
        scope.run(deep.get)
    assert scope.flags == flags
    assert render(scope, deep.get) is None


@pytest.mark.requirement("R-1")
def test_a_change_between_run_and_commit_is_not_lost(rt: Runtime) -> None:
    a, b = Signal(1), Signal(1)
    double = Computed(lambda: a.get() * 2)
    scope = Scope(rt)
    _, log = scope.run(double.get)
    a.set(2)
    scope.commit(log)
    assert rt.take_dirty() == [scope]
    assert scope.is_stale()
    _, log = scope.run(double.get)
    b.set(2)  # has nothing to do with it
    scope.commit(log)
    assert rt.take_dirty() == [scope]
    assert not scope.is_stale()
    check_invariants(rt, [scope])


@pytest.mark.requirement("R-2")
def test_a_child_rendered_by_its_parent_is_not_listed_again(rt: Runtime) -> None:
    store = Store(rt)
    parent, child = Scope(rt), Scope(rt)
    render(parent, lambda: store.get("k"))
    render(child, lambda: store.get("k"))
    store.flush(k=1)
    render(parent, lambda: store.get("k"))
    render(child, lambda: store.get("k"))  # with the parent, before anybody took the list
    assert rt.take_dirty() == []
    store.flush(k=2)
    assert rt.take_dirty() == [parent, child]


@pytest.mark.requirement("R-1")
def test_runs_nest_and_their_logs_stay_apart(rt: Runtime) -> None:
    a, b = Signal(1, name="a"), Signal(2, name="b")
    outer, inner = Scope(rt), Scope(rt)

    def body():
        a.get()
        _, inner_log = inner.run(b.get)
        a.get()
        return inner_log

    inner_log, outer_log = outer.run(body)
    assert (outer_log, inner_log) == ([a, a], [b])


@pytest.mark.requirement("R-3")
def test_a_scope_run_is_pure(rt: Runtime) -> None:
    s = Signal(1, name="s")
    with pytest.raises(WriteInPureError, match="'s' was written while 'Row'"):
        Scope(rt, name="Row").run(lambda: s.set(2))


@pytest.mark.requirement("R-5")
def test_a_disposed_scope_is_out_for_good(rt: Runtime) -> None:
    store, scope = Store(rt), Scope(rt)
    render(scope, lambda: store.get("a"))
    store.flush(a=1)
    _, log = scope.run(lambda: store.get("a"))
    scope.dispose()
    scope.commit(log)
    rt.requeue([scope])
    assert rt.take_dirty() == []
    assert scope.flags == DISPOSED
    assert not store.nodes["a"].observed
    assert not scope.is_stale()
    check_invariants(rt, [scope, *store.nodes.values()])


def test_marking_follows_the_order_of_subscription(rt: Runtime) -> None:
    store = Store(rt)
    scopes = [Scope(rt, name=i) for i in range(50)]
    for scope in scopes:
        render(scope, lambda: store.get("k"))
    scopes[7].dispose()
    store.flush(k=1)
    assert [scope.name for scope in rt.take_dirty()] == [i for i in range(50) if i != 7]
