"""Nodes that do work: Command, Task, Smithers (N-4, N-5). Agents are in `agent.py`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from smithers_py.nodes.base import BaseNode, Handler, NodeKind
from smithers_py.nodes.shape import Ge, Gt

if TYPE_CHECKING:
    from pathlib import Path

Seconds = Annotated[float, Gt(0)]


class Runnable(BaseNode):
    """Base of the nodes that the engine starts as tasks.

    `retries`: how often a failed attempt is repeated (None: the kind's default, Z-7); `retry_on`: exception types, or
    a function of the error, that decide what is repeated; `timeout`: seconds for one attempt.
    """

    kind: ClassVar[NodeKind] = NodeKind.RUNNABLE
    events: ClassVar[tuple[str, ...]] = ("on_finished", "on_error", "on_progress")

    hints: ClassVar[dict[str, str]] = {
        "timeout": "Pass seconds, as a number: timeout=30.",
        "retries": "Pass how often a failure is repeated: retries=2.",
    }

    retries: Annotated[int, Ge(0)] | None = None
    retry_on: Any = None
    timeout: Seconds | None = None

    def on_finished(self, fn: Handler) -> Self:
        """Call `fn(result)` once the result is stored (H-5)."""
        return self._on("on_finished", fn)

    def on_error(self, fn: Handler) -> Self:
        """Call `fn(error)` once, after the retries; the node counts as settled if it returns (Z-7)."""
        return self._on("on_error", fn)

    def on_progress(self, fn: Handler) -> Self:
        """Call `fn(event)` while it runs; may write only ctx.vol and artifacts (Z-0)."""
        return self._on("on_progress", fn)


class Command(Runnable):
    """Runs a program (N-5, Z-10): `Command(["pytest", "-q"])`, or a line for the shell: `Command("pytest -q")`.

    `cwd` is relative to the folder that the run was started in, `env` is added to its environment, `timeout` is in
    seconds. With `check` a non-zero exit is an error (CommandFailed). `on_orphan`: what resume does with one whose
    engine died. The result has `exit_code`, `stdout` and `stderr`; `output` is `stdout`.

        Command(["echo", "hello"], id="greet", timeout=10).on_finished(lambda r: ctx.state.set("said", r.stdout))
        Command("exit 3", id="lint", check=False).on_finished(lambda r: ctx.state.set("lint", r.exit_code))
    """

    positional: ClassVar[tuple[str, ...]] = ("argv",)
    hints: ClassVar[dict[str, str]] = {
        "argv": 'The program and its words are one list of texts: Command(["sleep", "5"]).',
    }

    argv: list[str] | tuple[str, ...] | None = None
    shell: str | None = None
    cwd: "str | Path | None" = None
    env: dict[str, str] | None = None
    check: bool = True
    on_orphan: Literal["retry", "fail", "ask"] = "retry"

    if TYPE_CHECKING:

        def __init__(
            self,
            argv: Sequence[str] | str | None = None,
            *,
            shell: str | None = None,
            cwd: str | Path | None = None,
            env: Mapping[str, str] | None = None,
            check: bool = True,
            on_orphan: Literal["retry", "fail", "ask"] = "retry",
            retries: int | None = None,
            retry_on: Any = None,
            timeout: float | None = None,
            on_finished: Handler | None = None,
            on_error: Handler | None = None,
            on_progress: Handler | None = None,
            children: Any = None,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...

    @staticmethod
    def _prepare(props: dict[str, Any]) -> dict[str, Any]:
        argv = props.get("argv")
        if isinstance(argv, str) and props.get("shell") is None:
            props["shell"], props["argv"] = argv, None
        elif argv is not None and props.get("shell") is not None:
            raise ValueError("was given both argv and shell. Pass one of them.")
        if not props.get("argv") and not props.get("shell"):
            raise ValueError('has no program. Pass its words or a line: Command(["make", "all"]), Command("make all").')
        return props


class Task(Runnable):
    """Runs a Python function, async or not (a plain one in a worker thread). It gets `ctx` if it names it (Z-13).

    It is called without other arguments: `Task(lambda: work(3))`. What it returns is `r.output`, and must be storable.

        def count(ctx):
            return len(ctx.state.get("words", []))


        Task(count, id="count", retries=2).on_finished(lambda r: ctx.state.set("count", r.output))
    """

    positional: ClassVar[tuple[str, ...]] = ("fn",)
    structural: ClassVar[frozenset[str]] = frozenset({"fn"})
    hints: ClassVar[dict[str, str]] = {
        "fn": "Pass the function itself, not what it returns: Task(work); with arguments Task(lambda: work(3)).",
    }

    fn: Callable[..., Any]

    if TYPE_CHECKING:

        def __init__(
            self,
            fn: Callable[..., Any],
            *,
            retries: int | None = None,
            retry_on: Any = None,
            timeout: float | None = None,
            on_finished: Handler | None = None,
            on_error: Handler | None = None,
            on_progress: Handler | None = None,
            children: Any = None,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...


class Smithers(Runnable):
    """Runs another plan as a child execution with a state of its own (N-4, Z-11); `r.output` is its `End` summary.

    `plan` is a component, a call of one, or the path of a script; `input` is what the child finds as `ctx.input`.

        @plan
        def Child(ctx):
            End({"doubled": 2 * ctx.input})


        Smithers(Child, input=21, id="child").on_finished(lambda r: ctx.state.set("answer", r.output["doubled"]))
    """

    positional: ClassVar[tuple[str, ...]] = ("plan",)

    plan: Any
    input: Any = None

    if TYPE_CHECKING:

        def __init__(
            self,
            plan: Any,
            *,
            input: Any = None,  # noqa: A002
            retries: int | None = None,
            retry_on: Any = None,
            timeout: float | None = None,
            on_finished: Handler | None = None,
            on_error: Handler | None = None,
            on_progress: Handler | None = None,
            children: Any = None,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...
