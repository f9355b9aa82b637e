"""`ctx.state` and `ctx.vol`: what plans call. Reads go to the store, writes become actions of the running activity."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar, cast

from pydantic import BaseModel

from smithers_py.errors import ReservedKeyError, StateActionError
from smithers_py.state.actions import (
    Action,
    Append,
    Delete,
    Increment,
    Init,
    Merge,
    Remove,
    Set,
    Update,
    VolDelete,
    VolInit,
    VolSet,
    VolUpdate,
)
from smithers_py.state.activity import active
from smithers_py.state.codec import encode
from smithers_py.state.draft import plain_list, plain_mapping
from smithers_py.state.store import StateStore
from smithers_py.state.typed import TypedState
from smithers_py.state.vol import VolStore, appended, incremented, merged, removed
from smithers_py.where import an, did_you_mean

ModelT = TypeVar("ModelT", bound=BaseModel)

Path = str | int | list[str | int] | tuple[str | int, ...]


class _Keyed:
    """Says how keys are read and written to whoever treats the state as an object or a dict."""

    __slots__ = ()
    _name: ClassVar[str]

    if not TYPE_CHECKING:  # the type checker knows these for errors already

        def __getattr__(self, name: str) -> NoReturn:
            near = did_you_mean(name, dir(type(self))).startswith("Did")  # a method misspelt: then the error says which
            say = "" if near else f"; {self._say(name)}"
            raise AttributeError(f"{self._name} has no attribute {name!r}{say}", name=name, obj=self)

        def __setattr__(self, name: str, value: Any) -> None:
            if name != "_store":
                raise AttributeError(f"{self._name} takes no attribute {name!r}; {self._say(name)}")
            object.__setattr__(self, name, value)

        def __getitem__(self, key: Any) -> NoReturn:
            raise TypeError(f"{self._name} is not a dict; {self._say(key)}")

        def __setitem__(self, key: Any, value: Any) -> NoReturn:
            raise TypeError(f"{self._name} is not a dict; {self._say(key)}")

    def _say(self, key: Any) -> str:
        return f"read with {self._name}.get({key!r}), write with {self._name}.set({key!r}, ...)"


class State(_Keyed):
    """Durable key/value state (S-1). Every method raises ContextError outside render, handler, effect and task.

    Writes raise WriteInRenderError in render (all but `init`), ReservedKeyError for keys that begin with `$`, and
    StateValueError for values that cannot be stored; they take effect at the flush, all of a handler's or none.
    """

    __slots__ = ("_store",)
    _name = "ctx.state"

    def __init__(self, store: StateStore) -> None:
        self._store = store

    def get(self, key: str, default: Any = None) -> Any:
        """The value as of this frame, subscribing a render to it. Containers are copies."""
        active("ctx.state.get")
        return self._store.get(key, default)

    def keys(self, prefix: str = "") -> list[str]:
        """The keys that begin with `prefix`, sorted, subscribing a render to their coming and going."""
        active("ctx.state.keys")
        return self._store.keys(prefix)

    def set(self, key: str, value: Any, trigger: str | None = None) -> None:
        """Queue: the key holds `value`, encoded now. An equal value changes nothing."""
        self._check("set", key)
        text, name = encode(key, value)
        _queue(Set(key, text, name, trigger))

    def update(self, key: str, fn: Callable[[Any], Any], trigger: str | None = None) -> None:
        """Queue: the key holds what `fn` makes of the latest value (None when absent), called at the flush."""
        self._check("update", key)
        _check_callable("ctx.state.update", fn)
        _queue(Update(key, fn, trigger))

    def delete(self, key: str, trigger: str | None = None) -> None:
        """Queue: the key has no value."""
        self._check("delete", key)
        _queue(Delete(key, trigger))

    def init(self, key: str, value: Any, trigger: str | None = None) -> None:
        """Queue: the key holds `value` if it has none then. Allowed in render (S-1)."""
        active("ctx.state.init")
        _check_key("ctx.state.init", key)
        if _needless_init(self._store.has(key)):
            return
        text, name = encode(key, value)
        _queue(Init(key, text, name, trigger))

    def append(self, key: str, *items: Any, trigger: str | None = None) -> None:
        """Queue: `items` at the end of the list (absent: empty). Costs what is appended (S-7)."""
        self._check("append", key)
        _queue(Append(key, plain_list(key, items), trigger))

    def increment(self, key: str, by: float = 1, trigger: str | None = None) -> None:
        """Queue: the number (absent: 0) plus `by`, an int or float."""
        self._check("increment", key)
        _check_number("ctx.state.increment", by)
        encode(key, by)  # refuses NaN and infinities here, at the user's line
        _queue(Increment(key, by, trigger))

    def merge(self, key: str, mapping: Mapping[str, Any], trigger: str | None = None) -> None:
        """Queue: the entries of `mapping` set in the dict (absent: empty), others kept. Costs what is merged."""
        self._check("merge", key)
        _check_mapping("ctx.state.merge", mapping)
        _queue(Merge(key, plain_mapping(key, dict(mapping)), trigger))

    def remove(self, key: str, path: Path, trigger: str | None = None) -> None:
        """Queue: take out the dict entry or list item at `path` (a key or index, or several). Nothing there: nothing.

        Raises:
            StateActionError: the path is empty or has a part that is neither text nor int.
        """
        self._check("remove", key)
        _queue(Remove(key, _path("ctx.state.remove", path), trigger))

    def typed(self, model: type[ModelT]) -> ModelT:
        """The keys named by the model's fields as attributes, read and written with validation.

        A missing key reads as the field's default. Assigning queues a `set`.
        """
        return cast("ModelT", TypedState(self.get, self.set, model))

    def _check(self, method: str, key: str) -> None:
        what = f"ctx.state.{method}"
        active(what).check_write(what)
        _check_key(what, key)


class Vol(_Keyed):
    """Volatile key/value state (S-2): any value, gone when the process ends; methods as those of `State`."""

    __slots__ = ("_store",)
    _name = "ctx.vol"

    def __init__(self, store: VolStore) -> None:
        self._store = store

    def get(self, key: str, default: Any = None) -> Any:
        """The value itself as of this frame, subscribing a render to it."""
        active("ctx.vol.get")
        return self._store.get(key, default)

    def keys(self, prefix: str = "") -> list[str]:
        """The keys that begin with `prefix`, sorted."""
        active("ctx.vol.keys")
        return self._store.keys(prefix)

    def set(self, key: str, value: Any, trigger: str | None = None) -> None:
        """Queue: the key holds `value`."""
        self._check("set", key)
        _queue(VolSet(key, value, trigger))

    def update(self, key: str, fn: Callable[[Any], Any], trigger: str | None = None) -> None:
        """Queue: the key holds what `fn` makes of the latest value (None when absent)."""
        self._check("update", key)
        _check_callable("ctx.vol.update", fn)
        _queue(VolUpdate(key, fn, trigger))

    def delete(self, key: str, trigger: str | None = None) -> None:
        """Queue: the key has no value."""
        self._check("delete", key)
        _queue(VolDelete(key, trigger))

    def init(self, key: str, value: Any, trigger: str | None = None) -> None:
        """Queue: the key holds `value` if it has none then. Allowed in render."""
        active("ctx.vol.init")
        _check_key("ctx.vol.init", key)
        if not _needless_init(self._store.has(key)):
            _queue(VolInit(key, value, trigger))

    def append(self, key: str, *items: Any, trigger: str | None = None) -> None:
        """Queue: a new list with `items` at the end."""
        self._check("append", key)
        _queue(VolUpdate(key, partial(appended, items=items), trigger, tells_absent=True))

    def increment(self, key: str, by: float = 1, trigger: str | None = None) -> None:
        """Queue: the number plus `by`."""
        self._check("increment", key)
        _check_number("ctx.vol.increment", by)
        _queue(VolUpdate(key, partial(incremented, by=by), trigger, tells_absent=True))

    def merge(self, key: str, mapping: Mapping[str, Any], trigger: str | None = None) -> None:
        """Queue: a new dict with the entries of `mapping` set."""
        self._check("merge", key)
        _check_mapping("ctx.vol.merge", mapping)
        _queue(VolUpdate(key, partial(merged, mapping=dict(mapping)), trigger, tells_absent=True))

    def remove(self, key: str, path: Path, trigger: str | None = None) -> None:
        """Queue: a copy without what is at `path`."""
        self._check("remove", key)
        _queue(VolUpdate(key, partial(removed, path=_path("ctx.vol.remove", path)), trigger, tells_absent=True))

    def _check(self, method: str, key: str) -> None:
        what = f"ctx.vol.{method}"
        active(what).check_write(what, state=False)
        _check_key(what, key)


def _needless_init(present: bool) -> bool:
    """Whether an `init` of a present key needs no action: in render, which would else queue it on every run."""
    return present and active("ctx.state.init").kind == "render"


def _queue(action: Action) -> None:
    active("ctx").queue(action)


def _check_key(what: str, key: Any) -> None:
    """Keys are non-empty text and not the engine's. Raises ReservedKeyError, StateActionError."""
    where = active(what).where
    if not isinstance(key, str) or not key:
        raise StateActionError(
            f"{what} takes a non-empty text as key, not {key!r}", hint="Write the key as a text.", where=where()
        )
    if key[0] == "$":
        raise ReservedKeyError(key, where=where())
    if not key.isascii() and any("\ud800" <= char <= "\udfff" for char in key):
        raise StateActionError(f"{what} takes text as key; {key!r} has lone surrogates", where=where())


def _check_callable(what: str, fn: Any) -> None:
    if not callable(fn):
        raise StateActionError(
            f"{what} takes a function of the old value, not {an(type(fn).__name__)}",
            hint="Use set for a value.",
            where=active(what).where(),
        )


def _check_mapping(what: str, mapping: Any) -> None:
    if not isinstance(mapping, Mapping):
        raise StateActionError(
            f"{what} takes a dict of the entries to set, not {an(type(mapping).__name__)}",
            hint="For a list there is append.",
            where=active(what).where(),
        )


def _check_number(what: str, by: Any) -> None:
    if isinstance(by, bool) or not isinstance(by, int | float):
        raise StateActionError(f"{what} takes an int or float, not {by!r}", where=active(what).where())


def _path(what: str, path: Path) -> tuple[str | int, ...]:
    parts: tuple[Any, ...] = (path,) if isinstance(path, str | int) else tuple(path)
    if not parts or any(isinstance(part, bool) or not isinstance(part, str | int) for part in parts):
        raise StateActionError(
            f"{what} takes a key, an index or a list of these, not {path!r}",
            hint="Use delete to remove the whole key.",
            where=active(what).where(),
        )
    return parts
