"""Components and plans: functions that describe a part of the plan, and the lazy elements that calls give (A-2).

Calling a component does not run it. It checks the props and returns an `Element`; the engine runs the function when the
element mounts, in a scope of its own, with `render_element`.
"""

import dis
import inspect
import sys
from collections.abc import Callable, Mapping
from types import CodeType
from typing import TYPE_CHECKING, Any, overload

from smithers_py.errors import (
    ComponentError,
    InvalidOutputError,
    InvalidPropError,
    MissingPropError,
    PlanError,
    SmithersError,
    Where,
)
from smithers_py.nodes import BaseNode, Text
from smithers_py.nodes.base import call_site
from smithers_py.nodes.builder import (
    Place,
    PlanItem,
    building,
    call_plain,
    current_builder,
    path_prefix,
    release,
    unplaced,
)
from smithers_py.nodes.props import Site, place, plan_value, site_line, unknown_prop
from smithers_py.where import an, user_location

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["Component", "Element", "call_plain", "component", "plan", "render_element"]

_CTX_NAMES = ("ctx", "_ctx", "_")
"""A first parameter of one of these names receives the context."""


class Element(PlanItem):
    """A component together with its props: what a call of a component returns. It is run when it mounts."""

    __slots__ = ("component", "id", "key", "place", "props", "site")

    def __init__(
        self,
        component: "Component",
        props: dict[str, Any],
        key: str | int | None = None,
        id: str | None = None,  # noqa: A002
        site: Site | None = None,
    ) -> None:
        self.component = component
        self.props = props
        self.key = key
        self.id = id
        self.site = site
        self.place: Place | None = None
        for value in props.values():
            release(value)
        builder = current_builder()
        if builder is not None:
            builder.attach(self)

    @property
    def source(self) -> tuple[str, int] | None:
        """File and line (from 1) of the call that made this element."""
        return site_line(self.site)

    @property
    def identity(self) -> str | None:
        """Identity among siblings: the explicit id, else the key, else None."""
        if self.id is not None:
            return self.id
        return None if self.key is None else str(self.key)

    @property
    def label(self) -> str:
        """How paths and messages name this element: `Row 'a'`."""
        name = self.identity
        return self.component.name if name is None else f"{self.component.name} {name!r}"

    def plan_props(self) -> dict[str, Any]:
        """The props as JSON values; parts of the plan and callables are left out (Z-4)."""
        return {name: plan_value(value) for name, value in self.props.items() if not _opaque(value)}

    def __repr__(self) -> str:
        return f"<{self.label} element>"


