"""Importing `.px` modules: the finder, the loader with its cache on disk, and the codec `jsx`.

A `.px` file is found wherever a `.py` file is (packages with `__init__.px`, relative imports in both directions); of
two with one name Python's goes first. The cache lies in `__pycache__` beside Python's and is checked against the
source's hash: saves within a clock tick and files of another compiler are seen.
"""

import codecs
import importlib.util
import marshal
import re
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from types import CodeType
from typing import Any

from smithers_py.errors import PxSyntaxError
from smithers_py.px.compiler import compile_px

SUFFIX = ".px"
_FORMAT = b"px1"
"""Changes with the compiler, so that nothing an older one made is used."""
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*jsx\b")


def is_px(path: Path | str, source: bytes = b"") -> bool:
    """Whether a file is written in `.px`: by its suffix, or by `# coding: jsx` in one of its first two lines."""
    return str(path).endswith(SUFFIX) or any(_COOKIE.match(line) for line in source.split(b"\n", 2)[:2])


def text_of(source: bytes, filename: str) -> str:
    """The text of a file: UTF-8 unless it says otherwise, line breaks as `\\n`.

    Raises:
        PxSyntaxError: it is not in the encoding it says.
    """
    register_codec()
    try:
        return importlib.util.decode_source(source)
    except (SyntaxError, UnicodeDecodeError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else error.reason
    line = column = 1
    try:
        source.decode()
    except UnicodeDecodeError as error:
        before = source[: error.start].decode().split("\n")
        reason, line, column = error.reason, len(before), len(before[-1]) + 1
    problem = f"the file is no text ({reason})"
    raise PxSyntaxError(problem, expected="UTF-8", file=filename, line=line, column=column, text="")


def code_of(source: bytes, filename: str, loader: SourceFileLoader | None = None) -> CodeType:
    """The code object of a file's bytes, from the cache if it has it; what was compiled goes into the cache.

    Raises:
        PxSyntaxError: the file is wrong.
    """
    key = _FORMAT + importlib.util.MAGIC_NUMBER + importlib.util.source_hash(filename.encode() + b"\0" + source)
    cache = _cache_path(filename)
    try:
        kept = Path(cache).read_bytes() if cache else b""
        if kept.startswith(key):
            found = marshal.loads(kept[len(key) :])  # noqa: S302 - the bytes are ours, as those of any .pyc
            if isinstance(found, CodeType):
                return found
    except (OSError, EOFError, ValueError, TypeError):
        pass  # no cache, or a damaged one: it is made anew
    code = compile_px(text_of(source, filename), filename)
    if cache and not sys.dont_write_bytecode:
        writer = loader if loader is not None else SourceFileLoader("", filename)
        writer.set_data(cache, key + marshal.dumps(code))
    return code


def _cache_path(filename: str) -> str:
    """Where the compiled file is kept, beside Python's own; empty where nothing is."""
    try:
        # `plan.px` and `plan.py` may stand in one folder.
        return importlib.util.cache_from_source(f"{filename}.px", optimization="px")
    except NotImplementedError:
        return ""


class PxLoader(SourceFileLoader):
    """Loads a `.px` module; its source is the `.px` text, for `inspect`, `linecache` and debuggers."""

    def get_code(self, fullname: str) -> CodeType:
        """The module's code, from the cache if the source is the same."""
        path = self.get_filename(fullname)
        return code_of(self.get_data(path), path, self)

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:
        """Compile without the cache, as `importlib` and `runpy` may ask for."""
        text = data if isinstance(data, str) else text_of(bytes(data), str(path))
        return compile_px(text, str(path))


def register_codec() -> None:
    """Make `# coding: jsx` mean UTF-8, or `linecache` would show no line of such a file."""
    try:
        codecs.lookup("jsx")
    except LookupError:
        codecs.register(_codec)


def _codec(name: str) -> codecs.CodecInfo | None:
    if name != "jsx":
        return None
    utf8 = codecs.lookup("utf-8")
    return codecs.CodecInfo(
        utf8.encode,
        utf8.decode,
        utf8.streamreader,
        utf8.streamwriter,
        utf8.incrementalencoder,
        utf8.incrementaldecoder,
        name="jsx",
    )


class _Hook:
    """Makes the finder of a folder; its type is how a second `install` finds the first."""

    def __init__(self) -> None:
        # Libraries that look for a hook of their own (beartype, below the MCP client) take all hooks for functions.
        self.__name__ = self.__qualname__ = type(self).__name__
        self.make = FileFinder.path_hook(
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (SourceFileLoader, SOURCE_SUFFIXES),
            (PxLoader, [SUFFIX]),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )

    def __call__(self, path: str) -> Any:
        return self.make(path)


def install() -> None:
    """Let `import` find `.px` files from now on, and Python know `# coding: jsx`. A second call does nothing.

    `smithers` does this itself. A program of one's own calls it before it imports the first `.px` module.
    """
    register_codec()
    if any(isinstance(hook, _Hook) for hook in sys.path_hooks):
        return
    sys.path_hooks.insert(0, _Hook())
    # Folders that were looked at already have finders that know no .px.
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, FileFinder):
            del sys.path_importer_cache[path]
