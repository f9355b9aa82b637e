"""As much of TextMate as the grammars of docs/editors/vscode use: begin, end, match, captures, include.

Python's own grammar belongs to the editor; `PYTHON` stands for it, with what keeps brackets and texts apart.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / "docs" / "editors" / "vscode"
PYTHON: dict[str, Any] = {
    "patterns": [
        {"name": "string.py", "begin": "\"\"\"|'''", "end": "\"\"\"|'''"},
        {"name": "string.py", "match": r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'"},
        {"name": "comment.py", "match": "#.*$"},
        {"include": "px.elements"},
    ]
}


@dataclass(frozen=True)
class Scoped:
    """A piece of a line with the name a grammar gives it; line and column from 0."""

    name: str
    text: str
    line: int
    column: int


class Grammar:
    def __init__(self) -> None:
        folder = FOLDER / "syntaxes"
        self.elements = json.loads((folder / "px-elements.tmLanguage.json").read_text(encoding="utf-8"))
        self.found: list[Scoped] = []

    def read(self, text: str) -> list[Scoped]:
        """Everything that gets a name, in order."""
        stack: list[tuple[dict[str, Any], re.Pattern[str]]] = []
        for number, line in enumerate(text.split("\n")):
            at = 0
            while True:
                rules = self._rules(stack[-1][0] if stack else {"patterns": [{"include": "source.python"}]})
                candidates = [(rule, re.compile(rule.get("match") or rule["begin"])) for rule in rules]
                matches = [(found, rule) for rule, regex in candidates if (found := regex.search(line, at))]
                end = stack[-1][1].search(line, at) if stack else None
                best = min(matches, key=lambda one: one[0].start(), default=None)
                if end is not None and (best is None or end.start() <= best[0].start()):
                    self._captures(end, stack.pop()[0].get("endCaptures", {}), number)
                    at = end.end()
                    continue
                if best is None:
                    break
                found, rule = best
                if "match" in rule:
                    self._captures(found, {"0": rule, **rule.get("captures", {})}, number)
                    at = found.end() if found.end() > at else at + 1
                else:
                    self._captures(found, rule.get("beginCaptures", {}), number)
                    closing = re.sub(r"\\1", lambda _, m=found: re.escape(m[1]), rule["end"])
                    stack.append((rule, re.compile(closing)))
                    at = found.end()
        assert not stack, f"{stack[-1][0].get('name')} is never closed"
        return self.found

    def _captures(self, found: re.Match[str], captures: dict[str, Any], line: int) -> None:
        for group, scope in captures.items():
            if "name" in scope and found[int(group)]:
                self.found.append(Scoped(scope["name"], found[int(group)], line, found.start(int(group))))

    def _rules(self, rule: dict[str, Any]) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = []
        for one in rule.get("patterns", []):
            name = one.get("include")
            if name is None:
                rules.append(one)
            elif name == "source.python":
                rules += self._rules(PYTHON)
            elif name == "px.elements":
                rules += self._rules(self.elements)
            else:
                target = self.elements["repository"][name[1:]]
                rules += [target] if "begin" in target or "match" in target else self._rules(target)
        return rules
