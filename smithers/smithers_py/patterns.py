"""Patterns for paths and command lines, and the rules of tool policies that are written with them (G-5)."""

import re
from functools import lru_cache

BUILT_IN = ("read", "glob", "grep", "write", "edit", "shell")
"""The tools whose rules may have a pattern for what they work on."""
MCP = "mcp:"
"""Before the name of an MCP server."""

_RULE = re.compile(r"([A-Za-z0-9_.*?-]+)(?:\((.*)\))?", re.DOTALL)
_OPERATORS = re.compile(r"[;&|<>()`$\\\n\r\0]")
"""What lets one line for the shell do more than the one command that a person reads in it."""
_SPLIT = re.compile(r"[;&|<>()`{}\n\r]+")
_PREFIX = re.compile(r"^(?:\s|!|(?:then|do|else|exec|command|env|time|nohup|sudo)\s|[A-Za-z_]\w*=\S*\s)+")


@lru_cache(maxsize=512)
def path_pattern(pattern: str) -> re.Pattern[str]:
    """A glob for paths relative to the workspace: `*` and `?` stay within one name, `**` crosses folders, `src/` and
    `src/**` are all that is below.
    """
    if pattern.endswith("/"):
        pattern += "**"
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            parts.append("(?:.*/)?")
            at += 3
        elif pattern.startswith("**", at):
            parts.append(".*")
            at += 2
        elif pattern[at] == "[" and (end := pattern.find("]", at + 2)) > 0:
            inside = pattern[at + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            parts.append(f"[{'^' + inside[1:] if inside[0] in '!^' else inside}]")
            at = end + 1
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(pattern[at]) or re.escape(pattern[at]))
            at += 1
    return re.compile("".join(parts), re.DOTALL)


def matches_path(path: str, pattern: str) -> bool:
    """Whether the whole of `path`, written with `/`, fits the glob."""
    return path_pattern(pattern).fullmatch(path) is not None


@lru_cache(maxsize=512)
def line_pattern(pattern: str) -> re.Pattern[str]:
    """A glob for a command line: `*` is anything, blanks are as many as you like."""
    words = [".*".join(re.escape(part) for part in word.split("*")) for word in pattern.split()]
    return re.compile(r"\s+".join(words), re.DOTALL)


def is_one_command(line: str) -> bool:
    """Whether a line for the shell has no operator, substitution or second line: what one reads is what runs."""
    return _OPERATORS.search(line) is None


def commands_in(line: str) -> list[str]:
    """The commands a line for the shell is made of, as far as that can be told without running it."""
    found = [_PREFIX.sub("", part).strip() for part in _SPLIT.split(line)]
    return [part for part in found if part]


def matches_line(line: str, pattern: str) -> bool:
    """Whether the whole of `line` fits the glob."""
    return line_pattern(pattern).fullmatch(line.strip()) is not None


@lru_cache(maxsize=512)
def parse_rule(rule: str) -> tuple[str, str | None]:
    """The tool's name (or glob) and the pattern of `name` or `name(pattern)`; `mcp:NAME` is every tool of that server.

    Raises ValueError, one sentence.
    """
    if rule.startswith(MCP):
        rule = f"{rule.removeprefix(MCP)}.*"
    read = _RULE.fullmatch(rule)
    if read is None:
        raise ValueError(f"{rule!r} is no rule: write a tool's name, or a name and a pattern, as shell(git *)")
    name, pattern = read[1], read[2]
    if pattern is not None:
        if name not in BUILT_IN:
            raise ValueError(f"{rule!r} has a pattern, which only {', '.join(BUILT_IN)} take: write {name!r}")
        try:
            (line_pattern if name == "shell" else path_pattern)(pattern)
        except re.error as error:
            raise ValueError(f"the pattern of {rule!r} cannot be read: {error}") from error
    return name, pattern
