"""The exact versions in pyproject are the whole truth: there is no lock file to fall back on (ADR 1)."""

import re
import tomllib
from importlib.metadata import distributions

from repo import MEMBERS, ROOT


def normal(name: str) -> str:
    """A package's name as every index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def own() -> set[str]:
    """The distributions of this workspace."""
    files = [ROOT / "pyproject.toml", *(ROOT / member / "pyproject.toml" for member in MEMBERS)]
    return {normal(tomllib.loads(file.read_text(encoding="utf-8"))["project"]["name"]) for file in files}


def test_what_is_installed_is_what_is_pinned() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = dict(pin.split("==") for pin in config["tool"]["uv"]["constraint-dependencies"])
    installed = {normal(dist.metadata["Name"]): dist.version for dist in distributions()}
    wrong = {name: version for name, version in installed.items() if name not in own() and pins.get(name) != version}
    assert wrong == {}


def test_pins_are_in_order() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins: list[str] = config["tool"]["uv"]["constraint-dependencies"]
    assert pins == sorted(pins, key=lambda pin: normal(pin.split("==")[0]))
