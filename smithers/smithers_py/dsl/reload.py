"""A plan script that is loaded again and again while it is edited (C-6): its modules, when they differ, a fresh load.

A load takes the plan's own modules out of `sys.modules` and imports all of them anew, so that no module sees half of a
change: a constant that one imported from another is as new as a function. What is installed is left alone. A load that
fails, or that nobody wants in the end, puts the former modules back: the plan that runs goes on with its own.
"""

import hashlib
import importlib
import linecache
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from smithers_py.dsl.script import LoadedScript, load_script
from smithers_py.errors import SmithersError

BEFORE = "__smithers_before__"
"""In a module that was loaded anew: the module that it replaced, whose objects running tasks may still make."""

_OURS = ("smithers_py", "smithers_persistence", "smithers_reactive", "__main__")
_SUFFIXES = (".py", ".px")


class PlanScript:
    """A script and the modules that it imports from its own folder or from `workspace`.

    Made before the first load: what is loaded already is not the plan's. Not safe for several threads, but `warm`.
    """

    def __init__(self, path: Path, entry: str | None, workspace: Path) -> None:
        self.path = path.expanduser().resolve()
        self.entry = entry
        self._given = path
        self._roots = tuple({self.path.parent, workspace.resolve()})
        self._foreign = frozenset(sys.modules)
        self._seen: dict[Path, str] = {}
        self._stats: dict[Path, tuple[int, int, int]] = {}
        self._before: dict[str, ModuleType] = {}
        self._broken = False

    def load(self) -> LoadedScript:
        """Import the script and its modules anew.

        Raises:
            ScriptError: as `load_script`; the former modules are back.
        """
        importlib.invalidate_caches()
        linecache.checkcache()
        expected, self._seen = self._seen, {}
        self._note(self.path)
        taken = self._take()
        finder = _Finder(self)
        sys.meta_path.insert(0, finder)
        try:
            loaded = load_script(self.path if taken else self._given, self.entry)
        except BaseException:
            # Any of the files may hold the mistake, or be the one that is still to be saved.
            self._broken = True
            for file in {*expected, *self._around()} - self._seen.keys():
                self._note(file)
            self._put_back(taken)
            raise
        finally:
            sys.meta_path.remove(finder)
        self._broken = False
        self._before = taken
        for name, module in taken.items():
            if name in sys.modules:
                setattr(sys.modules[name], BEFORE, module)
        return loaded

    def take_back(self) -> None:
        """Undo the last load for who imports: the plan goes on as it was. Its files count as loaded all the same."""
        self._put_back(self._before)

    def warm(self) -> None:
        """Compile what was saved in `.px` into the cache; the next `load` is quick then. For another thread."""
        from smithers_py.px import loader as px

        for file in list(self._seen):
            if file.suffix != px.SUFFIX:
                continue
            try:
                px.code_of(file.read_bytes(), str(file))
            except (OSError, SmithersError):
                continue  # told when it is imported

    def differs(self) -> bool:
        """Whether a file of the plan is not as it was when it was loaded. Reads only what has another date or size."""
        if self._broken and any(file not in self._seen for file in self._around()):
            return True
        return any(_stat(file) != self._stats.get(file) and self._changed(file) for file in list(self._seen))

    def folders(self) -> list[Path]:
        """Where the files lie. Whole folders, for an editor that saves by renaming replaces the file itself."""
        return sorted({file.parent for file in self._seen if file.parent.is_dir()})

    def changed_names(self) -> list[str]:
        """The names of the files that differ now, for people."""
        around = [file for file in self._around() if file not in self._seen] if self._broken else []
        return sorted(file.name for file in [*(file for file in self._seen if self._changed(file)), *around])

    # -- files ----------------------------------------------------------------------------------------------------

    def mine(self, file: str) -> bool:
        """Whether a module's file is edited by whoever writes the plan."""
        path = Path(file)
        if path.suffix not in _SUFFIXES or "site-packages" in path.parts:
            return False
        return any(path.is_relative_to(root) for root in self._roots)

    def read(self, file: str) -> bytes:
        """The source of a module that is being loaded."""
        path = Path(file)
        # The date first: what is saved in between has another one.
        stat, source = _stat(path), path.read_bytes()
        self._seen[path], self._stats[path] = hashlib.sha256(source).hexdigest(), stat
        return source

    def _note(self, file: Path) -> None:
        stat = _stat(file)
        self._seen[file], self._stats[file] = _digest(file), stat

    def _changed(self, file: Path) -> bool:
        stat = _stat(file)
        if _digest(file) != self._seen[file]:
            return True
        self._stats[file] = stat
        return False

    def _around(self) -> list[Path]:
        return [file for folder in self.folders() for file in folder.glob("*.p[xy]")]

    # -- modules --------------------------------------------------------------------------------------------------

    def _modules(self) -> dict[str, ModuleType]:
        return {
            name: module
            for name, module in list(sys.modules.items())
            if name not in self._foreign and name.partition(".")[0] not in _OURS and self._holds(module)
        }

    def _holds(self, module: ModuleType) -> bool:
        file = getattr(module, "__file__", None)
        if file is not None:
            return self.mine(file)
        # A folder without __init__.py is a package too.
        places = [Path(place) for place in getattr(module, "__path__", ())]
        return bool(places) and all(any(place.is_relative_to(root) for root in self._roots) for place in places)

    def _take(self) -> dict[str, ModuleType]:
        taken = self._modules()
        for name in taken:
            del sys.modules[name]
        return taken

    def _put_back(self, modules: dict[str, ModuleType]) -> None:
        self._take()
        sys.modules.update(modules)


class _Finder:
    """Finds the plan's modules as Python does, and has them compiled from what is in the file now.

    Python's own cache goes by a date in whole seconds and the size, which two saves within a second can share.
    """

    def __init__(self, script: PlanScript) -> None:
        self._script = script

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        """The spec of a module of the plan; None for all others, which the next finder finds."""
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or not spec.has_location or spec.origin is None or not self._script.mine(spec.origin):
            return None
        spec.loader = _Loader(name, spec.origin, self._script)
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, name: str, file: str, script: PlanScript) -> None:
        super().__init__(name, file)
        self._script = script

    def get_code(self, fullname: str) -> CodeType:
        from smithers_py.px import loader as px

        file = self.get_filename(fullname)
        source = self._script.read(file)
        return px.code_of(source, file) if file.endswith(px.SUFFIX) else self.source_to_code(source, file)


def _stat(file: Path) -> tuple[int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""
