"""What the engine remembers of a mounted Effect (N-6, Z-16)."""

from collections.abc import Callable
from typing import Any

from smithers_py.engine.instance import Instance
from smithers_py.engine.slots import where
from smithers_py.errors import InvalidPropError, StateValueError
from smithers_py.state.codec import encode
from smithers_py.where import an


class EffectState:
    """The encoded deps it last ran with (None: never) and the cleanup that run returned."""

    __slots__ = ("again", "cleanup", "deps")

    def __init__(self) -> None:
        self.again = False
        """It ran in a process that is gone: what it set up is set up once more, its state writes are dropped (Z-0)."""
        self.deps: str | None = None
        self.cleanup: Callable[..., Any] | None = None


def deps_text(inst: Instance) -> str:
    """The deps as text: they are compared by value, and stored.

    Raises:
        InvalidPropError: a dep is neither JSON nor a registered type.
    """
    try:
        return encode("deps", list(inst.desc.deps))[0]
    except StateValueError as error:
        raise InvalidPropError(
            f"the prop {'deps' + error.path!r} of {inst.path_name} is {an(error.type)}, which cannot be stored",
            hint="Pass JSON values, Pydantic models, dataclasses, datetimes or enums.",
            where=where(inst.desc, inst, itself=True),
        ) from error
