"""Which classes state can hold, and the names they are stored under (S-1).

A class is stored as `module:qualname` and found again only among the modules that are already loaded: nothing stored
is ever imported or evaluated (X-1). A class that could not be found again is refused when it is stored, not when it
is read.
"""

import dataclasses
import sys
from enum import Enum
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel

_names: WeakKeyDictionary[type, str] = WeakKeyDictionary()


class Refused(Exception):  # noqa: N818 - carries a refusal up to where key and path are known
    """A value that the codec does not take; `path` collects its place from the inside out."""

    def __init__(self, type_name: str, detail: str, mend: str | None = None) -> None:
        super().__init__(detail)
        self.type_name = type_name
        self.detail = detail
        self.mend = mend
        self.path: list[str | int] = []

    def place(self) -> str:
        """The path as Python would write it: `['files'][3].name` without the quotes noise."""
        parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in reversed(self.path)]
        return "".join(parts).removeprefix(".")


def find_class(name: str) -> type | None:
    """The loaded class called `module:qualname`, or None; never imports (module `__getattr__` is not asked either)."""
    module_name, _, qualname = name.partition(":")
    holder: ModuleType | type | None = sys.modules.get(module_name)
    for part in qualname.split("."):
        found = None if holder is None else vars(holder).get(part)
        holder = found if isinstance(found, type) else None
    return holder if isinstance(holder, type) else None


def class_name(cls: type) -> str:
    """The name `cls` is stored under.

    Raises:
        Refused: the class cannot be found again by that name (it was made inside a function, or replaced).
    """
    name = _names.get(cls)
    if name is None:
        name = f"{cls.__module__}:{cls.__qualname__}"
        if find_class(name) is not cls and not _was_replaced(name, cls):
            raise Refused(
                cls.__qualname__,
                "the class cannot be found again by its name",
                f"Define {cls.__name__} at the top level of a module.",
            )
        _names[cls] = name
    return name


def _was_replaced(name: str, cls: type) -> bool:
    """Whether `cls` is of a former load of its module (C-6): what a running task makes of it is read as the new one."""
    module_name, _, qualname = name.partition(":")
    module = sys.modules.get(module_name)
    while module is not None:
        if find_class(name) is not None and vars(module).get(qualname) is cls:
            return True
        module = vars(module).get("__smithers_before__")
    return False


def is_storable(cls: type) -> bool:
    """Whether instances of `cls` are stored by class name: enums, dataclasses and Pydantic models."""
    return issubclass(cls, Enum | BaseModel) or dataclasses.is_dataclass(cls)


def parts_of(value: Any) -> Any:
    """What a storable object is made of: an enum's name (a flag's number) or a dict of fields.

    The dict of a dataclass holds values that are still to be encoded; that of a model is Pydantic's own JSON form,
    checked to come back equal (a field typed `Any` that holds a date would not).

    Raises:
        Refused: the object would not come back as it is.
    """
    cls = type(value)
    if isinstance(value, Enum):
        return value.name if value.name in cls.__members__ else value.value
    if isinstance(value, BaseModel):
        return _model_parts(value)
    if any(field._field_type is _INIT_VAR for field in vars(cls)["__dataclass_fields__"].values()):
        raise Refused(cls.__qualname__, "its InitVar arguments are not kept", "Use a dataclass without InitVar fields.")
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


_INIT_VAR = vars(dataclasses)["_FIELD_INITVAR"]


def _model_parts(value: BaseModel) -> Any:
    cls = type(value)
    try:
        parts = value.model_dump(mode="json", by_alias=False, round_trip=True, warnings="error")
        same = _same_model(value, rebuild(cls, parts))
    except (ValueError, TypeError, RecursionError) as error:
        # Pydantic's serialisation and validation errors are ValueErrors; both mean the same to the user.
        raise Refused(
            cls.__qualname__,
            f"Pydantic cannot write it as JSON and read it back ({_first_line(error)})",
            "Give its fields types that have a JSON form, or a serializer and validator that agree.",
        ) from error
    if not same:
        raise Refused(
            cls.__qualname__,
            "it would not come back equal",
            "Give its fields the exact types of what they hold (not Any, not a base class; no NaN).",
        )
    return parts


def _same_model(one: BaseModel, other: BaseModel) -> bool:
    fields = type(one).model_fields
    return one.model_extra == other.model_extra and all(getattr(one, f) == getattr(other, f) for f in fields)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def rebuild(cls: type, parts: Any) -> Any:
    """The object of a storable class from its decoded parts.

    Raises:
        ValueError, TypeError, KeyError: the parts do not fit the class (it was changed since).
    """
    if issubclass(cls, Enum):
        return cls[parts] if isinstance(parts, str) and parts in cls.__members__ else cls(parts)
    if issubclass(cls, BaseModel):
        # The dump is JSON, so a model declared strict must still take text for a date.
        return cls.model_validate(parts, strict=False, by_alias=False, by_name=True)
    known = {field.name: field for field in dataclasses.fields(cls)}
    kept = {name: part for name, part in parts.items() if name in known}
    made = cls(**{name: part for name, part in kept.items() if known[name].init})
    for name, part in kept.items():
        # `__post_init__` may have changed a field again; what was stored is the truth (frozen classes included).
        object.__setattr__(made, name, part)
    return made
