"""Every error of Smithers, in one tree (E-4).

SmithersError
├── PlanError                     E100  the plan itself is wrong
│   ├── UnknownPropError          E101
│   ├── MissingPropError          E102
│   ├── InvalidPropError          E103
│   ├── UnknownEventError         E104
│   ├── DuplicateKeyError         E105
│   ├── DuplicateIdError          E106
│   ├── MissingKeyError           E107
│   ├── InvalidOutputError        E108
│   └── ComponentError            E109  wraps the exception that the user's component raised
├── ScriptError                   E200  the script cannot be loaded
│   ├── ScriptNotFoundError       E201
│   ├── ScriptSyntaxError         E202
│   │   └── PxSyntaxError         E205  in a .px file
│   ├── ScriptImportError         E203
│   └── EntryNotFoundError        E204
├── RenderPhaseError              E300  something that render may not do
│   └── WriteInRenderError        E301
├── StateError                    E400
│   ├── StateValueError           E401
│   ├── ReservedKeyError          E402
│   ├── ContextError              E403  ctx used outside render, handler, effect or task
│   └── StateActionError          E404
├── TaskError                     E500  the work of a runnable failed
│   ├── CommandFailed             E501
│   ├── TaskTimeout               E502
│   ├── TaskFailed                E503  wraps the exception of the user's function
│   ├── AgentError                E504
│   ├── ModelUnavailableError     E505
│   ├── BudgetExceeded            E506
│   ├── Rejected                  E507
│   └── TaskCrashed               E508
├── HandlerError                  E600  wraps the exception of the user's handler
├── EffectError                   E610
├── EngineError                   E700
│   ├── StoreError                E701
│   ├── LostLeaseError            E702
│   ├── FrameStormError           E703
│   ├── LoopStalledError          E704
│   └── ResumeDivergedError       E705
└── UsageError                    E800  bad input on the command line or to `run`
    ├── ExecutionNotFoundError    E801
    ├── ConfigError               E802
    └── ExecutionHeldError        E803

An error says what happened (`message`), where (`where`) and what to do next (`hint`); `str(error)` is the
three as one paragraph. Each layer adds the part of `where` that it knows with `error.locate(...)`: the plan knows
the node and the line, the engine the execution and the frame.
"""

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any, ClassVar, Self, TypedDict, Unpack

from smithers_py import where as _where
from smithers_py.where import NOWHERE, an, suggestion, user_place

Where = _where.Where
"""Where an error happened; lives in `where.py`, and here for whoever raises errors."""


class Located(TypedDict, total=False):
    """What every error takes: `hint` replaces the class's own, `where` is as much as is known."""

    hint: str | None
    where: Where | None


