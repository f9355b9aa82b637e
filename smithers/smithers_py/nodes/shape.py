"""What the props of a node class are, and the Pydantic validator that is made of it when the first node is (A-5).

A node class states its props as a Pydantic model would: annotations with defaults, limits beside the type. To name a
class costs nothing more; Pydantic is imported, and the validator built, with the first node of the class. It is that of
a typed dictionary and not of a model, so that a node inherits no method that hides a prop (`schema`, `copy`, `json`).
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, NotRequired, get_origin, get_type_hints

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic.fields import FieldInfo
    from pydantic_core import CoreSchema

REQUIRED: Final[Any] = object()
"""Stands for the default of a prop that has none."""


class _Limit:
    """A limit of a prop, stated beside its type: `Annotated[int, Ge(1)]`.

    Pydantic takes it for a group of `annotated_types`, asks what is in it, and gets the one of the same name.
    """

    __slots__ = ("value",)
    __is_annotated_types_grouped_metadata__: ClassVar[Literal[True]] = True

    def __init__(self, value: float) -> None:
        self.value = value

    def __iter__(self) -> Iterator[object]:
        import annotated_types

        yield getattr(annotated_types, type(self).__name__)(self.value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value})"


class Ge(_Limit):
    """At least so much."""

    __slots__ = ()


class Gt(_Limit):
    """More than this."""

    __slots__ = ()


class Le(_Limit):
    """At most so much."""

    __slots__ = ()


class MinLen(_Limit):
    """At least so long."""

    __slots__ = ()


class Before:
    """A function that a prop goes through before its type is checked; it raises ValueError, one sentence."""

    __slots__ = ("fn",)

    def __init__(self, fn: Callable[[Any], Any]) -> None:
        self.fn = fn

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self.fn, handler(source))


class Shape:
    """How the props of a node class are checked: `check` gives those that were passed, `defaults` are the others.

    `check` raises `failure`, which is Pydantic's ValidationError.
    """

    __slots__ = ("check", "defaults", "failure")

    def __init__(self, node_type: type, prepare: Callable[[dict[str, Any]], dict[str, Any]] | None) -> None:
        from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError
        from typing_extensions import TypedDict  # before Python 3.12 Pydantic does not take that of typing

        types = prop_types(node_type)
        defaults = prop_defaults(node_type)
        items = {name: kind if defaults[name] is REQUIRED else NotRequired[kind] for name, kind in types.items()}
        typed_dict: Any = TypedDict  # the items are known at run time only
        form: Any = typed_dict(node_type.__name__, items)
        form.__pydantic_config__ = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)
        if prepare is not None:
            form = Annotated[form, BeforeValidator(prepare)]
        self.check: Callable[[dict[str, Any]], dict[str, Any]] = TypeAdapter[Any](form).validator.validate_python
        self.defaults = {name: value for name, value in defaults.items() if value is not REQUIRED}
        self.failure = ValidationError


def prop_defaults(node_type: type) -> dict[str, Any]:
    """The props of a node class with their defaults (or REQUIRED), those of its bases first."""
    found: dict[str, Any] = {}
    for base in reversed(node_type.__mro__):
        own = vars(base)
        changed = [name for name in found if name in own]
        for name, kind in getattr(base, "__annotations__", {}).items():
            if not name.startswith("_") and not _is_class_variable(kind):
                changed.append(name)
        found |= {name: own.get(name, REQUIRED) for name in changed}
    return found


def prop_types(node_type: type) -> dict[str, Any]:
    """The props of a node class with their types; what their annotations quote is imported now."""
    from datetime import datetime
    from pathlib import Path

    from smithers_py.nodes.tools import ToolPolicy

    late = {one.__name__: one for one in (datetime, Path, ToolPolicy)}
    types = get_type_hints(node_type, localns=late, include_extras=True)
    return {name: types[name] for name in prop_defaults(node_type)}


class ModelFields:
    """`Claude.model_fields`: the props as Pydantic's field descriptions, by name, for tools that know Pydantic."""

    def __get__(self, instance: object, owner: type) -> "dict[str, FieldInfo]":
        from pydantic.fields import FieldInfo

        defaults = prop_defaults(owner)
        return {
            name: FieldInfo.from_annotation(kind)
            if defaults[name] is REQUIRED
            else FieldInfo.from_annotated_attribute(kind, defaults[name])
            for name, kind in prop_types(owner).items()
        }


def _is_class_variable(kind: Any) -> bool:
    if isinstance(kind, str):
        return kind.startswith(("ClassVar", "typing.ClassVar"))
    return kind is ClassVar or get_origin(kind) is ClassVar
