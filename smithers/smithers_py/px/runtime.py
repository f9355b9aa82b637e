"""What compiled text calls while a component renders."""

from typing import Any


def text_run(*parts: Any) -> list[Any]:
    """Text and the values of `{…}` that stand beside it on a line, as children: neighbouring texts become one.

    `Hello {name}!` is one text. Nodes stay nodes, and holes keep every part at its own index, so that identity does not
    depend on the values (Z-2).
    """
    found: list[Any] = []
    first = -1
    for part in parts:
        if part is None or part is True or part is False:
            found.append(None)
        elif isinstance(part, str | int | float):
            if first < 0:
                first = len(found)
                found.append(str(part))
            else:
                found[first] += str(part)
                found.append(None)
        else:
            first = -1
            found.append(part)
    return found
