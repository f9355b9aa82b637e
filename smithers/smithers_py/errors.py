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
│   ├── TaskCrashed               E508
│   └── VcsError                  E509  git, of a Worktree, a snapshot or a rollback
│       ├── NoRepositoryError     E510
│       └── BranchInUseError      E511
├── HandlerError                  E600  wraps the exception of the user's handler
├── EffectError                   E610
├── NotToldError                  E620  the command of on_waiting did not do its work; only ever a warning
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
from typing import Unpack

from smithers_py.error_base import Located, SmithersError, Where, _WrappingError
from smithers_py.task_errors import (
    AgentError,
    BranchInUseError,
    BudgetExceeded,
    CommandFailed,
    ModelUnavailableError,
    NoRepositoryError,
    Rejected,
    TaskCrashed,
    TaskError,
    TaskFailed,
    TaskTimeout,
    VcsError,
)
from smithers_py.where import an

__all__ = [
    "AgentError",
    "BranchInUseError",
    "BudgetExceeded",
    "CommandFailed",
    "ComponentError",
    "ConfigError",
    "ContextError",
    "DuplicateIdError",
    "DuplicateKeyError",
    "EffectError",
    "EngineError",
    "EntryNotFoundError",
    "ExecutionHeldError",
    "ExecutionNotFoundError",
    "FrameStormError",
    "HandlerError",
    "InvalidOutputError",
    "InvalidPropError",
    "Located",
    "LoopStalledError",
    "LostLeaseError",
    "MissingKeyError",
    "MissingPropError",
    "ModelUnavailableError",
    "NoRepositoryError",
    "NotToldError",
    "PlanError",
    "PxSyntaxError",
    "Rejected",
    "RenderPhaseError",
    "ReservedKeyError",
    "ResumeDivergedError",
    "ScriptError",
    "ScriptImportError",
    "ScriptNotFoundError",
    "ScriptSyntaxError",
    "SmithersError",
    "StateActionError",
    "StateError",
    "StateValueError",
    "StoreError",
    "TaskCrashed",
    "TaskError",
    "TaskFailed",
    "TaskTimeout",
    "UnknownEventError",
    "UnknownPropError",
    "UsageError",
    "VcsError",
    "Where",
    "WriteInRenderError",
]


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


class HandlerError(_WrappingError, code="E600"):
    """An event handler raised; none of its writes happened (H-2). `error` is its exception."""

    default_hint = "Its writes were dropped; mend the handler and run it again."


class EffectError(SmithersError, code="E610"):
    """An effect is wrong or raised."""


class NotToldError(SmithersError, code="E620"):
    """The command of `on_waiting` could not be started, failed or took too long. The run goes on as it is (Z-28)."""

    default_hint = "The question stays open: `smithers approvals`. Mend on_waiting in the configuration."


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
