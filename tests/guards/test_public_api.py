"""What the packages export exists, and says what it is."""

import importlib
import inspect

import pytest
from repo import MEMBERS


@pytest.mark.requirement("Z-12")
@pytest.mark.parametrize("name", MEMBERS.values())
def test_every_export_exists_and_has_a_docstring(name: str) -> None:
    module = importlib.import_module(name)
    exports: list[str] = module.__all__
    assert exports, f"{name}.__all__ is empty"
    assert len(set(exports)) == len(exports)
    silent: list[str] = []
    for export in exports:
        value = getattr(module, export)
        # A class must speak for itself: `inspect.getdoc` would hand it its base's words.
        text = vars(value).get("__doc__") if inspect.isclass(value) else getattr(value, "__doc__", None)
        if (inspect.isclass(value) or callable(value)) and not text:
            silent.append(export)
    assert silent == []
    assert (module.__doc__ or "").strip(), f"{name} has no docstring"
