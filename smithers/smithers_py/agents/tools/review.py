"""What a tool call would do and whether it may: looks, and changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smithers_py.agents.tools.confine import Workspace
from smithers_py.agents.tools.files import FileTools
from smithers_py.agents.tools.grant import Grant
from smithers_py.agents.tools.policy import Decision, ToolPolicy, decide
from smithers_py.nodes.tools import READING, WRITING
from smithers_py.workers.control import AskKind
from smithers_py.workers.pool import DaemonPool

_ORDER: tuple[Decision, ...] = ("deny", "ask", "allow")
RIGHTS = "A command runs with all of your rights."


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What is known of a call before it is made."""

    decision: Decision
    kind: AskKind = "external_api"
    title: str = ""
    payload: dict[str, Any]
    """For whoever is asked: `tool`, `args`, and `diff` or `command`."""
    grant: Grant | None = None


class Reviewer:
    """Reviews the calls of one agent run."""

    def __init__(
        self, workspace: Workspace, files: FileTools, policies: tuple[ToolPolicy | None, ...], pool: DaemonPool
    ) -> None:
        self._workspace = workspace
        self._files = files
        self._policies = policies
        self._pool = pool

    async def review(self, tool: str, args: Mapping[str, Any]) -> Review:
        """Raises Refused: the call cannot be allowed by anybody."""
        payload: dict[str, Any] = {"tool": tool, "args": dict(args)}
        if tool in READING or tool in WRITING:
            return await self._pool.run(self._file, tool, args, payload)
        decision = decide(tool, args, *self._policies)
        if tool == "shell":
            command = str(args.get("command", ""))
            payload |= {"command": command, "cwd": str(self._workspace.root), "note": RIGHTS}
            return Review(decision=decision, kind="command_exec", title=f"Run: {_line(command)}", payload=payload)
        return Review(decision=decision, title=f"Call {tool}", payload=payload)

    def _file(self, tool: str, args: Mapping[str, Any], payload: dict[str, Any]) -> Review:
        path = str(args.get("path") or ".")
        with self._workspace.place(path, missing="assume") as place:
            found, protected = place.path, place.protected
            if tool not in ("glob", "grep"):
                self._workspace.check_file(place, path, reads=tool != "write")
        # A link must not turn a path that is allowed into one that is not.
        said: set[Decision] = {decide(tool, {**args, "path": one}, *self._policies) for one in (path, found)}
        decision: Decision = next(one for one in _ORDER if one in said)
        if tool in WRITING and protected and decision == "allow":
            decision = "ask"
        digest = None
        if decision == "ask" and tool in WRITING:
            payload["diff"], digest = self._files.change(tool, args)
            if protected:
                payload["note"] = f"{found} decides what runs later: it is part of the plan, its settings, or git's."
        grant = Grant(found, digest=digest)
        return Review(
            decision=decision, kind="file_edit", title=f"{tool.title()} {found}", payload=payload, grant=grant
        )


def _line(command: str) -> str:
    first, more, _ = command.strip().partition("\n")
    shown = first if len(first) <= 120 else f"{first[:119]}…"
    return f"{shown} …" if more else shown
