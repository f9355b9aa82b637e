"""`.px`: plans in a JSX-like syntax, compiled to Python (A-1, A-3).

`<Phase name="x">…</Phase>` is `Phase(name="x", children=[…])`; everything else is Python. In the order in which a file
goes through them:

    scan.py      tokens of Python text, and where an element begins in it
    elements.py  tags, attributes, children: source to pieces of Python
    text.py      what the text between tags stands for
    pieces.py    pieces of Python, each with its place in the source, as lines and a map of columns
    compiler.py  lines to a code object whose every position is one of the `.px` file
    loader.py    imports, the cache on disk, the codec `jsx`
    runtime.py   the one function that compiled text calls

Line n of the Python text comes from line n of the source (elements stand in parentheses, so line breaks are free);
only columns need the map.
"""

from smithers_py.px.compiler import compile_px, parse_px, python_of
from smithers_py.px.loader import install

__all__ = ["compile_px", "install", "parse_px", "python_of"]
