"""When two sets of props are the same, so that a component need not run again (A-2)."""

from collections.abc import Mapping
from types import MethodType
from typing import Any

from smithers_py.nodes.base import BaseNode
from smithers_py.nodes.builder import PlanItem


def props_equal(one: Any, other: Any) -> bool:
    """Compare by value and type (1, True and 1.0 differ), callables by identity, nodes and elements by structure.

    A value that cannot be compared counts as different, so the component runs. Depth is not limited by recursion.
    """
    todo: list[tuple[Any, Any]] = [(one, other)]
    while todo:
        a, b = todo.pop()
        if a is b:
            continue
        if type(a) is not type(b):
            return False
        if isinstance(a, list | tuple):
            if len(a) != len(b):
                return False
            todo += zip(a, b, strict=True)
        elif isinstance(a, Mapping):
            if a.keys() != b.keys():
                return False
            todo += ((value, b[key]) for key, value in a.items())
        elif isinstance(a, PlanItem):
            todo += _parts(a, b)
        elif not _same(a, b):
            return False
    return True


def _parts(a: Any, b: Any) -> list[tuple[Any, Any]]:
    """What has to agree for two plan items of one type to be the same."""
    if isinstance(a, BaseNode):
        return [(a.__dict__, b.__dict__), (a.handlers, b.handlers)]
    return [(a.component, b.component), (a.key, b.key), (a.id, b.id), (a.props, b.props)]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, MethodType):
        # A bound method is made anew at each access.
        return a.__func__ is b.__func__ and a.__self__ is b.__self__
    if callable(a):
        return False
    try:
        return bool(a == b)
    except Exception:  # noqa: BLE001 - the comparison is the user's code (arrays, broken __eq__): different is safe
        return False
