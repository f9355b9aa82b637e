"""What commands of an agent see of the environment, and how its secrets stay out of what they print (G-5, X-1)."""

import os
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

SECRET_NAMES = (
    "*_APIKEY",
    "*_TOKEN",
    "*_SECRET",
    "*_SECRET_*",
    "*_PASSWORD",
    "*_PASSWD",
    "*_KEY",
    "*_ACCESS_KEY*",
    "*_PAT",
    "*_CREDENTIALS",
    "*_DSN",
    "API_KEY",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PGPASSWORD",
    "MYSQL_PWD",
    "DATABASE_URL",
)
"""Variables that no command gets. A plan's own Command nodes get all of them: a person wrote those."""

_SHORTEST = 8
_WITHOUT_DIGITS = 16
"""Characters. A shorter value, or a word such as "postgres", occurs in ordinary text: hiding it there would make files
unreadable, and hide nothing.
"""


class Environment:
    """The environment of this process, divided into what commands get and what they do not."""

    def __init__(self, deny: Iterable[str] = (), source: Mapping[str, str] | None = None) -> None:
        patterns = (*SECRET_NAMES, *deny)
        every = dict(os.environ if source is None else source)
        self.secrets = {
            name: value for name, value in every.items() if any(fnmatchcase(name.upper(), p) for p in patterns)
        }
        self.visible = {name: value for name, value in every.items() if name not in self.secrets}
        """For commands."""
        hidden = {value: name for name, value in self.secrets.items() if _is_telling(value)}
        self._names = hidden
        longest_first = sorted(hidden, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, longest_first))) if hidden else None

    def redact(self, text: str) -> str:
        """The text with every hidden value replaced by its name.

        A command has the rights of the user, so it can find a value elsewhere (the environment of this process, a
        file); that it is not printed by accident is all that is promised.
        """
        if self._values is None:
            return text
        return self._values.sub(lambda found: f"[{self._names[found[0]]} hidden]", text)


def _is_telling(value: str) -> bool:
    return len(value) >= (_SHORTEST if any(map(str.isdigit, value)) else _WITHOUT_DIGITS)
