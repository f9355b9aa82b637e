"""What a plan says about an agent's tools: which ones, and what they may do (G-5).

Only descriptions: nothing here runs a tool, and a plan that has none pays nothing for this.
"""

from collections.abc import Callable, Iterable, Mapping
from posixpath import normpath
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, field_validator

from smithers_py.errors import InvalidPropError
from smithers_py.patterns import BUILT_IN, MCP, commands_in, is_one_command, matches_line, matches_path, parse_rule
from smithers_py.where import did_you_mean

Decision = Literal["allow", "deny", "ask"]

READING = ("read", "glob", "grep")
WRITING = ("write", "edit")
GROUPS: Mapping[str, tuple[str, ...]] = {"files": (*READING, *WRITING), "all": BUILT_IN}

_STRICTEST: tuple[Decision, ...] = ("deny", "ask", "allow")
_MARK = "__smithers_safe__"

Fn = TypeVar("Fn", bound=Callable[..., Any])


class ToolPolicy(BaseModel):
    """Which tool calls of an agent are allowed, denied, or asked about.

    A rule is the name of a tool (`shell`), a glob of names (`github.list_*`; `mcp:github` is all of that server), or,
    for the built-in tools, a name with a pattern for what it works on: `write(src/**)`, `shell(git *)`. Paths are
    relative to the workspace. The most specific rule that fits decides (a pattern in brackets before a name, a name
    before a glob); of equals deny before ask before allow. `default` decides where no rule fits; without it reading and
    writing in the workspace and your own functions are allowed, shell and MCP servers ask.

    An allowing `shell(...)` fits only one plain command: `git status; rm -rf x` never fits `shell(git *)`. Denying and
    asking ones fit when any command of the line does.

    Raises InvalidPropError: a rule that cannot be read, or a default that is none of the three words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    hints: ClassVar[str] = 'Write rules as names or patterns: allow=["read", "shell(git *)", "github.*"].'

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    default: Decision | None = None

    @field_validator("allow", "deny", "ask", mode="before")
    @classmethod
    def _rules(cls, value: Any) -> tuple[str, ...]:
        rules = (value,) if isinstance(value, str) else tuple(value)
        for rule in rules:
            try:
                parse_rule(rule if isinstance(rule, str) else repr(rule))
            except ValueError as error:
                raise InvalidPropError(f"ToolPolicy: {error}", hint=cls.hints) from error
        return rules

    @field_validator("default", mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        if value is not None and value not in _STRICTEST:
            raise InvalidPropError(f"ToolPolicy has no default {value!r}", hint='Pass "allow", "deny" or "ask".')
        return value

    def rule_for(self, tool: str, args: Mapping[str, Any]) -> Decision | None:
        """What a rule of this policy says about the call, None when none fits."""
        best: tuple[int, Decision] | None = None
        for decision in _STRICTEST:
            for rule in getattr(self, decision):
                rank = _rank(rule, decision, tool, args)
                if rank and (best is None or rank > best[0]):
                    best = rank, decision
        return best[1] if best else None

    def decide(self, tool: str, args: Mapping[str, Any]) -> Decision:
        """What happens to a call of `tool` (an MCP tool as `server.tool`) with these arguments."""
        return self.rule_for(tool, args) or self.default or safe_default(tool)


def safe_default(tool: str) -> Decision:
    """What happens to a tool that nothing was said about."""
    if tool == "shell" or "." in tool:
        return "ask"
    return "allow"


def _rank(rule: str, decision: Decision, tool: str, args: Mapping[str, Any]) -> int:
    """How closely the rule fits: 0 not at all, 1 as a glob, 2 by name, 3 by argument."""
    name, pattern = parse_rule(rule)
    if pattern is not None:
        return 3 if name == tool and _argument_fits(tool, args, pattern, decision) else 0
    if name == tool:
        return 2
    return 1 if matches_line(tool, name) else 0


def _argument_fits(tool: str, args: Mapping[str, Any], pattern: str, decision: Decision) -> bool:
    if tool != "shell":
        return matches_path(normpath(str(args.get("path") or ".")), pattern)
    line = str(args.get("command", ""))
    if decision == "allow":
        return is_one_command(line) and matches_line(line, pattern)
    return matches_line(line, pattern) or any(matches_line(part, pattern) for part in commands_in(line))


def pure(fn: Fn) -> Fn:
    """Mark a function given as a tool: it only looks. After a crash it is called again without asking."""
    setattr(fn, _MARK, "pure")
    return fn


def idempotent(fn: Fn) -> Fn:
    """Mark a function given as a tool: a second call with the same arguments changes nothing more. After a crash it is
    called again without asking.
    """
    setattr(fn, _MARK, "idempotent")
    return fn


def is_marked_safe(fn: Callable[..., Any]) -> bool:
    """Whether `fn` was marked `pure` or `idempotent`."""
    return hasattr(fn, _MARK)


def tool_name(fn: Callable[..., Any]) -> str:
    """The name under which a model calls the function."""
    return str(getattr(fn, "__name__", type(fn).__name__))


def check_tools(value: Any) -> tuple[Any, ...] | None:
    """`tools=` of an agent as a flat tuple: names of built-in tools, `mcp:NAME`, functions; None stays None.

    Raises ValueError, one sentence, which the node's constructor makes an InvalidPropError.
    """
    if value is None:
        return None
    items: Iterable[Any] = (value,) if isinstance(value, str) or callable(value) else value
    if not isinstance(items, list | tuple):
        raise ValueError("it should be a list of names and functions")  # noqa: TRY004 - Pydantic takes only this
    found: dict[Any, None] = {}
    names: dict[str, Any] = {}
    for item in items:
        for one in _expanded(item):
            name = one if isinstance(one, str) else tool_name(one)
            if names.setdefault(name, one) != one:
                raise ValueError(f"two tools have the name {name!r}")
            found[one] = None
    return tuple(found)


def _expanded(item: Any) -> tuple[Any, ...]:
    if isinstance(item, str):
        if item in GROUPS:
            return GROUPS[item]
        if item in BUILT_IN or (item.startswith(MCP) and len(item) > len(MCP)):
            return (item,)
        guess = did_you_mean(item, [*BUILT_IN, *GROUPS], label="built-in tools")
        raise ValueError(f"{item!r} is no built-in tool ({guess.rstrip('.')})")
    if callable(item) and not isinstance(item, type):
        if not tool_name(item).isidentifier():
            raise ValueError("a tool needs a name, which a lambda does not have")
        if tool_name(item) in BUILT_IN:
            raise ValueError(f"a function cannot be named as the built-in tool {tool_name(item)!r}")
        return (item,)
    raise ValueError(f"a tool is a name or a function, not {item!r}")
