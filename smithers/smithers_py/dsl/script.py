"""Loading a plan script, `.py` or `.px`: import the file, find its entry (A-8), and say where it is wrong (A-3)."""

import hashlib
import importlib.util
import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from smithers_py.dsl.component import Component, Element
from smithers_py.dsl.decorators import in_order
from smithers_py.errors import (
    EntryNotFoundError,
    MissingPropError,
    ScriptError,
    ScriptImportError,
    ScriptNotFoundError,
    ScriptSyntaxError,
    SmithersError,
    Where,
)
from smithers_py.where import an, did_you_mean, suggestion, user_location

_MARK = "__smithers_script__"


@dataclass(frozen=True, slots=True)
class LoadedScript:
    """An imported script: its entry component and props, the module, and the hash of its source (hex)."""

    component: Component
    props: dict[str, Any]
    module: ModuleType
    path: Path
    sha256: str


def load_script(path: str | Path, entry: str | None = None) -> LoadedScript:
    """Import a plan script and find its entry.

    Raises:
        ScriptNotFoundError: no such file.
        ScriptSyntaxError: with file, line, column and the source line; PxSyntaxError for a `.px` file.
        ScriptImportError: running the file raised.
        EntryNotFoundError: no entry, or several and none chosen; lists the candidates.
        MissingPropError: the entry needs props.
    """
    file = Path(path).expanduser().resolve()
    source = _read(file, Path(path))
    module = _import(file, source)
    element = _entry(module, file, entry)
    return LoadedScript(element.component, element.props, module, file, hashlib.sha256(source).hexdigest())