class Component:
    """What `@component` and `@plan` make of a function. A plan attaches the nodes made in its body (Z-12)."""

    def __init__(
        self,
        fn: Callable[..., Any],
        *,
        is_plan: bool = False,
        is_phase: bool = False,
        input_model: "type[BaseModel] | None" = None,
    ) -> None:
        self.fn = fn
        self.__wrapped__ = fn
        self.__name__ = self.name = fn.__name__
        self.__doc__ = fn.__doc__
        self.module = fn.__module__
        self.qualname = fn.__qualname__
        self.is_plan = is_plan
        self.is_phase = is_phase
        self.input_model = input_model
        self._read_signature()

    def _read_signature(self) -> None:
        if inspect.iscoroutinefunction(self.fn) or inspect.isasyncgenfunction(self.fn):
            hint = "A component describes the plan at once; let a Task run what has to be awaited: Task(fn)."
            raise self._unusable("is async", hint)
        if inspect.isgeneratorfunction(self.fn):
            raise self._unusable("is a generator", "Return a list of the nodes, or use @plan and make them one by one.")
        parameters = list(inspect.signature(self.fn).parameters.values())
        self.takes_ctx = bool(parameters) and parameters[0].name in _CTX_NAMES
        props = parameters[1:] if self.takes_ctx else parameters
        self.accepts_any = False
        self.params: dict[str, inspect.Parameter] = {}
        for param in props:
            if param.kind is param.VAR_KEYWORD:
                self.accepts_any = True
            elif param.kind is param.VAR_POSITIONAL or param.kind is param.POSITIONAL_ONLY:
                raise self._unusable(f"has the parameter {param}", "Props are passed by name.")
            elif param.name == "key":
                raise self._unusable("has a prop named 'key'", "Every call takes key= already; rename the prop.")
            else:
                self.params[param.name] = param
        self.required = tuple(name for name, param in self.params.items() if param.default is param.empty)

    def _unusable(self, what: str, hint: str) -> PlanError:
        file, line = self.source
        return PlanError(f"component {self.name} {what}", hint=hint, where=Where(file=file, line=line))

    @property
    def source(self) -> tuple[str, int]:
        """File and line (from 1) of the function's definition."""
        code: CodeType = inspect.unwrap(self.fn).__code__
        return code.co_filename, code.co_firstlineno

    def same_as(self, other: "Component") -> bool:
        """True for the same component of another import of the script: module and qualified name agree (Z-19)."""
        return self.module == other.module and self.qualname == other.qualname

    def __call__(self, *args: Any, key: str | int | None = None, **props: Any) -> Element:
        """An element of this component. A context passed first is dropped: the engine passes its own.

        Raises UnknownPropError, MissingPropError, InvalidPropError with the caller's line (A-4).
        """
        site = call_site(sys._getframe(1))
        if args:
            self._bind(args, props, site)
        own_id = None if "id" in self.params else props.pop("id", None)
        if not self.accepts_any:
            for name in props:
                if name not in self.params:
                    raise unknown_prop(self.name, name, self.params, (), place(self.name, site))
        for name in self.required:
            if name not in props:
                hint = f"Pass {name}=..."
                if name == next(iter(self.params)) and not self.takes_ctx:
                    hint += f" (If {name} is meant to be the context, name the parameter ctx.)"
                raise MissingPropError(f"{self.name} needs the prop {name!r}", hint=hint, where=place(self.name, site))
        _check_identity(self.name, own_id, key, site)
        return Element(self, props, key, own_id, site)

    def _bind(self, args: tuple[Any, ...], props: dict[str, Any], site: Site | None) -> None:
        if getattr(type(args[0]), "__smithers_ctx__", False):
            args = args[1:]
        names = [name for name, param in self.params.items() if param.kind is param.POSITIONAL_OR_KEYWORD]
        if len(args) > len(names):
            hint = f"Props of {self.name}: {', '.join(self.params)}." if self.params else f"{self.name} has no props."
            given = f"{len(args)} {'was' if len(args) == 1 else 'were'} given"
            raise InvalidPropError(
                f"{self.name} takes {len(names) or 'no'} prop{'' if len(names) == 1 else 's'}, but {given}",
                hint=hint,
                where=place(self.name, site),
            )
        for name, value in zip(names, args, strict=False):
            if name in props:
                raise InvalidPropError(
                    f"{self.name} was given {name!r} twice", hint=f"Pass {name} once.", where=place(self.name, site)
                )
            props[name] = value

    def __repr__(self) -> str:
        return f"<{'plan' if self.is_plan else 'component'} {self.module}:{self.qualname}>"


@overload
def component(fn: Callable[..., Any], /) -> Component: ...
@overload
def component() -> Callable[[Callable[..., Any]], Component]: ...
def component(fn: Callable[..., Any] | None = None, /) -> Any:
    """Make a component of a function `(ctx, **props)` that returns a node, an element, text, None or a list of these.

    Raises PlanError for a function that cannot be one (async, *args, a prop named key).
    """
    if fn is None:
        return Component
    if not _is_function(fn):
        raise PlanError(
            f"@component stands over a function, it was given {_shown(fn)}",
            hint="Write @component alone; a component is named by its function.",
        )
    return Component(fn)


@overload
def plan(fn: Callable[..., Any], /) -> Component: ...
@overload
def plan(*, input: "type[BaseModel] | None" = None) -> Callable[[Callable[..., Any]], Component]: ...
def plan(fn: Callable[..., Any] | None = None, /, *, input: "type[BaseModel] | None" = None) -> Any:  # noqa: A002
    """Make a component whose body attaches the nodes it makes: `with Phase("x"): Claude(...)` (Z-12).

    `input` is the Pydantic model that the run's input is validated against; `ctx.input` is an instance of it (Z-14).

    Raises PlanError for a function that cannot be one, and for an input that is no model.
    """
    if fn is not None and not _is_function(fn):
        hint = "The run's input is given by name: @plan(input=Job)." if isinstance(fn, type) else "Write @plan alone."
        raise PlanError(f"@plan stands over a function, it was given {_shown(fn)}", hint=hint)
    model: Any = input
    if model is not None:
        from pydantic import BaseModel

        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise PlanError(
                f"the input of @plan is {_shown(model)}, not a Pydantic model",
                hint="Write a class of its fields: class Job(BaseModel): ..., then @plan(input=Job).",
            )

    def make(fn: Callable[..., Any]) -> Component:
        return Component(fn, is_plan=True, input_model=input)

    return make if fn is None else make(fn)


