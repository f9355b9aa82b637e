"""What the text between tags stands for: JSX's rules of whitespace and its `&name;` characters."""

import re
from html.entities import html5

_ENTITY = re.compile(r"&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(\w{1,32}));")


def meaning(text: str, *, after_brace: bool, before_brace: bool) -> str:
    """The text as a child; empty when it is only layout.

    Lines are trimmed and joined by a space, blank ones left out. Blanks at an end count only beside a `{…}` on the same
    line: `Hello {name}!` keeps its blank. Blanks alone count only between two of these.
    """
    if not text.strip():
        return text if after_brace and before_brace and "\n" not in text else ""
    lines = text.split("\n")
    if not after_brace:
        lines[0] = lines[0].lstrip()
    if not before_brace:
        lines[-1] = lines[-1].rstrip()
    lines[1:] = [line.lstrip() for line in lines[1:]]
    lines[:-1] = [line.rstrip() for line in lines[:-1]]
    return _ENTITY.sub(_character, " ".join(line for line in lines if line))


def touches_before(text: str) -> bool:
    """Whether the text and the `{…}` before it stand on one line."""
    return "\n" not in text or bool(text.split("\n", 1)[0].strip())


def touches_after(text: str) -> bool:
    """Whether the text and the `{…}` after it stand on one line."""
    return "\n" not in text or bool(text.rsplit("\n", 1)[1].strip())


def _character(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name:
        return html5.get(f"{name};", found[0])
    number = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else found[0]
