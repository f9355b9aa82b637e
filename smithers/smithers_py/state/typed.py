"""`ctx.state.typed(Model)`: keys as the attributes of a Pydantic model (S-1)."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from smithers_py.errors import StateValueError

_adapters: dict[tuple[type[BaseModel], str], TypeAdapter[Any]] = {}


class _Missing:
    """The default of a read, to tell an absent key from one that holds None."""


_MISSING = _Missing()


class TypedState:
    """Stands for an instance of the model; each attribute is a key."""

    __slots__ = ("_get", "_model", "_set")

    def __init__(
        self, get: Callable[[str, Any], Any], set_: Callable[[str, Any], None], model: type[BaseModel]
    ) -> None:
        object.__setattr__(self, "_get", get)
        object.__setattr__(self, "_set", set_)
        object.__setattr__(self, "_model", model)

    def __getattr__(self, name: str) -> Any:
        """The key's value, validated; the field's default when absent.

        Raises:
            AttributeError: no such field, or it is required and the key is absent.
            StateValueError: what the key holds does not fit the field.
        """
        field = self._field(name)
        value = self._get(name, _MISSING)
        if value is not _MISSING:
            return _validated(self._model, name, field, value)
        if field.is_required():
            raise AttributeError(f"state key {name!r} is absent and {self._model.__name__}.{name} has no default")
        return field.get_default(call_default_factory=True, validated_data={})

    def __setattr__(self, name: str, value: Any) -> None:
        """Queue a `set` of the validated value. Raises as `__getattr__` and `ctx.state.set`."""
        self._set(name, _validated(self._model, name, self._field(name), value))

    def __dir__(self) -> list[str]:
        return list(self._model.model_fields)

    def _field(self, name: str) -> FieldInfo:
        field = self._model.model_fields.get(name)
        if field is None:
            raise AttributeError(f"{self._model.__name__} has no field {name!r}", name=name, obj=self)
        return field


def _validated(model: type[BaseModel], name: str, field: FieldInfo, value: Any) -> Any:
    adapter = _adapters.get((model, name))
    if adapter is None:
        annotated: Any = Annotated[field.annotation, field]  # pyright: ignore[reportInvalidTypeForm] - built at run time
        adapter = _adapters[model, name] = TypeAdapter(annotated)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise StateValueError(
            name,
            type(value).__name__,
            path=".".join(str(part) for part in first["loc"]),
            detail=f"{model.__name__}.{name}: {first['msg']}",
            hint=f"Give it a value that fits the field {name!r} of {model.__name__}.",
        ) from error
