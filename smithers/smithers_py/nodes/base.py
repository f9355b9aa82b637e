"""`BaseNode`: what every node of a plan is (N), made by one shared constructor.

A node is a description: typed props (checked by Pydantic), children, and event handlers beside them (never
serialised, Z-4). Constructing one costs a few microseconds, so the constructor does only what must be done then: split
the handlers off, let Pydantic check the props, remember the call site, attach to the open builder. Lines are worked out
from the call site when somebody asks for them. Naming a class costs less still: see `shape.py`.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from types import FrameType, NoneType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from smithers_py.errors import InvalidPropError, SmithersError
from smithers_py.nodes.builder import PlanItem, current_builder, enter, leave, release
from smithers_py.nodes.props import EVENTS, Site, own_props, place, plan_value, prop_error, site_line, unknown_event
from smithers_py.nodes.shape import MinLen, ModelFields, Shape, prop_defaults
from smithers_py.where import an

if TYPE_CHECKING:
    from smithers_py.nodes.builder import Place

_OWN = __file__.removesuffix(f"nodes{os.sep}base.py")
_CHILD_TYPES = (PlanItem, str, int, float, list, tuple, NoneType)
_SINGLE = (PlanItem, str, int, float)
_SEVERAL = (list, tuple, Iterator)
_HOLDERS = (PlanItem, list, tuple)
_set = object.__setattr__

Handler = Callable[..., Any]


class NodeKind(StrEnum):
    """What the engine does with a node."""

    TRANSPARENT = "transparent"
    TEXT = "text"
    PHASE = "phase"
    STEP = "step"
    PARALLEL = "parallel"
    LOOP = "loop"
    WORKTREE = "worktree"
    RUNNABLE = "runnable"
    EFFECT = "effect"
    STOP = "stop"

    # A kind is looked up in sets for every node that is placed, and Enum's own hash is written in Python.
    __hash__ = str.__hash__


class BaseNode(PlanItem):
    """Base of all nodes. `id` is explicit identity, `key` identity among siblings (F-4, Z-2).

    Raises at construction:
        UnknownPropError, UnknownEventError, MissingPropError, InvalidPropError: with path and file:line (A-4).
    """

    __slots__ = ("__dict__", "given", "handlers", "place", "site")
    """`__dict__` holds the props and nothing else."""

    kind: ClassVar[NodeKind] = NodeKind.TRANSPARENT
    events: ClassVar[tuple[str, ...]] = ()
    positional: ClassVar[tuple[str, ...]] = ()
    callable_children: ClassVar[bool] = False
    structural: ClassVar[frozenset[str]] = frozenset()
    """Fields that hold parts of the plan or its data, not props: `plan_props` leaves them out."""
    hints: ClassVar[dict[str, str]] = {
        "id": 'Pass a text: id="compile".',
        "key": 'Pass a text or a number: key="compile".',
    }
    """How a prop is written, for whoever left it out or got it wrong; those of the bases are added."""

    type_name: ClassVar[str] = "BaseNode"
    _event_names: ClassVar[dict[str, str]] = {}
    _event_keys: ClassVar[frozenset[str]] = frozenset()
    _prop_defaults: ClassVar[tuple[tuple[str, Any], ...]] = ()
    _shape: ClassVar[Shape | None] = None

    model_fields: ClassVar[ModelFields] = ModelFields()

    if TYPE_CHECKING:  # slots, set by the constructor
        given: tuple[str, ...]
        handlers: dict[str, Handler]
        place: Place | None
        site: Site | None

    id: Annotated[str, MinLen(1)] | None = None
    key: str | int | None = None
    children: Any = None
    """A list; a function for Each and for loops that were given one."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type_name = cls.__name__
        cls._shape = None
        cls._event_names = {name: name for name in cls.events} | {_camel(name): name for name in cls.events}
        cls._event_keys = frozenset(cls._event_names)
        cls.hints = {name: hint for base in reversed(cls.__mro__) for name, hint in vars(base).get("hints", {}).items()}
        hidden = {"id", "key", "children", *cls.structural}
        cls._prop_defaults = tuple(one for one in prop_defaults(cls).items() if one[0] not in hidden)

    def __init__(self, /, *args: Any, **props: Any) -> None:
        site = call_site(sys._getframe(1))
        if args:
            self._bind(args, props, site)
        handlers: dict[str, Handler] = {}
        if not self._event_keys.isdisjoint(props):
            self._take_events(props, handlers, site)
        children = props.get("children")
        props["children"] = [] if children is None else self._children(children, props, site)
        for value in props.values():
            if isinstance(value, _HOLDERS):
                release(value)
        shape = self._shape or self._make_shape()
        try:
            values = shape.check(props)
        except shape.failure as error:
            found = error.errors(include_url=False)
            # A misspelt prop first: what is missing is probably it.
            detail = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
            raise prop_error(type(self), detail, place(_shown(self.type_name, props), site)) from None
        _set(self, "__dict__", shape.defaults | values)
        _set(self, "given", tuple(values))
        _set(self, "handlers", handlers)
        _set(self, "site", site)
        _set(self, "place", None)
        builder = current_builder()
        if builder is not None:
            builder.attach(self)

    @classmethod
    def _make_shape(cls) -> Shape:
        cls._shape = made = Shape(cls, None if cls._prepare is BaseNode._prepare else cls._prepare)
        return made

    @staticmethod
    def _prepare(props: dict[str, Any]) -> dict[str, Any]:
        """Sees all props before they are checked. Raises ValueError: what is wrong, how to mend it; two sentences."""
        return props

    def _bind(self, args: tuple[Any, ...], props: dict[str, Any], site: Site | None) -> None:
        names = self.positional
        for name, value in zip(names, args, strict=False):
            if name in props:
                raise self._wrong(f"was given {name!r} twice", f"Pass {name} once.", site, props)
            props[name] = value
        if len(args) > len(names):
            surplus = args[len(names)]
            hint = f"Write name=value; props of {self.type_name}: {', '.join(own_props(type(self)))}."
            if isinstance(surplus, PlanItem | list | tuple):
                hint = "Write children=[...]."
            elif names and names[-1] in self.hints:
                hint = self.hints[names[-1]]
            takes = f"{len(names) or 'no'} positional argument{'' if len(names) == 1 else 's'}"
            given = f"{len(args)} {'was' if len(args) == 1 else 'were'} given"
            raise self._wrong(f"takes {takes}, but {given}", hint, site, props)

    def _take_events(self, props: dict[str, Any], handlers: dict[str, Handler], site: Site | None) -> None:
        for given in [name for name in props if name in self._event_names]:
            self._add_handler(handlers, self._event_names[given], props.pop(given), site, props)

    def _add_handler(
        self,
        handlers: dict[str, Handler],
        event: str,
        fn: Handler | None,
        site: Site | None,
        props: dict[str, Any] | None = None,
    ) -> None:
        if fn is None:
            return
        if not callable(fn):
            hint = f"Pass a function that is called then: {event}={EVENTS[event]}."
            raise self._wrong(f"needs a function for {event}, not {an(type(fn).__name__)}", hint, site, props)
        if event in handlers:
            raise self._wrong(f"was given {event} twice", "Call both from one function.", site, props)
        handlers[event] = fn

    if not TYPE_CHECKING:  # for the type checker an unknown method is an error already

        def __getattr__(self, name: str) -> Any:
            """Chaining an event that the node does not have, said as for an event prop (A-4)."""
            if name.startswith("on_") or (name[:2] == "on" and name[2:3].isupper()):
                where = place(self.type_name, call_site(sys._getframe(1)))
                raise unknown_event(self.type_name, name, self.events, where)
            raise AttributeError(f"{self.type_name!r} object has no attribute {name!r}", name=name, obj=self)

        def __setattr__(self, name: str, value: Any) -> None:
            """Only props are assigned, and not checked again."""
            if name not in self.__dict__:
                raise ValueError(f'"{self.type_name}" object has no field "{name}"')
            self.__dict__[name] = value
            _set(self, "given", (*self.given, name))

    def _on(self, event: str, fn: Handler) -> Self:
        """Store the handler of an event; what the chaining methods do."""
        self._add_handler(self.handlers, event, fn, call_site(sys._getframe(1)))
        return self

    def _children(self, value: Any, props: dict[str, Any], site: Site | None) -> Any:
        if isinstance(value, _SINGLE):
            items: list[Any] = [] if value is True or value is False else [value]
        elif isinstance(value, _SEVERAL):
            items = list(value)
            if self.callable_children and len(items) == 1 and _is_function(items[0]):
                # `<Each items={…}>{row}</Each>`: only here is it known that row is a function.
                return items[0]
        elif callable(value) and self.callable_children:
            return value
        else:
            raise self._bad_child(value, props, site)
        for item in items:
            if not isinstance(item, _CHILD_TYPES):
                raise self._bad_child(item, props, site)
        return items

    def _bad_child(self, item: Any, props: dict[str, Any], site: Site | None) -> SmithersError:
        name = getattr(item, "name", None)
        hint = "Children are nodes, components that were called, text, None, or lists of these."
        if isinstance(item, type) and issubclass(item, BaseNode):
            hint = f"Make a node of the class: {item.type_name}(...)."
        elif isinstance(name, str) and callable(item):
            hint = f"Call the component: {name}()."
        kind = type(item).__name__ if not isinstance(item, type) else f"class {item.__name__}"
        return self._wrong(f"has a child of type {kind}, which is no part of a plan", hint, site, props)

    def _wrong(self, what: str, hint: str, site: Site | None, props: dict[str, Any] | None = None) -> InvalidPropError:
        label = self.label if props is None else _shown(self.type_name, props)
        return InvalidPropError(f"{self.type_name} {what}", hint=hint, where=place(label, site))

    # -- with node: -----------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if not isinstance(self.children, list):
            site = call_site(sys._getframe(1))
            raise self._wrong("has a function as children", "Use either `with` or children=function.", site)
        enter(self, self.children)
        return self

    def __exit__(self, *exc: object) -> None:
        leave()

    # -- what the engine reads -------------------------------------------------------------------------------------

    @property
    def source(self) -> tuple[str, int] | None:
        """File and line (from 1) of the call that made this node."""
        return site_line(self.site)

    @property
    def identity(self) -> str | None:
        """Identity among siblings: the explicit id, else the key, else the name of a Phase or Step, else None."""
        if self.id is not None:
            return self.id
        return None if self.key is None else str(self.key)

    @property
    def label(self) -> str:
        """How paths and messages name this node: `Phase 'build'`, `Claude 'fixer'`, `Parallel`."""
        name = self.identity
        return self.type_name if name is None else f"{self.type_name} {name!r}"

    def prop(self, name: str) -> Any:
        """The value of a prop or property; None where nodes of this type have none of that name."""
        found = self.__dict__.get(name)
        return getattr(self, name) if found is None and hasattr(type(self), name) else found

    def plan_props(self) -> dict[str, Any]:
        """The props that differ from their defaults, as JSON values; no children, handlers or callables (Z-4)."""
        values = self.__dict__
        found: dict[str, Any] = {}
        for name, default in self._prop_defaults:
            value = values[name]
            if value is default or (type(value) is type(default) and value == default):
                continue
            if callable(value) and not isinstance(value, type):
                continue
            found[name] = plan_value(value)
        return found

    # -- as a value ------------------------------------------------------------------------------------------------

    @property
    def model_fields_set(self) -> set[str]:
        """The props that were passed or assigned."""
        return set(self.given)

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """A node with the same props, handlers and source that stands nowhere yet; `update` is not checked."""
        made = object.__new__(type(self))
        made.__setstate__(self.__getstate__())
        _set(made, "site", self.site)
        if update:
            made.__dict__.update(update)
            _set(made, "given", tuple({*self.given, *update}))
        return made

    __copy__ = model_copy

    def __getstate__(self) -> dict[str, Any]:
        """For copies: not where it was made (code cannot be written down), not where it stands."""
        return {"__dict__": dict(self.__dict__), "given": self.given, "handlers": dict(self.handlers)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in ({"site": None, "place": None} | state).items():
            _set(self, name, value)

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    __hash__ = None  # pyright: ignore[reportAssignmentType] - it compares by value and can be changed

    def __repr__(self) -> str:
        # Short: a plan may be thousands of levels deep.
        count = len(self.children) if isinstance(self.children, list) else "function"
        return f"<{self.label}, children: {count}>"

    __str__ = __repr__


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type | PlanItem)


def _shown(type_name: str, props: dict[str, Any]) -> str:
    """The label of a node that could not be made, as far as its props give one."""
    names = (props.get("id"), props.get("key"), props.get("name"))
    name = next((one for one in names if isinstance(one, str) and one), None)
    return type_name if name is None else f"{type_name} {name!r}"


def call_site(frame: FrameType | None) -> Site | None:
    """The nearest frame outside this package: its code and the offset of the call in it."""
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(_OWN):
            return code, frame.f_lasti
        frame = frame.f_back
    return None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)
