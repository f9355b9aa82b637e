"""What the engine remembers of a mounted Effect (N-6, Z-16)."""

from collections.abc import Callable
from typing import Any

from smithers_py.engine.instance import Instance
from smithers_py.errors import EffectError
from smithers_py.state.codec import encode


class EffectState:
    """The encoded deps it last ran with (None: never) and the cleanup that run returned."""

    __slots__ = ("cleanup", "deps")

    def __init__(self) -> None:
        self.deps: str | None = None
        self.cleanup: Callable[..., Any] | None = None


def deps_text(inst: Instance) -> str:
    """The deps as text: they are compared by value, and stored.

    Raises:
        StateValueError: a dep is neither JSON nor a registered type.
        EffectError: deps is not a list.
    """
    deps = inst.desc.deps
    if not isinstance(deps, list | tuple):
        raise EffectError(f"deps of {inst.path_name} must be a list", hint="Write deps=[...].").locate(
            node=inst.path(), file=inst.desc.source[0], line=inst.desc.source[1]
        )
    return encode(f"deps of {inst.path_name}", list(deps))[0]