def render_element(component: Component, ctx: Any, props: Mapping[str, Any]) -> list[Any]:
    """Run a component's function and return what it describes: nodes, elements, holes and nested lists.

    Raises:
        ComponentError: the function raised; it names the user's line.
        InvalidOutputError: it returned something that is no part of a plan.
        SmithersError: raised below by a wrong node or a forbidden write, as it is.
    """
    output: list[Any] | None = [] if component.is_plan else None
    try:
        with building(path_prefix() or component.name, output) as builder:
            returned = component.fn(ctx, **props) if component.takes_ctx else component.fn(**props)
    except SmithersError as error:
        line = user_location(error)
        if line is not None:
            error.locate(file=line[0], line=line[1])
        raise
    except (Exception, SystemExit) as error:  # `sys.exit` ends the component, not the engine
        raise ComponentError(f"component {component.name}", error) from error
    if returned is None and builder.loose is not None and _never_returns(component.fn):
        raise _lost(builder.loose, component)
    items = _as_list(returned, component)
    return items if output is None else [*output, *unplaced(items)]


def _as_list(value: Any, component: Component) -> list[Any]:
    """A component's return value as a list; numbers and strings become Text, holes and nested lists stay."""
    if value is None:
        return []
    items = list(value) if isinstance(value, list | tuple) else [value]
    for index, item in enumerate(items):
        if isinstance(item, PlanItem | bool | list | tuple) or item is None or item == "":
            continue
        if isinstance(item, str | int | float):
            items[index] = text = call_plain(Text, str(item))
            # Made here, it would have no line of the user's.
            object.__setattr__(text, "site", (inspect.unwrap(component.fn).__code__, 0))
            continue
        raise _invalid_output(item, component)
    return items


def _invalid_output(item: Any, component: Component) -> InvalidOutputError:
    file, line = component.source
    where = Where(file=file, line=line)
    hint = None
    if isinstance(item, Component):
        hint = f"Call the component: {item.name}()."
    elif isinstance(item, type) and issubclass(item, BaseNode):
        hint = f"Make a node of the class: {item.type_name}(...)."
    elif inspect.iscoroutine(item):
        item.close()  # or Python warns that nobody awaited it
        hint = "A component cannot wait; let a Task run the async function: Task(fn)."
    elif callable(item):
        hint = "Return what the function makes, not the function; or let a Task run it: Task(fn)."
    return InvalidOutputError(
        f"component {component.name} returned {_shown(item)}, which is no part of a plan", hint=hint, where=where
    )


def _lost(item: PlanItem, component: Component) -> InvalidOutputError:
    file, line = getattr(item, "source", None) or component.source
    return InvalidOutputError(
        f"component {component.name} made {item.label} and returned nothing, so it would never run",
        hint="Return it; or put @plan instead of @component over the function, then what its body makes is the plan.",
        where=Where(file=file, line=line),
    )


def _never_returns(fn: Callable[..., Any]) -> bool:
    """Whether no way through the function returns a value: `return made if wanted else None` is as it should be."""
    before: dis.Instruction | None = None
    for step in dis.get_instructions(inspect.unwrap(fn).__code__):
        if step.opname == "RETURN_CONST" and step.argval is not None:
            return False
        if step.opname == "RETURN_VALUE" and not (
            before is not None and before.opname == "LOAD_CONST" and before.argval is None
        ):
            return False
        before = step
    return True


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type | PlanItem | Component)


def _shown(value: Any) -> str:
    """What the user gave, in words: "the class Phase", "a dict", "a component, Build"."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, Component):
        return f"the component {value.name} itself"
    if isinstance(value, str | int):
        return repr(value)
    return an(type(value).__name__)


def _check_identity(name: str, own_id: Any, key: Any, site: Site | None) -> None:
    if own_id is not None and not (isinstance(own_id, str) and own_id):
        raise InvalidPropError(f"{name} needs a text as id, not {own_id!r}", where=place(name, site))
    if key is not None and (isinstance(key, bool) or not isinstance(key, str | int)):
        raise InvalidPropError(f"{name} needs a text or number as key, not {key!r}", where=place(name, site))


def _opaque(value: Any) -> bool:
    if isinstance(value, PlanItem | Component):
        return True
    if isinstance(value, list | tuple):
        return any(isinstance(item, BaseNode | Element) for item in value)
    return callable(value) and not isinstance(value, type)
