"""Random plan trees, and the four ways to write one as a script."""

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from hypothesis import strategies as st

HEAD = """from smithers_py import *
from plan_parts import Part, ok, work

"""
# A module of its own: `@phase` functions must be alone in their script to be its plan.
PARTS = """from smithers_py import Command, Step, component

def work():
    return 1

def ok(r):
    pass

@component
def Part(ctx, n):
    return Step(f"part {n}", children=[Command("true", id=f"inside {n}")])
"""
EVENTS = {
    "Phase": ("on_start", "on_complete", "on_error"),
    "Step": ("on_start", "on_complete"),
    "While": ("on_iteration", "on_complete"),
    "Ralph": ("on_complete",),
    "Command": ("on_finished", "on_error"),
    "Claude": ("on_finished", "on_progress"),
    "Task": ("on_finished",),
}
FIRST = {
    "Phase": "name",
    "Step": "name",
    "While": "id",
    "Ralph": "id",
    "Command": "argv",
    "Task": "fn",
    "If": "condition",
    "Text": "value",
    "Each": "items",
    "Stop": "reason",
}
"""What a positional argument is called."""
NAMED = ("Phase", "Step")
LOOPS = ("While", "Ralph")
WORK = ("Command", "Claude", "Task")


@dataclass(frozen=True)
class Tree:
    """One node as it is to be written. `number` makes names and ids unique; `marks`: has an id, has a key, chains."""

    kind: str
    number: int = 0
    id: bool = False
    key: bool = False
    chained: bool = False
    events: tuple[str, ...] = ()
    props: tuple[tuple[str, Any], ...] = ()
    children: tuple["Tree", ...] = field(default=())

    def arguments(self) -> list[str]:
        """What stands in the parentheses, children and handlers apart."""
        n = self.number
        first = {
            "Phase": f'"phase {n}"',
            "Step": f'"step {n}"',
            "While": f'"loop{n}", lambda: True',
            "Ralph": f'"loop{n}"',
            "Command": f'["echo", "{n}"]',
            "Task": "work",
            "Claude": f'prompt="do {n}"',
            "If": "True" if n % 2 else "lambda: True",
            "Text": f'"text {n}"',
            "Part": f"n={n}",
            "Each": f'["a{n}", "b{n}"], children=lambda item: Command(["echo", item], key=item)',
            "Stop": '"enough"',
        }
        found = [first[self.kind]] if self.kind in first else []
        found += [f"{name}={value!r}" for name, value in self.props]
        if self.id and self.kind not in LOOPS:
            found.append(f'id="id{n}"')
        if self.key:
            found.append(f'key="key{n}"')
        return found

    def opening(self, *more: str) -> str:
        """The call that makes the node, its handlers given as props or chained."""
        given = [] if self.chained else [f"{event}=ok" for event in self.events]
        chain = "".join(f".{event}(ok)" for event in self.events) if self.chained else ""
        return f"{self.kind}({', '.join([*self.arguments(), *given, *more])}){chain}"


def numbered(trees: tuple[Tree, ...], numbers: "count[int]") -> tuple[Tree, ...]:
    return tuple(replace(one, number=next(numbers), children=numbered(one.children, numbers)) for one in trees)


# -- the four ways ----------------------------------------------------------------------------------------------


def as_calls(trees: tuple[Tree, ...]) -> str:
    return f"{HEAD}@component\ndef App(ctx):\n    return [{', '.join(map(_call, trees))}]\n\napp = App\n"


def _call(tree: Tree) -> str:
    return tree.opening(f"children=[{', '.join(map(_call, tree.children))}]") if tree.children else tree.opening()


def as_blocks(trees: tuple[Tree, ...]) -> str:
    body = [line for tree in trees for line in _block(tree, decorated=False)]
    return f"{HEAD}@plan\ndef App(ctx):\n    pass\n" + "".join(f"    {line}\n" for line in body) + "\napp = App\n"


def as_decorators(trees: tuple[Tree, ...]) -> str:
    """Only for plans that are nothing but phases."""
    parts = [HEAD]
    for tree in trees:
        arguments = [*tree.arguments(), *(f"{event}=ok" for event in tree.events)]
        parts.append(f"@phase({', '.join(arguments)})\ndef phase_{tree.number}(ctx):\n    pass\n")
        parts += [f"    {line}\n" for child in tree.children for line in _block(child, decorated=True)]
    return "".join(parts)


def _block(tree: Tree, *, decorated: bool) -> list[str]:
    if decorated and tree.kind in WORK and not tree.children and (tree.kind == "Task" or "on_finished" in tree.events):
        return _decorated(tree)
    if not tree.children:
        return [tree.opening()]
    inner = [f"    {line}" for child in tree.children for line in _block(child, decorated=decorated)]
    return [f"with {tree.opening()}:", *inner]


