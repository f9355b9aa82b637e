"""Nodes that choose and repeat: Fragment, text, If, Switch, Each (N-1). All are transparent for sequencing (Z-5)."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from smithers_py.nodes.base import BaseNode, NodeKind


class Fragment(BaseNode):
    """Groups children without adding anything: a component that returns several nodes as one.

    It has no place of its own in an order: its children stand where it stands.

        Fragment(children=[Task(work, id="one"), Task(work, id="two")])
    """

    if TYPE_CHECKING:

        def __init__(self, *, children: Any = None, id: str | None = None, key: str | int | None = None) -> None: ...  # noqa: A002


class Text(BaseNode):
    """A piece of text; what strings and numbers among children become.

    The children of an agent are its prompt.

        Claude(id="poet", children=["Write a poem about ", Text("bees")])
    """

    kind: ClassVar[NodeKind] = NodeKind.TEXT
    positional: ClassVar[tuple[str, ...]] = ("value",)

    value: str

    if TYPE_CHECKING:

        def __init__(self, value: str, *, id: str | None = None, key: str | int | None = None) -> None: ...  # noqa: A002


class If(BaseNode):
    """Its children while `condition` is true, else `fallback`.

    `condition` is a value, or a function without arguments: then only this node renders again when its reads change.
    `fallback` is a node, a text, None or a list of these.

        If(
            lambda: ctx.state.get("tested"),
            children=[Task(work, id="publish")],
            fallback=[Task(work, id="test").on_finished(lambda r: ctx.state.set("tested", True))],
        )
    """

    positional: ClassVar[tuple[str, ...]] = ("condition",)
    hints: ClassVar[dict[str, str]] = {
        "condition": 'Pass a value or a function: If(lambda: ctx.state.get("ready"), children=[...]).',
    }
    structural: ClassVar[frozenset[str]] = frozenset({"fallback"})

    condition: Any
    fallback: Any = None

    if TYPE_CHECKING:

        def __init__(
            self,
            condition: Any,
            *,
            children: Any = None,
            fallback: Any = None,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...


class Switch(BaseNode):
    """The first `Case` that matches `value` (or a function giving it), else `Default`.

    It has no other children.

        with Switch(lambda: ctx.state.get("kind", "bug")):
            with Case(["bug", "crash"]):
                Task(work, id="mend")
            with Default():
                Task(work, id="build")
    """

    positional: ClassVar[tuple[str, ...]] = ("value",)

    value: Any

    if TYPE_CHECKING:

        def __init__(
            self,
            value: Any,
            *,
            children: Any = None,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...


class Case(BaseNode):
    """A branch of `Switch`, taken when the value equals `match`, or one of them when it is a list, tuple or set.

    Equal means of the same type, too: `Case(1)` does not match True.

        Switch(2, children=[Case(1, children=["one"]), Case([2, 3], children=[Task(work, id="few")])])
    """

    positional: ClassVar[tuple[str, ...]] = ("match",)

    match: Any

    if TYPE_CHECKING:

        def __init__(
            self,
            match: Any,
            *,
            children: Any = None,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...


class Default(BaseNode):
    """The branch of `Switch` taken when no `Case` matches.

    Where it stands among the cases makes no difference.

        Switch("red", children=[Case("blue", children=["sky"]), Default(children=[Task(work, id="other")])])
    """

    if TYPE_CHECKING:

        def __init__(self, *, children: Any = None, id: str | None = None, key: str | int | None = None) -> None: ...  # noqa: A002


class Each(BaseNode):
    """One child per item: `children` is a function of (item) or (item, index). Every child needs a key.

    `items` is an iterable, or a function without arguments: then only this node renders again when its reads change.
    The key stays with the item, so a list that is reordered keeps its running tasks.

        Each(
            lambda: ctx.state.get("files", ["a.txt", "b.txt"]),
            children=lambda name: Task(work, key=name),
        )
    """

    positional: ClassVar[tuple[str, ...]] = ("items",)
    hints: ClassVar[dict[str, str]] = {
        "children": "Pass a function that makes the node of one item: children=lambda item: Task(work, key=item).",
    }
    callable_children: ClassVar[bool] = True
    # The data of a long list would be written to every frame; its children show what became of it.
    structural: ClassVar[frozenset[str]] = frozenset({"items"})

    items: Any
    children: Callable[..., Any]  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]

    if TYPE_CHECKING:

        def __init__(
            self,
            items: Iterable[Any] | Callable[[], Iterable[Any]],
            *,
            children: Callable[..., Any],
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...
