"""Nodes that choose and repeat: Fragment, text, If, Switch, Each (N-1). All are transparent for sequencing (Z-5)."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from smithers_py.nodes.base import BaseNode, NodeKind


class Fragment(BaseNode):
    """Groups children without adding anything."""

    if TYPE_CHECKING:

        def __init__(self, *, children: Any = None, id: str | None = None, key: str | int | None = None) -> None: ...  # noqa: A002


class Text(BaseNode):
    """A piece of text; what strings and numbers among children become."""

    kind: ClassVar[NodeKind] = NodeKind.TEXT
    positional: ClassVar[tuple[str, ...]] = ("value",)

    value: str

    if TYPE_CHECKING:

        def __init__(self, value: str, *, id: str | None = None, key: str | int | None = None) -> None: ...  # noqa: A002


class If(BaseNode):
    """Its children while `condition` is true, else `fallback`.

    `condition` is a value, or a function without arguments: then only this node renders again when its reads change.
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
    """The first `Case` that matches `value` (or a function giving it), else `Default`."""

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
    """A branch of `Switch`, taken when the value equals `match`, or one of them when it is a list, tuple or set."""

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
    """The branch of `Switch` taken when no `Case` matches."""

    if TYPE_CHECKING:

        def __init__(self, *, children: Any = None, id: str | None = None, key: str | int | None = None) -> None: ...  # noqa: A002


class Each(BaseNode):
    """One child per item: `children` is a function of (item, index). Every child needs a key.

    `items` is an iterable, or a function without arguments: then only this node renders again when its reads change.
    """

    positional: ClassVar[tuple[str, ...]] = ("items",)
    hints: ClassVar[dict[str, str]] = {
        "children": "Pass a function that makes the node of one item: children=lambda item: Task(work, key=item).",
    }
    callable_children: ClassVar[bool] = True
    # The data of a long list would be written to every frame; its children show what became of it.
    structural: ClassVar[frozenset[str]] = frozenset({"items"})

    items: Any
    children: Callable[..., Any] = Field()  # pyright: ignore[reportIncompatibleVariableOverride]

    if TYPE_CHECKING:

        def __init__(
            self,
            items: Iterable[Any] | Callable[[], Iterable[Any]],
            *,
            children: Callable[..., Any],
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...