class SmithersError(Exception):
    """Base of every error raised by Smithers (E-4)."""

    code: ClassVar[str] = "E000"
    default_hint: ClassVar[str] = ""

    def __init_subclass__(cls, code: str | None = None) -> None:
        super().__init_subclass__()
        if code is not None:
            cls.code = code

    def __init__(self, message: str, *, hint: str | None = None, where: Where | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint
        self.where = where or NOWHERE

    def locate(
        self,
        *,
        execution_id: str | None = None,
        frame: int | None = None,
        node: str | None = None,
        file: str | None = None,
        line: int | None = None,
    ) -> Self:
        """Fill in the parts of `where` that are still unknown; a file and its line go together. Returns self.

        Of a line that the error's own traceback ends in, the columns are known too.
        """
        where = self.where
        if where.file is None and file is not None:
            where = replace(where, file=file, line=line)
        if where.column is None and where.line is not None:
            raised = user_place(self) or (user_place(self.__cause__) if self.__cause__ is not None else None)
            if raised is not None and (raised.file, raised.line) == (where.file, where.line):
                where = replace(where, column=raised.column, end_column=raised.end_column, text=raised.text)
        self.where = replace(
            where,
            execution_id=where.execution_id or execution_id,
            frame=where.frame if where.frame is not None else frame,
            node=where.node or node,
        )
        return self

    def __str__(self) -> str:
        place = str(self.where)
        message = self.message.rstrip(".")
        text = f"{message} ({place})." if place else f"{message}."
        return f"{text} {self.hint}" if self.hint else text

    def render(self) -> str:
        """The text the command line prints: one paragraph, the code first."""
        return f"error {self.code}: {self}"

    def to_json(self) -> dict[str, Any]:
        """The JSON form kept in task and event rows: type, code, message, hint and the known parts of `where`."""
        where = {name: value for name, value in asdict(self.where).items() if value is not None}
        kind = type(self).__name__
        return {"type": kind, "code": self.code, "message": self.message, "hint": self.hint, "where": where}


class PlanError(SmithersError, code="E100"):
    """The plan is wrong in a way that the plan's author mends (A-4)."""


class UnknownPropError(PlanError, code="E101"):
    """A node or component was given a prop that it does not have."""


class MissingPropError(PlanError, code="E102"):
    """A required prop is missing."""


class InvalidPropError(PlanError, code="E103"):
    """A prop has a value of the wrong type, or was given twice."""


class UnknownEventError(PlanError, AttributeError, code="E104"):
    """An event was given, as a prop or by a chaining method, to a node that has no such event."""


class DuplicateKeyError(PlanError, code="E105"):
    """Two siblings have the same key (or the same name, which serves as key)."""

    default_hint = "Give each sibling a key of its own: key=..."


class DuplicateIdError(PlanError, code="E106"):
    """The same explicit id occurs twice in one identity scope (Z-2)."""

    default_hint = "Ids are unique within a loop iteration, a keyed component or an Each item; rename one of them."


class MissingKeyError(PlanError, code="E107"):
    """An item of `Each` has no key (N-1)."""

    default_hint = "Give the node made for each item key=..., something that stays with the item when the list changes."


class InvalidOutputError(PlanError, code="E108"):
    """A component returned something that is not part of a plan."""

    default_hint = "Return a node, an element, text, None or a list of these."


class _WrappingError(SmithersError):
    """An exception of the user's code: keeps it as `error` and points at the user's line."""

    def __init__(self, what: str, error: BaseException, **located: Unpack[Located]) -> None:
        detail = str(error)
        kind = type(error).__name__
        super().__init__(f"{what} raised {kind}: {detail}" if detail else f"{what} raised {kind}", **located)
        self.error = error
        meant = suggestion(error)
        if meant:
            self.hint = f"{meant} {self.hint}".rstrip()
        place = user_place(error)
        if place is not None:
            # The line that raised says more than the place where the node was made.
            known = self.where
            self.where = replace(place, execution_id=known.execution_id, frame=known.frame, node=known.node)


class ComponentError(_WrappingError, PlanError, code="E109"):
    """A component raised while it was rendered; `error` is the exception, `where` the user's line (Z-9)."""

    default_hint = "Nothing of this frame was kept; mend the component and run it again."


class ScriptError(SmithersError, code="E200"):
    """The plan script cannot be loaded (A-3, A-8)."""


class ScriptNotFoundError(ScriptError, code="E201"):
    """The script file does not exist or cannot be read."""


class ScriptSyntaxError(ScriptError, code="E202"):
    """The script has a syntax error; `column` counts from 1, `text` is the source line."""

    def __init__(self, message: str, *, column: int, text: str, **located: Unpack[Located]) -> None:
        super().__init__(message, **located)
        self.column = column
        self.text = text


class PxSyntaxError(ScriptSyntaxError, SyntaxError, code="E205"):
    """A `.px` file has a syntax error; `expected` says what should have stood there (A-3).

    `column` and `end_column` count characters from 1. Python shows it as one of its own syntax errors.
    """

    default_hint = "Mend the line."

    def __init__(
        self,
        problem: str,
        *,
        expected: str,
        file: str,
        line: int,
        column: int,
        text: str,
        end_column: int | None = None,
        hint: str | None = None,
    ) -> None:
        self.problem = problem
        self.expected = expected
        wanted = f"; expected {expected}" if expected else ""
        place = Where(file=file, line=line, column=column, end_column=end_column, text=text)
        message = f"syntax error at column {column}: {problem}{wanted}"
        super().__init__(message, column=column, text=text, hint=hint, where=place)
        self.msg = f"{problem}{wanted}"
        self.filename, self.lineno, self.offset = file, line, column
        self.end_lineno, self.end_offset = line, end_column


class ScriptImportError(ScriptError, code="E203"):
    """Importing the script raised; the exception is the `__cause__`."""


class EntryNotFoundError(ScriptError, code="E204"):
    """The script has no entry, or several and none was chosen; `candidates` are their names."""

    def __init__(self, message: str, *, candidates: Iterable[str] = (), **located: Unpack[Located]) -> None:
        super().__init__(message, **located)
        self.candidates = tuple(candidates)


class RenderPhaseError(SmithersError, code="E300"):
    """Render did something that only handlers, effects and tasks may do (F-2)."""


class WriteInRenderError(RenderPhaseError, code="E301"):
    """State, vol or a file was written in render."""

    default_hint = (
        "Write in a handler (on_finished=lambda r: ctx.state.set(...)), an effect or a task; "
        "in render only ctx.state.init is allowed."
    )


class StateError(SmithersError, code="E400"):
    """A read or write of state is wrong."""


class StateValueError(StateError, code="E401"):
    """A value cannot be stored: not JSON and no codec for its type; nothing was written (S-1)."""

    default_hint = (
        "Store JSON values, Pydantic models, dataclasses, datetimes or enums; other objects belong in ctx.vol."
    )

    def __init__(self, key: str, type: str, *, path: str = "", detail: str = "", **located: Unpack[Located]) -> None:  # noqa: A002
        place = f" at {path}" if path else ""
        reason = f": {detail}" if detail else ""
        super().__init__(f"state key {key!r} cannot hold {an(type)}{place}{reason}", **located)
        self.key = key
        self.type = type
        self.path = path


class ReservedKeyError(StateError, code="E402"):
    """The key belongs to the engine (it begins with `$`)."""

    default_hint = "Keys that begin with '$' are the engine's; choose another name."

    def __init__(self, key: str, **located: Unpack[Located]) -> None:
        super().__init__(f"state key {key!r} is reserved", **located)
        self.key = key


class ContextError(StateError, code="E403"):
    """ctx was used outside render, handler, effect and task, or after they were over (Z-15)."""

    default_hint = "Use ctx inside the component, handler, effect or task it was given to."


class StateActionError(StateError, code="E404"):
    """A queued action cannot be applied: append to a non-list, an update that raised (Z-15)."""


class TaskError(SmithersError, code="E500"):
    """The work of a runnable node failed."""


class CommandFailed(TaskError, code="E501"):  # noqa: N818 - the name users catch
    """A program ended with a non-zero exit code (Z-10); carries everything it printed."""

    default_hint = "Pass check=False to get the exit code in on_finished instead."

    def __init__(
        self, exit_code: int, stdout: str = "", stderr: str = "", *, command: str = "", **located: Unpack[Located]
    ) -> None:
        last = next((line for line in reversed((stderr or stdout).splitlines()) if line.strip()), "")
        tail = f"; its last line was {last.strip()[:200]!r}" if last else ""
        named = f"command {command!r}" if command else "the command"
        super().__init__(f"{named} ended with exit code {exit_code}{tail}", **located)
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr


class TaskTimeout(TaskError, code="E502"):  # noqa: N818 - the name users catch
    """A task ran longer than its `timeout` (seconds)."""

    default_hint = "Raise timeout= or make the work smaller."

    def __init__(self, seconds: float, *, what: str = "the task", **located: Unpack[Located]) -> None:
        super().__init__(f"{what} did not end within {seconds:g} s", **located)
        self.seconds = seconds


class TaskFailed(_WrappingError, TaskError, code="E503"):  # noqa: N818 - the name users catch
    """The user's function raised; `error` is its exception."""

    default_hint = "Mend the function, or say what happens then: on_error=..., retries=..."


class AgentError(TaskError, code="E504"):
    """A model call failed. `retryable` as E-1 says; `retry_after` is in seconds, when the provider gave one."""

    def __init__(
        self, message: str, *, retryable: bool = False, retry_after: float | None = None, **located: Unpack[Located]
    ) -> None:
        super().__init__(message, **located)
        self.retryable = retryable
        self.retry_after = retry_after


class ModelUnavailableError(TaskError, code="E505"):
    """The model cannot be used here: unknown name, or its API key is not set."""


class BudgetExceeded(TaskError, code="E506"):  # noqa: N818 - the name users catch
    """A budget is spent (G-6): of the whole execution, which then stops, or of one agent, which then fails.

    `limit` is the option that was reached (max_cost, max_tokens, max_tool_calls, max_agents, max_seconds), `spent` and
    `allowed` are in its unit: US dollars, pieces or seconds.
    """

    def __init__(
        self, limit: str, spent: float, allowed: float, *, whole: bool, message: str, **located: Unpack[Located]
    ) -> None:
        super().__init__(message, **located)
        self.limit = limit
        self.spent = spent
        self.allowed = allowed
        self.whole = whole
        """The execution's budget, not only one agent's."""


class Rejected(TaskError, code="E507"):  # noqa: N818 - the name users catch
    """A person said no to what a Human node asked, and it has no on_reject (N-7)."""

    default_hint = "Give the node on_reject=lambda r: ... to go on; r.comment says why."

    def __init__(
        self, what: str, *, by: str | None = None, comment: str | None = None, **located: Unpack[Located]
    ) -> None:
        who = f" by {by}" if by else ""
        why = f": {comment}" if comment else ""
        super().__init__(f"{what} was rejected{who}{why}", **located)
        self.by = by
        self.comment = comment


class TaskCrashed(TaskError, code="E508"):  # noqa: N818 - the name users catch
    """The attempt died with its engine, too often or in a way that forbids another (Z-7, Z-10)."""

    default_hint = "Look what it does to the process that runs it; `smithers resume` after that tries it again."

    def __init__(self, crashes: int, forbidden: bool = False, **located: Unpack[Located]) -> None:
        times = "once" if crashes == 1 else f"{crashes} times"
        why = ', and on_orphan="fail" forbids another try' if forbidden else ", which is as often as it is tried"
        super().__init__(f"its engine died while it ran, {times}{why}", **located)
        self.crashes = crashes


class HandlerError(_WrappingError, code="E600"):
    """An event handler raised; none of its writes happened (H-2). `error` is its exception."""

    default_hint = "Its writes were dropped; mend the handler and run it again."


class EffectError(SmithersError, code="E610"):
    """An effect is wrong or raised."""


class EngineError(SmithersError, code="E700"):
    """The engine cannot go on; the state written so far is kept."""


class StoreError(EngineError, code="E701"):
    """The database cannot be opened, read or written."""


class LostLeaseError(EngineError, code="E702"):
    """Another engine has taken this execution over (T-2)."""


class FrameStormError(EngineError, code="E703"):
    """Frame after frame was caused only by what the plan itself wrote (F-9)."""

    default_hint = "Write only what differs, or let what reads the key not depend on it; the state so far is kept."


class LoopStalledError(EngineError, code="E704"):
    """The same plan and state came back again and again without progress (F-9, Z-8)."""


class ResumeDivergedError(EngineError, code="E705"):
    """The same script renders another plan than the one that was stored, and would drop started work (Z-19)."""

    default_hint = "Let state decide what the plan holds (ctx.state, not the clock, files, ctx.vol or globals)."


class UsageError(SmithersError, code="E800"):
    """Bad input on the command line or to `run`."""


class ExecutionNotFoundError(UsageError, code="E801"):
    """No execution has this id or unique prefix."""

    def __init__(self, id: str, suggestions: Iterable[str] = (), **located: Unpack[Located]) -> None:  # noqa: A002
        self.id = id
        self.suggestions = tuple(suggestions)
        if located.get("hint") is None:
            named = f"Did you mean {' or '.join(self.suggestions)}? " if self.suggestions else ""
            located["hint"] = f"{named}`smithers list` shows them all."
        super().__init__(f"there is no execution {id!r}", **located)


class ConfigError(UsageError, code="E802"):
    """The configuration is wrong: smithers.toml, [tool.smithers] in pyproject.toml, or a variable SMITHERS_... ."""


class ExecutionHeldError(UsageError, code="E803"):
    """Another engine runs this execution (T-4)."""

    default_hint = "Watch it: smithers logs -f. To move it here, end it there first (Ctrl-C), then resume."
