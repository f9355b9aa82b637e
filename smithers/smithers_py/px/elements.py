"""Elements: `<Name attribute=value …>children</Name>` to the pieces of a Python call."""

import keyword
import re
from dataclasses import dataclass, field

from smithers_py.errors import PxSyntaxError
from smithers_py.px.children import Child, children_call
from smithers_py.px.pieces import Part, Piece
from smithers_py.px.scan import ELEMENT, STRING, Expression, expression, unbraced
from smithers_py.px.source import Source

FRAGMENT = "_px_Fragment"
MOST_DEEP = 60
"""Levels of elements in one another: Python's parser takes 200 brackets, an element is up to three."""

_TAG = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_NAME = re.compile(r"[^\W\d]\w*")
_END = re.compile(r"</\s*([^\s>]*)\s*(>?)")
_LAYOUT = re.compile(r"(?:\s+|#[^\n]*)+")
_SPREAD = re.compile(r"\.\.\.|\*\*?")
_ARROW = re.compile(r"(?:\(([\w\s,]*)\)|([^\W\d]\w*))\s*=>")
_TEXT = re.compile(r"[^<{}]+")
_TEXTS = {quote: re.compile(rf"(?:[^\\{quote}]|\\.)*{quote}", re.DOTALL) for quote in "'\""}
_AFTER_TEXT = re.compile(r"\s*(?:/?>(?![=>])|[^\W\d]\w*\s*=(?!=))")
"""What cannot go on with the value before it: the tag's end or the next attribute."""


@dataclass(slots=True)
class _Tag:
    """An opening tag as far as it was read."""

    name: str
    start: int
    given: dict[str, int] = field(default_factory=dict)
    attributes: list[tuple[str, Part]] = field(default_factory=list)
    """Name (empty for a spread) and pieces of the value."""
    text_start: int | None = None
    """Where the last value that goes over several lines begins."""

    @property
    def shown(self) -> str:
        return f"<{self.name}>"