def _decorated(tree: Tree) -> list[str]:
    name = {"Command": "command", "Claude": "claude_task", "Task": "task"}[tree.kind]
    if tree.kind == "Task":
        arguments = [*tree.arguments()[1:], *(f"{event}=ok" for event in tree.events)]
        bare = "" if not arguments and tree.number % 2 else f"({', '.join(arguments)})"
        return [f"@{name}{bare}", "def work():", "    return 1"]
    arguments = [*tree.arguments(), *(f"{event}=ok" for event in tree.events if event != "on_finished")]
    return [f"@{name}({', '.join(arguments)})", f"def t{tree.number}(r):", "    pass"]


def as_px(trees: tuple[Tree, ...]) -> str:
    """Elements in the component that `as_calls` writes with calls; a Text is text."""
    below = [_element(tree, 2) if tree.kind != "Text" else _call(tree) for tree in trees]
    return f"# coding: jsx\n{HEAD}@component\ndef App(ctx):\n    return [\n{', '.join(below)}\n    ]\n\napp = App\n"


def _element(tree: Tree, depth: int) -> str:
    arguments = tree.arguments()
    inside = [_child(child, depth + 1) for child in tree.children]
    if tree.kind == "Each":
        arguments[0], _, fn = arguments[0].partition(", children=")
        inside = [f"{{{fn}}}"]
    elif tree.kind == "While":
        arguments[0], _, condition = arguments[0].partition(", ")
        arguments.append(f"condition={condition}")
    given = [(name or FIRST[tree.kind], value) for name, value in map(_named, arguments)]
    # Each way to write a value and an event in turn.
    written = [
        f"{name}={value}" if (tree.number + at) % 3 and value[0] not in "[{" else f"{name}={{{value}}}"
        for at, (name, value) in enumerate(given)
    ]
    written += [f"{_camel(event) if tree.number % 2 else event}={{ok}}" for event in tree.events]
    head, gap = " ".join([tree.kind, *written]), "\n" + "    " * depth
    if not inside:
        return f"<{head} />"
    return f"<{head}>{gap}{gap.join(inside)}\n{'    ' * (depth - 1)}</{tree.kind}>"


def _child(tree: Tree, depth: int) -> str:
    if tree.kind == "Text":
        # Two texts on neighbouring lines would be one.
        plain = not (tree.id or tree.key) and tree.number % 2
        return f"text {tree.number}" if plain else _element(tree, depth)
    return _element(tree, depth)


def _named(argument: str) -> tuple[str, str]:
    """An argument of a call as name (empty for a positional one) and value."""
    name, equals, value = argument.partition("=")
    return (name, value) if equals and name.isidentifier() else ("", argument)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


# -- random trees ------------------------------------------------------------------------------------------------


def _props(kind: str) -> st.SearchStrategy[tuple[tuple[str, Any], ...]]:
    choices: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "Phase": {"skip_if": st.just(False)},
        "Step": {"snapshot_before": st.booleans()},
        "Parallel": {"max_concurrency": st.integers(1, 5)},
        "While": {"max_iterations": st.integers(1, 20)},
        "Ralph": {"max_iterations": st.integers(1, 20)},
        "Command": {"timeout": st.sampled_from([1.5, 60]), "check": st.booleans(), "env": st.just({"A": "b"})},
        "Claude": {"model": st.sampled_from(["sonnet", "haiku"]), "max_turns": st.integers(1, 60)},
        "Task": {"retries": st.integers(0, 3)},
    }
    found = choices.get(kind, {})
    return st.fixed_dictionaries({}, optional=found).map(lambda given: tuple(given.items()))


def _events(kind: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(EVENTS[kind]), unique=True).map(tuple) if kind in EVENTS else st.just(())


def _one(kinds: tuple[str, ...], children: st.SearchStrategy[Any]) -> st.SearchStrategy[Tree]:
    def of(kind: str) -> st.SearchStrategy[Tree]:
        return st.builds(
            Tree,
            kind=st.just(kind),
            id=st.booleans(),
            key=st.booleans(),
            chained=st.booleans() if kind in EVENTS else st.just(False),
            events=_events(kind),
            props=_props(kind),
            children=children,
        )

    return st.sampled_from(kinds).flatmap(of)


_LEAVES = _one((*WORK, "Part", "Each", "Stop", "Text", "Phase", "Step"), st.just(()))
_PROMPTED = _one(("Claude",), st.lists(_one(("Text",), st.just(())), min_size=1, max_size=2).map(tuple))


def _inner(below: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    kinds = ("Phase", "Step", "Parallel", "Fragment", "If", *LOOPS)
    return _one(kinds, st.lists(below, min_size=1, max_size=3).map(tuple))


_ANY = st.recursive(_LEAVES | _PROMPTED, _inner, max_leaves=8)


def plans() -> st.SearchStrategy[tuple[Tree, ...]]:
    """The output of an entry component."""
    return st.lists(_ANY, min_size=1, max_size=4).map(lambda trees: numbered(tuple(trees), count()))


def phase_plans() -> st.SearchStrategy[tuple[Tree, ...]]:
    """Plans that are nothing but phases."""
    phases = _one(("Phase",), st.lists(_ANY, max_size=3).map(tuple))
    return st.lists(phases, min_size=1, max_size=3).map(lambda trees: numbered(tuple(trees), count()))
