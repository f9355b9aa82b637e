"""The live view of a plan, fed by frames as the engine reports them."""

import pytest

from smithers_py.harness.labels import node_label
from smithers_py.harness.plan_view import PlanView

pytestmark = pytest.mark.requirement("C-3", "T-8")

MOUNT = [
    ["+", "0123456789abcdef", None, None, "App", None, {}],
    ["+", "1123456789abcdef", "0123456789abcdef", None, "Phase", "build", {}],
    ["+", "w", "1123456789abcdef", None, "Command", None, {"argv": ["pytest", "-q", "a b"]}],
    ["+", "p", "w", None, "Text", None, {"value": "a prompt"}],
    ["+", "z", "1123456789abcdef", "w", "Claude", None, {"model": "sonnet"}],
]


class Clock:
    def __init__(self):
        self.ms = 1_000

    def now_ms(self):
        return self.ms

    def monotonic_ms(self):
        return self.ms


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def view(clock):
    view = PlanView(clock)
    view.begin("ex1", "demo")
    view.apply(MOUNT, [])
    return view


def shown(view):
    return [(depth, node.node_id, node.status) for depth, node in view.rows()]


def test_rows_are_in_plan_order_without_prompts(view):
    assert shown(view) == [
        (0, "0123456789abcdef", "idle"),
        (1, "1123456789abcdef", "idle"),
        (2, "w", "idle"),
        (2, "z", "idle"),
    ]


def test_statuses_are_timed_and_only_changes_are_reported(view, clock):
    changed = view.apply([], [("w", "running", None), ("z", "idle", None), ("gone", "running", None)])
    assert [node.node_id for node in changed] == ["w"]
    clock.ms += 250
    assert view.nodes["w"].duration_ms(clock.ms) == 250
    view.output("w", "stdout", "3 passed")
    view.output("w", "stdout", "   ")
    view.apply([], [("w", "succeeded", None)])
    clock.ms += 1_000
    node = view.nodes["w"]
    assert (node.duration_ms(clock.ms), node.last_line) == (250, "3 passed")
    assert view.counts() == [("succeeded", 1), ("idle", 4)]
    assert view.elapsed_ms() == 1_250


def test_moves_updates_and_unmounts(view):
    view.apply(
        [
            [">", "z", "0123456789abcdef", None, "1123456789abcdef", "w"],
            ["~", "z", {"model": "opus"}, {"model": "sonnet"}],
            ["-", "p", "w", None, "Text", None, {"value": "a prompt"}],
            ["-", "w", "1123456789abcdef", None, "Command", None, {}],
        ],
        [],
    )
    assert [(depth, node_id) for depth, node_id, _ in shown(view)] == [
        (0, "0123456789abcdef"),
        (1, "z"),
        (1, "1123456789abcdef"),
    ]
    assert view.nodes["z"].plan.props == {"model": "opus"}
    assert view.counts() == [("idle", 3)]


def test_a_failure_is_kept_after_its_node_is_gone_and_forgotten_when_it_ran_again(view):
    view.apply([], [("w", "failed", "exit code 1")])
    view.apply([["-", "p", "w", None, "Text", None, {}], ["-", "w", "1123456789abcdef", None, "Command", None, {}]], [])
    assert view.failures == {"w": ("Phase build / Command w", "exit code 1")}
    view.apply([["+", "w", "1123456789abcdef", None, "Command", None, {}]], [("w", "succeeded", None)])
    assert view.failures == {}


def test_a_new_incarnation_in_the_same_frame_starts_anew(view):
    view.apply([], [("z", "running", None)])
    view.apply(
        [
            ["-", "z", "1123456789abcdef", "w", "Claude", None, {}],
            ["+", "z", "1123456789abcdef", "w", "Claude", None, {}],
        ],
        [],
    )
    assert view.nodes["z"].status == "idle"
    assert view.counts() == [("idle", 5)]


def test_a_deep_and_a_wide_plan(clock):
    view = PlanView(clock)
    deep = [["+", f"d{n}", f"d{n - 1}" if n else None, None, "Fragment", None, {}] for n in range(2_000)]
    wide = [["+", f"w{n}", None, f"w{n - 1}" if n else "d0", "Task", None, {}] for n in range(20_000)]
    view.apply(deep + wide, [("d1999", "failed", None)])
    rows = view.rows()
    assert len(rows) == 22_000
    assert rows[1_999][0] == 1_999
    assert view.failures["d1999"][0] == "Fragment d1999"


@pytest.mark.parametrize(
    ("type_name", "name", "node_id", "props", "label"),
    [
        ("Phase", "build", "0123456789abcdef", {}, "Phase build"),
        ("Command", None, "0123456789abcdef", {"argv": ["a", "b c"]}, "Command a 'b c'"),
        ("Command", None, "0123456789abcdef", {"shell": "make\n all"}, "Command make all"),
        ("Task", None, "loop/2/w", {}, "Task w"),
        ("Task", None, "0123456789abcdef", {"fn": "plan:App.work"}, "Task App.work"),
        ("Claude", None, "0123456789abcdef", {"model": "sonnet"}, "Claude sonnet"),
        ("Parallel", None, "0123456789abcdef", {}, "Parallel"),
        ("Step", "x" * 100, "t", {}, "Step " + "x" * 59 + "…"),
        ("Task", "greet", "hi", {}, "Task hi"),
    ],
)
def test_labels(type_name, name, node_id, props, label):
    assert node_label(type_name, name, node_id, props) == label


@pytest.mark.requirement("G-2")
def test_what_an_agent_does_is_told_by_its_tokens_tool_and_last_line(view):
    node = view.nodes["z"]
    for piece in ("I shall ", "look.\nLet", " us see.", "\n"):
        view.output("z", "text", piece)
    assert node.last_line == "Let us see."
    view.output("z", "usage", "52")
    view.output("z", "tool", "read a.txt")
    assert (node.tokens, node.tool) == (52, "read a.txt")
    view.output("z", "tool", "")
    view.output("z", "text", "x" * 100 + " the end")
    assert node.tool == ""
    assert node.last_line.endswith("the end")
    assert len(node.last_line) == 60
    view.output("gone", "text", "nobody listens")
