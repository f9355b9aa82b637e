"""What every error and warning means (E-4): one text for `smithers explain` and docs/errors.md.

The texts stand in `error_catalogue.toml`, the titles of errors in the docstrings of `errors.py`. The document is made
by

    python -m smithers_py.error_catalogue > docs/errors.md
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from smithers_py.errors import SmithersError

_HEAD = """# Errors and warnings

What each code means, an example, and how to mend it; `smithers explain CODE` prints the same. Errors (E) stop a run or
a node, warnings (W) come from `smithers check`. This file is generated:
`python -m smithers_py.error_catalogue > docs/errors.md`.
"""


_IDS = re.compile(r" \([A-Z]-\d+(, [A-Z]-\d+)*\)")
"""What the specification calls it means nothing to a user."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One code: the name of its error class (None for a warning), what happened, why, an example, how to mend it.

    `fixed` is the mended example, `shown_by` the command that shows the error when it is given the example ("check",
    "run", or empty where the example is a command line).
    """

    code: str
    name: str | None
    title: str
    cause: str
    example: str
    mend: str
    fixed: str = ""
    shown_by: str = ""


@cache
def entries() -> dict[str, Entry]:
    """Every entry by its code, in the order of the codes."""
    texts = tomllib.loads((files("smithers_py") / "error_catalogue.toml").read_text(encoding="utf-8"))
    classes = {one.code: one for one in error_classes()}
    return {code: _entry(code, classes.get(code), texts[code]) for code in sorted(texts)}


def error_classes() -> Iterator[type[SmithersError]]:
    """The error classes that have a code of their own."""
    todo = [SmithersError]
    while todo:
        one = todo.pop()
        todo += one.__subclasses__()
        if "code" in vars(one) and one is not SmithersError and one.__module__.startswith("smithers_py."):
            yield one


def _entry(code: str, error: type[SmithersError] | None, texts: dict[str, str]) -> Entry:
    given = {name: text.strip("\n") for name, text in texts.items()}
    if error is not None:
        doc = _IDS.sub("", " ".join((error.__doc__ or "").split()))
        return Entry(code=code, name=error.__name__, title=doc, **given)
    return Entry(code=code, name=None, **given)


def markdown() -> str:
    """docs/errors.md."""
    parts = [_HEAD]
    for one in entries().values():
        name = f" {one.name}" if one.name else ""
        parts += [f"## {one.code}{name}\n", f"{one.title}\n", f"**Cause.** {one.cause}\n"]
        language = "python" if "import" in one.example else "sh"
        parts += [f"```{language}\n{one.example}\n```\n", f"**Mend.** {one.mend}\n"]
        if one.fixed:
            parts.append(f"```python\n{one.fixed}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(markdown())
