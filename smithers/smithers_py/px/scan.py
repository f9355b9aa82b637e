"""Tokens of Python text, as far as `.px` needs them: where a value may begin, where brackets close, where a value ends.

`<` begins an element only where a value may begin and a name (or `>`) follows at once; everywhere else it compares.
Strings and comments are passed over whole, so nothing in them is taken for an element.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from smithers_py.errors import PxSyntaxError
from smithers_py.px.pieces import Part, Piece
from smithers_py.px.source import Source

ELEMENT = re.compile(r"<(?=[^\W\d]|>)")
STRING = re.compile(r"(?i:[rbuf]{0,2})(\"\"\"|'''|\"|')")
_TOKEN = re.compile(
    r"(?P<blank>(?:[ \t\r\f]|\\\n)+)|(?P<newline>\n)|(?P<comment>#[^\n]*)"
    r"|(?P<string>(?i:[rbuf]{0,2})(?:\"\"\"|'''|\"|'))"
    r"|(?P<name>[^\W\d]\w*)|(?P<number>\d[\w.]*)|(?P<note>/\*)"
    r"|(?P<operator>>>=?|>=|<<=?|<=|==|!=|:=|->|\*\*|//|.)",
    re.DOTALL,
)
_BODIES = {
    quote: re.compile(body, re.DOTALL)
    for quote, body in {
        '"': r'(?:[^\\"\n]|\\.)*"',
        "'": r"(?:[^\\'\n]|\\.)*'",
        '"""': r'(?:[^\\"]|\\.|"(?!""))*"""',
        "'''": r"(?:[^\\']|\\.|'(?!''))*'''",
    }.items()
}
_CONTINUES = frozenset({"if", "else", "and", "or", "not", "in", "is"})
"""Words before which a value does not end."""
_BEFORE_VALUES = _CONTINUES | {"return", "yield", "await", "assert", "from", "raise", "elif", "while", "lambda", "with"}
"""Words after which a value begins."""
_JAVASCRIPT = (
    ("===", "'=='"),
    ("&&", "'and'"),
    ("||", "'or'"),
    ("?", "'value if condition else other'"),
    ("!", "'not'"),
)
_SUSPECTS = frozenset({"==", "&", "|", "?", "!"})
_CLOSERS = {")": "(", "]": "[", "}": "{"}

ReadElement = Callable[[int], tuple[Part, int]]
"""Reads the element at an offset: its pieces and where it ends."""


class Token(NamedTuple):
    """`operand`: a value may begin here. `part`: of an element, its pieces."""

    kind: str
    start: int
    end: int
    operand: bool
    part: Part | None = None


class Expression(NamedTuple):
    """What stood between braces; `end` is the offset of the closing one."""

    parts: list[Part]
    end: int
    empty: bool
    comprehension: bool
    """It is `x for x in …`: a list, for a generator is no child."""
    function: bool
    """It is a lambda."""


def string_end(source: Source, start: int, quote_end: int, quote: str) -> int:
    """Where the string that begins at `start` ends.

    Raises:
        PxSyntaxError: it is never closed.
    """
    found = _BODIES[quote].match(source.text, quote_end)
    if found is None:
        where = "" if len(quote) == 3 else " on its line"
        raise source.error(f"this text is not closed{where}", f"a closing {quote}", start, quote_end)
    return found.end()


def _tokens(source: Source, at: int, element: ReadElement, *, statements: bool = False) -> Iterator[Token]:
    text = source.text
    size = len(text)
    operand, depth = True, 0
    while at < size:
        found = _TOKEN.match(text, at)
        assert found is not None  # noqa: S101 - the last alternative takes any character
        kind, end = str(found.lastgroup), found.end()
        part: Part | None = None
        before = operand
        if kind == "string":
            end = string_end(source, at, end, found[0].lstrip("rRbBuUfF"))
            operand = False
        elif kind == "name":
            operand = found[0] in _BEFORE_VALUES
        elif kind == "number":
            operand = False
        elif kind == "newline":
            operand = operand or (statements and not depth)
        elif kind == "note":
            end = _note_end(source, at)
        elif kind == "operator":
            char = found[0]
            if char == "<" and operand and ELEMENT.match(text, at):
                kind, operand = "element", False
                part, end = element(at)
            else:
                if char in _SUSPECTS and not statements:
                    _check_language(source, at)
                if char == "<" and text.startswith("/", at + 1):
                    raise _stray_end(source, at, statements=statements)
                depth += (char in "([{") - (char in ")]}" and depth > 0)
                operand = char not in ")]}"
        yield Token(kind, at, end, before, part)
        at = end


def _check_language(source: Source, at: int) -> None:
    """Operators of JavaScript, which whoever writes JSX will try."""
    text = source.text
    for theirs, ours in _JAVASCRIPT:
        if text.startswith(theirs, at):
            raise source.error(f"'{theirs}' is no Python", ours, at, at + len(theirs))


def _note_end(source: Source, at: int) -> int:
    end = source.text.find("*/", at + 2)
    if end < 0:
        raise source.error("this comment is never closed", "'*/'", at, at + 2)
    return end + 2


def _stray_end(source: Source, at: int, *, statements: bool) -> PxSyntaxError:
    name = re.compile(r"</\s*([\w.]*)\s*>?").match(source.text, at)
    end = at + 2 if name is None else name.end()
    if statements:
        return source.error(f"{source.text[at:end]} closes nothing", "its opening tag before it", at, end)
    return source.error(f"{source.text[at:end]} stands within braces", "'}' before it", at, end)


def statements(source: Source, element: ReadElement) -> list[Part]:
    """The whole text as Python, its elements replaced.

    Raises:
        PxSyntaxError: an element is wrong. What is wrong with the Python is Python's to say.
    """
    parts: list[Part] = []
    run = 0
    for token in _tokens(source, 0, element, statements=True):
        if token.kind == "element":
            parts += (_copy(source, run, token.start), token.part or [])
            run = token.end
    return [*parts, _copy(source, run, len(source.text))]


def expression(source: Source, at: int, opened: int, element: ReadElement) -> Expression:
    """The Python expression from `at` to the brace that closes the one at `opened`.

    Raises:
        PxSyntaxError: it is never closed, or its brackets do not match.
    """
    parts: list[Part] = []
    stack: list[tuple[str, int]] = []
    run, lambdas = at, 0
    first: str | None = None
    comprehension = False
    for token in _tokens(source, at, element):
        kind = token.kind
        if kind in ("element", "note"):
            parts += (_copy(source, run, token.start), token.part or [])
            run = token.end
        if kind in ("blank", "newline", "comment", "note"):
            continue
        word = "" if kind == "element" else source.text[token.start : token.end]
        if kind == "operator" and word == "}" and not stack:
            parts.append(_copy(source, run, token.start))
            return Expression(parts, token.start, first is None, comprehension, first == "lambda")
        first = word if first is None else first
        if kind == "operator":
            _balance(source, stack, word, token.start, "{", opened)
            if word == ":" and not stack:
                lambdas -= 1
                if lambdas < 0:
                    raise source.error(
                        "':' in an expression", "a value; a dict needs its own braces, {{...}}", token.start
                    )
        elif not stack:
            lambdas += word == "lambda"
            comprehension = comprehension or word == "for"
    char, where = stack[-1] if stack else ("{", opened)
    raise source.error(f"this '{char}' is never closed", f"'{_closing(char)}'", where)


def unbraced(source: Source, at: int, element: ReadElement) -> tuple[list[Part], int]:
    """An attribute's value without braces: it ends before `/>`, `>`, the next attribute or a `{`. No parts: no value.

    Raises:
        PxSyntaxError: its brackets do not match, or the text ends in it.
    """
    parts: list[Part] = []
    stack: list[tuple[str, int]] = []
    run = end = at
    before = ""
    for token in _tokens(source, at, element):
        kind = token.kind
        if kind in ("blank", "newline", "comment"):
            continue
        word = "" if kind == "element" else source.text[token.start : token.end]
        if not stack and _ends_value(source, token, word, before):
            break
        if kind in ("element", "note"):
            parts += (_copy(source, run, token.start), token.part or [])
            run = token.end
        if kind == "operator":
            _balance(source, stack, word, token.start, "", at)
        before = kind
        end = token.end
    if stack:
        char, where = stack[-1]
        raise source.error(f"this '{char}' is never closed", f"'{_closing(char)}'", where)
    if end == at:
        return [], at
    return [*parts, _copy(source, run, end)], end


def _ends_value(source: Source, token: Token, word: str, before: str) -> bool:
    if token.kind == "operator":
        if word in (")", "]", "}", ">") or (word == "/" and source.text.startswith(">", token.end)):
            return True
        if token.operand:
            return False
        # `x <Name` with the blank before and none after is an element that follows, not a comparison.
        follows = word == "<" and ELEMENT.match(source.text, token.start) and source.text[token.start - 1].isspace()
        return word == "{" or bool(follows)
    if token.operand or token.kind == "note":
        return False
    if token.kind == "string":
        return before != "string"
    return word not in _CONTINUES


def _balance(source: Source, stack: list[tuple[str, int]], char: str, at: int, outer: str, opened: int) -> None:
    """Keep account of a bracket."""
    if char in ("(", "[", "{"):
        stack.append((char, at))
    elif char in _CLOSERS:
        open_char, where = stack.pop() if stack else (outer, opened)
        if open_char != _CLOSERS[char]:
            line = source.line_of(where) + 1
            raise source.error(
                f"'{char}' does not close the '{open_char}' of line {line}", f"'{_closing(open_char)}'", at
            )


def _closing(char: str) -> str:
    return next(closer for closer, opener in _CLOSERS.items() if opener == char)


def _copy(source: Source, start: int, end: int) -> Piece:
    return Piece(source.text[start:end], start, end, verbatim=True)
