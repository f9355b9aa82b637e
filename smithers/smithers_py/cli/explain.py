"""`smithers explain CODE`: the entry of an error or warning."""

import textwrap
from dataclasses import asdict

from smithers_py.cli.terminal import say, write_json
from smithers_py.error_catalogue import Entry, entries
from smithers_py.errors import UsageError
from smithers_py.where import did_you_mean

_WIDTH = 100


def explain_code(asked: str | None, *, as_json: bool) -> None:
    """Print one entry, or the list of all when no code was given. A code may also be the name of the error's class.

    Raises:
        UsageError: there is no such code; names the nearest one.
    """
    found = list(entries().values()) if asked is None else [_find(asked)]
    if as_json:
        data = [{name: text for name, text in asdict(one).items() if name != "shown_by"} for one in found]
        write_json(data if asked is None else data[0])
    elif asked is None:
        for one in found:
            say(f"{one.code}  {one.name or '-':<22}  {one.title.partition(';')[0].partition(' (')[0]}")
    else:
        _print(found[0])


def _find(asked: str) -> Entry:
    known = entries()
    names = {one.name.lower(): one for one in known.values() if one.name}
    found = known.get(asked.upper()) or names.get(asked.lower())
    if found is None:
        listed = [*known, *(one.name for one in known.values() if one.name)]
        near = did_you_mean(asked.upper() if len(asked) <= 4 else asked, listed, label="Codes")
        raise UsageError(f"there is no code {asked!r}", hint=f"{near} `smithers explain` lists them all.")
    return found


def _print(one: Entry) -> None:
    say(f"{one.code} {one.name}" if one.name else one.code)
    say(textwrap.fill(one.title, _WIDTH))
    say()
    say(textwrap.fill(f"Cause: {one.cause}", _WIDTH))
    say()
    say("Example:" if one.fixed or "import" in one.example else "See:")
    say(textwrap.indent(one.example, "    "))
    say()
    say(textwrap.fill(f"Mend: {one.mend}", _WIDTH))
    if one.fixed:
        say(textwrap.indent(one.fixed, "    "))