class Elements:
    """Reads the elements of one source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.uses_fragment = False
        self.uses_run = False
        self.heads: set[int] = set()
        """Offsets of the elements' names: a call begins one before, at its `<`."""
        self.spans: list[tuple[int, int]] = []
        """From where to where the outermost elements go."""
        self._depth = 0

    def read(self, at: int) -> tuple[Part, int]:
        """The element at an offset: its pieces and the offset after it.

        Raises:
            PxSyntaxError: where it is wrong.
        """
        self._depth += 1
        if self._depth > MOST_DEEP:
            raise self.source.error(
                f"elements stand in one another more than {MOST_DEEP} deep", "a component of the inner ones", at
            )
        part, end = self._element(at)
        self._depth -= 1
        if not self._depth:
            self.spans.append((at, end))
        return part, end

    def _element(self, at: int) -> tuple[Part, int]:
        text = self.source.text
        if text.startswith(">", at + 1):
            tag = _Tag("", at)
            self.uses_fragment = True
            head: list[Part] = [Piece(f"{FRAGMENT}(", at, at + 2)]
            children, end = self._children(tag, at + 2)
            return self._call(tag, head, children, end)
        found = _TAG.match(text, at + 1)
        assert found is not None  # noqa: S101 - ELEMENT looked
        tag = _Tag(found[0], at)
        if any(keyword.iskeyword(part) for part in tag.name.split(".")):
            raise self.source.error(f"{tag.name!r} is a word of Python", "the name of a node", at + 1, found.end())
        self.heads.add(at + 1)
        head = [Piece(tag.name, at + 1, found.end(), verbatim=True), Piece("(", at, found.end())]
        inside = self._attributes(tag, found.end())
        if text.startswith("/>", inside):
            return self._call(tag, head, [], inside + 2)
        children, end = self._children(tag, inside + 1)
        return self._call(tag, head, children, end)

    def _call(self, tag: _Tag, head: list[Part], children: list[Child], end: int) -> tuple[Part, int]:
        given, used_run = children_call(self.source, children)
        self.uses_run = self.uses_run or used_run
        if given and "children" in tag.given:
            at = tag.given["children"]
            raise self.source.error("children are given twice", "them once", at, at + 8)
        spread = any(not name for name, _ in tag.attributes)
        parts: list[Part] = [*head]
        if spread:
            parts.append(Piece("**{", tag.start, tag.start + 1))
        for name, value in tag.attributes:
            at = tag.given.get(name, tag.start)
            if name:
                parts.append(Piece(f"{name!r}: " if spread else f"{name}=", at, at + len(name)))
            parts.append(value)
        if given:
            first = children[0].start
            parts += (Piece("'children': " if spread else "children=", first, first), given)
        parts.append(Piece("})" if spread else ")", end - 1, end))
        return parts, end

    # -- tags ------------------------------------------------------------------------------------------------------

    def _attributes(self, tag: _Tag, at: int) -> int:
        """Read the attributes; returns the offset of `>` or `/>`."""
        text = self.source.text
        while True:
            at = self._skip(at)
            if at >= len(text):
                raise self._never_closed(tag, "'>' or '/>'")
            if text[at] == ">" or text.startswith("/>", at):
                return at
            if text[at] == "{":
                at = self._spread(tag, at)
                continue
            found = _NAME.match(text, at)
            if found is None:
                raise self._wrong(tag, f"{_shown(text[at])} in {tag.shown}", "an attribute, '>' or '/>'", at)
            at = self._attribute(tag, found[0], at)

    def _attribute(self, tag: _Tag, name: str, at: int) -> int:
        text, end = self.source.text, at + len(name)
        if text[end : end + 1] in ("-", ":"):
            rest = re.compile(r"[\w:-]+").match(text, at)
            stop = end if rest is None else rest.end()
            raise self._wrong(tag, f"{text[at:stop]!r} is no Python name", "a name with '_'", at, stop)
        if name in tag.given:
            raise self._wrong(tag, f"{name} is given twice", "each attribute once", at, end)
        if keyword.iskeyword(name):
            expected = f"{{...{{{name!r}: ...}}}} for it"
            raise self._wrong(tag, f"{name!r} is a word of Python", expected, at, end)
        tag.given[name] = at
        after = self._skip(end)
        if text.startswith("=", after) and not text.startswith("==", after):
            value, end = self._value(tag, name, self._skip(after + 1))
        else:
            value = Piece("True, ", at, end)
        tag.attributes.append((name, value))
        return end

    def _value(self, tag: _Tag, name: str, at: int) -> tuple[Part, int]:
        source = self.source
        if at >= len(source.text):
            raise self._never_closed(tag, f"a value for {name}")
        if source.text[at] == "{":
            found = self._braces(at)
            if found.empty:
                raise source.error(f"the braces of {name} are empty", "an expression", at, found.end + 1)
            return self._wrapped(found, at), found.end + 1
        text = self._quoted(tag, at)
        if text is not None:
            return text
        parts, end = unbraced(source, at, self.read)
        if not parts:
            raise self._wrong(tag, f"{name} has no value", f"{name}={{...}}", at)
        return [Piece("(", at, at), parts, Piece("), ", end, end)], end

    def _quoted(self, tag: _Tag, at: int) -> tuple[Part, int] | None:
        """A value that is one text and nothing else; it may go over several lines, which Python does not allow."""
        source = self.source
        found = STRING.match(source.text, at)
        if found is None or len(found[1]) == 3:
            return None
        closed = _TEXTS[found[1]].match(source.text, found.end())
        if closed is None:
            raise source.error("this text is never closed", f"a closing {found[1]}", at, found.end())
        end = closed.end()
        if "\n" not in closed[0]:
            if _AFTER_TEXT.match(source.text, end) is None:
                return None
            return [Piece(source.text[at:end], at, end, verbatim=True), Piece(", ", end, end)], end
        tag.text_start = at
        more = found[1] * 2
        return [
            Piece(found[0], at, found.end(), verbatim=True),
            Piece(more, found.end(), found.end()),
            Piece(closed[0], found.end(), end, verbatim=True),
            Piece(f"{more}, ", end, end),
        ], end

    def _spread(self, tag: _Tag, at: int) -> int:
        """`{...mapping}`, `{**mapping}`, or a comment in braces; returns the offset after it."""
        text = self.source.text
        inside = self._skip(at + 1)
        if text.startswith("}", inside):
            return inside + 1
        found = _SPREAD.match(text, inside)
        if found is None or found[0] == "*":
            raise self._wrong(tag, f"braces in {tag.shown} without a name", "name={...} or {...mapping}", at)
        value = expression(self.source, found.end(), at, self.read)
        if value.empty:
            raise self.source.error("nothing follows the dots", "a mapping: {...mapping}", found.end())
        # Nothing at all (None, False) spreads nothing, as in JSX.
        value_parts: list[Part] = [
            Piece("**((", at, found.end()),
            value.parts,
            Piece(") or {}), ", value.end, value.end),
        ]
        tag.attributes.append(("", value_parts))
        return value.end + 1

    # -- children --------------------------------------------------------------------------------------------------

    def _children(self, tag: _Tag, at: int) -> tuple[list[Child], int]:
        """Everything up to the closing tag, and the offset after it."""
        text = self.source.text
        found: list[Child] = []
        while at < len(text):
            start = at
            if text[at] == "{":
                child, at = self._brace_child(at)
                if child is not None:
                    found.append(child)
            elif text[at] == "}":
                raise self.source.error("a '}' that closes nothing", "{'}'} where the character is meant", at)
            elif text.startswith("</", at):
                return found, self._closing(tag, at)
            elif ELEMENT.match(text, at):
                part, at = self.read(at)
                found.append(Child("element", start, at, part))
            elif text[at] == "<":
                raise self.source.error("'<' begins no element", "a name after it, or &lt;", at)
            else:
                match = _TEXT.match(text, at)
                assert match is not None  # noqa: S101 - the other characters are done
                at = match.end()
                found.append(Child("text", start, at))
        raise self._never_closed(tag, f"</{tag.name}>")

    def _brace_child(self, at: int) -> tuple[Child | None, int]:
        text = self.source.text
        inside = self._skip(at + 1)
        if text.startswith("}", inside):
            return None, inside + 1
        spread = _SPREAD.match(text, inside)
        if spread is not None and spread[0] != "**":
            value = expression(self.source, spread.end(), at, self.read)
            if value.empty:
                raise self.source.error("nothing follows the dots", "a list: {...items}", spread.end())
            parts: Part = [Piece("*(", at, spread.end()), value.parts, Piece(")", value.end, value.end + 1)]
            return Child("spread", at, value.end + 1, parts), value.end + 1
        value = self._braces(at)
        kind = "function" if value.function else "value"
        return Child(kind, at, value.end + 1, self._wrapped(value, at, ending="")), value.end + 1

    def _closing(self, tag: _Tag, at: int) -> int:
        found = _END.match(self.source.text, at)
        assert found is not None  # noqa: S101 - every part of it may be empty
        if found[1] != tag.name:
            line = self.source.line_of(tag.start) + 1
            problem = f"</{found[1]}> does not close the {tag.shown} of line {line}"
            raise self.source.error(problem, f"</{tag.name}>", at, found.end())
        if not found[2]:
            raise self.source.error(f"the closing tag of {tag.shown} is not finished", "'>'", found.end())
        return found.end()

    # -- what both need --------------------------------------------------------------------------------------------

    def _braces(self, at: int) -> Expression:
        """The expression in the braces at an offset; `x => …` is a lambda."""
        text = self.source.text
        inside = self._skip(at + 1)
        arrow = _ARROW.match(text, inside)
        if arrow is None:
            return expression(self.source, inside, at, self.read)
        group = 1 if arrow[2] is None else 2
        value = expression(self.source, arrow.end(), at, self.read)
        if value.empty:
            raise self.source.error("nothing follows '=>'", "an expression", arrow.end() - 2, arrow.end())
        head: list[Part] = [
            Piece("lambda ", inside, arrow.start(group)),
            Piece(arrow[group], *arrow.span(group), verbatim=True),
            Piece(":(", arrow.end(group), arrow.end()),
        ]
        tail = Piece(")", value.end, value.end)
        return value._replace(parts=[*head, value.parts, tail], function=True, comprehension=False)

    def _wrapped(self, value: Expression, at: int, *, ending: str = ", ") -> Part:
        first, last = ("[", "]") if value.comprehension else ("(", ")")
        return [Piece(first, at, at + 1), value.parts, Piece(f"{last}{ending}", value.end, value.end + 1)]

    def _skip(self, at: int) -> int:
        """The offset of the next thing that is neither layout nor comment."""
        text = self.source.text
        while True:
            if (found := _LAYOUT.match(text, at)) is not None:
                at = found.end()
            elif text.startswith("/*", at):
                end = text.find("*/", at + 2)
                if end < 0:
                    raise self.source.error("this comment is never closed", "'*/'", at, at + 2)
                at = end + 2
            else:
                return at

    def _never_closed(self, tag: _Tag, expected: str) -> PxSyntaxError:
        return self._wrong(tag, f"{tag.shown} is never closed", expected, tag.start, tag.start + len(tag.name) + 1)

    def _wrong(self, tag: _Tag, problem: str, expected: str, at: int, end: int | None = None) -> PxSyntaxError:
        error = self.source.error(problem, expected, at, end)
        if tag.text_start is not None:
            line = self.source.line_of(tag.text_start) + 1
            error.hint = (
                f"The text that begins on line {line} goes over several lines: is a closing quote missing there?"
            )
        return error


def _shown(char: str) -> str:
    return "a quote" if char in "\"'" else f"{char!r}"