def _read(file: Path, given: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        names = [f"{given / name}" for name in _scripts_in(file)]
        hint = f"Name a script in it: {', '.join(names[:5])}." if names else "Name a script file."
        raise ScriptNotFoundError(f"{given} is a folder, not a script", hint=hint) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = "Check the path and the permissions."
        raise ScriptNotFoundError(f"{given} cannot be read: {reason}", hint=hint) from error
    if not file.parent.is_dir():
        raise ScriptNotFoundError(f"there is no file {given}", hint=f"The folder {given.parent} does not exist.")
    hint = did_you_mean(file.name, _scripts_in(file.parent), label="Scripts there") or "The folder has no scripts."
    raise ScriptNotFoundError(f"there is no file {given}", hint=hint)


def _scripts_in(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.glob("*.p[xy]") if item.is_file())


def _import(file: Path, source: bytes) -> ModuleType:
    """Run the file as a fresh module, registered under a name made of its stem."""
    from smithers_py.px import loader as px  # only scripts need it

    # Modules in .px can be imported by scripts of either kind.
    px.install()
    written_in_px = px.is_px(file, source)
    code = px.code_of(source, str(file)) if written_in_px else _compiled(source, file)
    name = _module_name(file)
    loader = px.PxLoader(name, str(file)) if written_in_px else None
    spec = importlib.util.spec_from_file_location(name, file, loader=loader)
    if spec is None:
        # Not a name that Python would import; the code is compiled already, so only the record is missing.
        spec = importlib.util.spec_from_loader(name, loader=None, origin=str(file))
    assert spec is not None  # noqa: S101 - spec_from_loader without a loader always gives one
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(file)
    setattr(module, _MARK, True)
    with _registered(module), _importable(file.parent):
        try:
            exec(code, module.__dict__)  # noqa: S102 - running the user's script is the job
        except SmithersError as error:
            place = user_location(error) or (str(file), None)
            error.locate(file=place[0], line=place[1])
            raise
        except SyntaxError as error:
            raise _syntax_error(error, file) from error
        except (Exception, SystemExit) as error:
            raise _import_error(error, file) from error
    return module


def _compiled(source: bytes, file: Path) -> CodeType:
    try:
        return compile(source, str(file), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _syntax_error(error, file) from None
    except ValueError as error:
        raise ScriptSyntaxError(f"the script is no text: {error}", column=1, text="", where=_at(file, 1)) from error


@contextmanager
def _registered(module: ModuleType) -> Generator[None]:
    """In sys.modules, so that dataclasses, Pydantic and stored values find its classes; taken back on failure."""
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        yield
    except BaseException:
        if before is None:
            del sys.modules[module.__name__]
        else:
            sys.modules[module.__name__] = before
        raise


@contextmanager
def _importable(folder: Path) -> Generator[None]:
    """First on sys.path while the script is imported; last afterwards, for imports inside its functions."""
    place = str(folder)
    known = place in sys.path
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)
        if not known:
            sys.path.append(place)


def _module_name(file: Path) -> str:
    """The stem as an identifier; `plan_` before it when another module has that name."""
    name = "".join(char if char.isalnum() else "_" for char in file.stem)
    if not name.isidentifier() or name in sys.stdlib_module_names or _taken(name, file):
        return f"plan_{name}"
    return name


def _taken(name: str, file: Path) -> bool:
    loaded = sys.modules.get(name)
    if loaded is not None:
        return not hasattr(loaded, _MARK) and getattr(loaded, "__file__", None) != str(file)
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.has_location and spec.origin != str(file)


def _syntax_error(error: SyntaxError, file: Path) -> ScriptSyntaxError:
    text = (error.text or "").strip("\n")
    column = max(1, error.offset or 1)
    stripped = text.strip()
    quoted = f": {stripped}" if stripped else ""
    where = Where(file=error.filename or str(file), line=error.lineno or 1)
    message = f"syntax error at column {column}: {error.msg}{quoted}"
    return ScriptSyntaxError(message, column=column, text=text, hint="Mend the line.", where=where)


def _import_error(error: BaseException, file: Path) -> ScriptError:
    place = user_location(error) or (str(file), 1)
    detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    # Where the module lies that lacks the name is of no use to whoever misspelt it.
    detail = re.sub(r" \([^()]*\.py\)$", "", detail) if isinstance(error, ImportError) else detail
    hint = suggestion(error) or "Mend the line, then run again."
    if isinstance(error, ModuleNotFoundError) and error.name:
        hint = f"Install {error.name!r} in this environment, or mend the import."
    elif isinstance(error, SystemExit):
        hint = "A plan script only defines components; leave running them to `smithers run`."
    where = Where(file=place[0], line=place[1])
    return ScriptImportError(f"importing {file.name} raised {detail}", hint=hint, where=where)


def _at(file: Path, line: int) -> Where:
    return Where(file=str(file), line=line)


def _entry(module: ModuleType, file: Path, wanted: str | None) -> Element:
    """`--entry` when given, else `app`, else the only component defined in the script (A-8)."""
    defined = _defined(module)
    where = Where(file=str(file))
    if wanted is not None:
        found = getattr(module, wanted, None)
        if not isinstance(found, Component | Element):
            hint = did_you_mean(wanted, defined, label="Its components") or "The script defines no component."
            what = "is no component" if hasattr(module, wanted) else "is not defined"
            raise EntryNotFoundError(f"the entry {wanted!r} {what}", candidates=defined, hint=hint, where=where)
        return _as_element(found)
    app = getattr(module, "app", None)
    if isinstance(app, Component | Element):
        return _as_element(app)
    if app is not None and "app" in vars(module):
        hint = "Make it a component: put @component or @plan over a function named app."
        message = f"app is {an(type(app).__name__)}, not a component"
        raise EntryNotFoundError(message, candidates=defined, hint=hint, where=where)
    if len(defined) == 1:
        return _as_element(next(iter(defined.values())))
    phases = list(defined.values())
    if phases and all(part.is_phase for part in phases):
        return _as_element(in_order(phases, module.__name__))
    if not defined:
        hint = "Put @component or @plan over the function that describes the plan."
        raise EntryNotFoundError("the script defines no component or plan", hint=hint, where=where)
    names = ", ".join(defined)
    hint = f"Choose one with --entry NAME, or write `app = {next(reversed(defined))}` at its end."
    message = f"the script defines several components ({names}) and no app"
    raise EntryNotFoundError(message, candidates=defined, hint=hint, where=where)


def _defined(module: ModuleType) -> dict[str, Component]:
    """The components and plans defined in the module itself, in order; imported ones do not count."""
    found: dict[str, Component] = {}
    for name, value in vars(module).items():
        if isinstance(value, Component) and value.module == module.__name__ and value not in found.values():
            found[name] = value
    return found


def _as_element(entry: Component | Element) -> Element:
    if isinstance(entry, Element):
        return entry
    try:
        return entry()
    except MissingPropError as error:
        # The call is ours; the line to mend is the definition.
        file, line = entry.source
        raise MissingPropError(
            error.message,
            hint=f"The entry gets no props: give them defaults, or write `app = {entry.name}(...)`.",
            where=Where(node=entry.name, file=file, line=line),
        ) from None
