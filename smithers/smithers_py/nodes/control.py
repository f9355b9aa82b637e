"""Nodes that order work: Phase, Step, Parallel (N-2) and the loops While and Ralph (N-3)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from smithers_py.nodes.base import BaseNode, Handler, NodeKind
from smithers_py.nodes.shape import Ge, MinLen


class _Named(BaseNode):
    """Phases and steps: the name serves as key (Z-2)."""

    positional: ClassVar[tuple[str, ...]] = ("name",)
    hints: ClassVar[dict[str, str]] = {"name": 'Pass a text first: Phase("build").'}

    name: Annotated[str, MinLen(1)]

    @property
    def identity(self) -> str | None:
        """The explicit id, else the key, else the name."""
        own = super().identity
        return self.name if own is None else own

    def on_start(self, fn: Handler) -> Self:
        """Call `fn()` when it starts."""
        return self._on("on_start", fn)

    def on_complete(self, fn: Handler) -> Self:
        """Call `fn(result)` when all its work is settled."""
        return self._on("on_complete", fn)

    def on_error(self, fn: Handler) -> Self:
        """Call `fn(error)` when a runnable below failed and did not handle it itself (Z-7)."""
        return self._on("on_error", fn)


class Phase(_Named):
    """A stage of the plan; sibling phases run in order, and its children mount when its turn comes (N-2).

    What is directly in it runs in order. `skip_if` is a value or a function without arguments, asked once when its turn
    comes. The name serves as key.

        with Phase("build", skip_if=lambda: ctx.state.get("built", False)):
            Task(work, id="compile")
            Task(work, id="link")
        with Phase("test"):
            Task(work, id="check")
    """

    kind: ClassVar[NodeKind] = NodeKind.PHASE
    events: ClassVar[tuple[str, ...]] = ("on_start", "on_complete", "on_error")

    skip_if: Any = None

    if TYPE_CHECKING:

        def __init__(
            self,
            name: str,
            *,
            children: Any = None,
            skip_if: bool | Callable[[], bool] | None = None,
            on_start: Handler | None = None,
            on_complete: Handler | None = None,
            on_error: Handler | None = None,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...


class Step(_Named):
    """A step of a phase; steps run in order, the work inside one together (N-2, Z-5). The name serves as key.

    With git, `snapshot_before` and `snapshot_after` keep the files of the workspace as they are before its first work
    starts and after the last succeeded (`smithers snapshots`, `smithers rollback`); `commit_after` commits all changes
    of the workspace on the current branch, with `commit_message` (else "smithers: " and the name). Where there is no
    repository the log says so, and the plan goes on.

        with Phase("build"):
            with Step("libraries"):
                Task(work, id="first")
                Task(work, id="second")
            with Step("program"):
                Task(work, id="link")
    """

    kind: ClassVar[NodeKind] = NodeKind.STEP
    events: ClassVar[tuple[str, ...]] = ("on_start", "on_complete", "on_error")

    snapshot_before: bool = False
    snapshot_after: bool = False
    commit_after: bool = False
    commit_message: str | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            name: str,
            *,
            children: Any = None,
            snapshot_before: bool = False,
            snapshot_after: bool = False,
            commit_after: bool = False,
            commit_message: str | None = None,
            on_start: Handler | None = None,
            on_complete: Handler | None = None,
            on_error: Handler | None = None,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...


class Parallel(BaseNode):
    """Runs its children together, at most `max_concurrency` at once (None: no limit of its own).

    One child that fails does not stop the others.

        with Parallel(max_concurrency=2):
            for name in ("a", "b", "c"):
                Task(work, key=name)
    """

    kind: ClassVar[NodeKind] = NodeKind.PARALLEL

    hints: ClassVar[dict[str, str]] = {
        "max_concurrency": "Pass how many of its children may run at once: Parallel(max_concurrency=3)."
    }

    max_concurrency: Annotated[int, Ge(1)] | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            children: Any = None,
            max_concurrency: int | None = None,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...


class _Loop(BaseNode):
    """Common to loops: `id` is required, children may be a function of the iteration number (from 0)."""

    kind: ClassVar[NodeKind] = NodeKind.LOOP
    events: ClassVar[tuple[str, ...]] = ("on_iteration", "on_complete")
    hints: ClassVar[dict[str, str]] = {
        "max_iterations": "Pass how often it may repeat at most: max_iterations=5.",
        "id": 'A loop is found again by its id: Ralph("polish", ...).',
        "condition": 'Pass a function that says whether to go on: condition=lambda: ctx.state.get("todo", 3) > 0.',
    }
    callable_children: ClassVar[bool] = True

    id: Annotated[str, MinLen(1)]  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]
    max_iterations: Annotated[int, Ge(1)] = 10

    def on_iteration(self, fn: Handler) -> Self:
        """Call `fn(n)` after iteration n (from 0)."""
        return self._on("on_iteration", fn)

    def on_complete(self, fn: Handler) -> Self:
        """Call `fn(result)` when the loop ends; `result.reason` is "condition" or "max_iterations" (Z-8)."""
        return self._on("on_complete", fn)


class While(_Loop):
    """Repeats its children while `condition` (a value or a function without arguments) is true (N-3, Z-8).

    The condition is read before each iteration, after all writes of the one before. The children of an iteration run in
    order. They are a list, or a function of the iteration number (from 0). An id inside is `loop/iteration/id`, and
    `ctx.node(id).previous` is the node one iteration earlier.

        with While("count", lambda: ctx.state.get("n", 0) < 3, max_iterations=5):
            Task(work, id="one").on_finished(lambda r: ctx.state.increment("n"))
    """

    positional: ClassVar[tuple[str, ...]] = ("id", "condition")

    condition: Any

    if TYPE_CHECKING:

        def __init__(
            self,
            id: str,  # noqa: A002
            condition: bool | Callable[[], bool],
            *,
            children: Any = None,
            max_iterations: int = 10,
            on_iteration: Handler | None = None,
            on_complete: Handler | None = None,
            key: str | int | None = None,
        ) -> None: ...


class Ralph(_Loop):
    """Repeats its children until `Stop`, `End` or `max_iterations`; the same machine as `While` (N-3).

    Its children are as those of `While`.

        with Ralph("mend", max_iterations=4):
            Task(work, id="mender").on_finished(lambda r: ctx.state.increment("mended"))
            If(lambda: ctx.state.get("mended", 0) >= 2, children=[End("all mended")])
    """

    positional: ClassVar[tuple[str, ...]] = ("id",)

    condition: Any = True

    if TYPE_CHECKING:

        def __init__(
            self,
            id: str,  # noqa: A002
            *,
            condition: bool | Callable[[], bool] = True,
            children: Any = None,
            max_iterations: int = 10,
            on_iteration: Handler | None = None,
            on_complete: Handler | None = None,
            key: str | int | None = None,
        ) -> None: ...
