"""Effect (N-6) and the nodes that end a run, Stop and End (N-8)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from smithers_py.nodes.base import BaseNode, NodeKind
from smithers_py.nodes.shape import Ge, Le, MinLen


class Effect(BaseNode):
    """Runs `run` after commit when `deps` changed by value; `cleanup` before the next run and at unmount (Z-16).

    `deps` is a list of storable values; `deps=[]` runs it once. `run` may return a cleanup instead. In a component
    `ctx.use_effect(id, deps=[...], fn=...)` is the same.

        phase = ctx.state.get("phase", "begin")
        Effect("announce", deps=[phase], run=lambda: ctx.vol.set("label", f"Phase {phase}"))
    """

    kind: ClassVar[NodeKind] = NodeKind.EFFECT
    positional: ClassVar[tuple[str, ...]] = ("id",)
    hints: ClassVar[dict[str, str]] = {
        "deps": "Pass a list of the values whose change runs it again; deps=[] runs it once.",
        "run": "Pass a function: run=lambda: ...",
    }

    id: Annotated[str, MinLen(1)]  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]
    deps: list[Any] | tuple[Any, ...]
    run: Callable[..., Any]
    cleanup: Callable[..., Any] | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            id: str,  # noqa: A002
            *,
            deps: list[Any] | tuple[Any, ...],
            run: Callable[..., Any],
            cleanup: Callable[..., Any] | None = None,
            key: str | int | None = None,
        ) -> None: ...


class Stop(BaseNode):
    """Ends the run gracefully once mounted: status stopped, exit code 4 (Z-9).

    In a Phase and in a loop it takes effect when its turn comes.

        with Phase("check"):
            Task(work, id="look")
            Stop("nothing to do")
    """

    kind: ClassVar[NodeKind] = NodeKind.STOP
    positional: ClassVar[tuple[str, ...]] = ("reason",)

    hints: ClassVar[dict[str, str]] = {"reason": 'Pass a text: Stop("nothing left to do").'}

    reason: str | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            reason: str | None = None,
            *,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...


class End(BaseNode):
    """Ends the run as completed, with a stored summary (any value state can hold) and an exit code (0-255).

    In a Phase and in a loop it takes effect when its turn comes.

        with Phase("tell"):
            Task(work, id="look").on_finished(lambda r: ctx.state.set("found", r.output))
            End({"found": ctx.state.get("found")})
    """

    kind: ClassVar[NodeKind] = NodeKind.STOP
    positional: ClassVar[tuple[str, ...]] = ("summary",)

    hints: ClassVar[dict[str, str]] = {"exit_code": "Pass what the command exits with: 0 to 255."}

    summary: Any = None
    exit_code: Annotated[int, Ge(0), Le(255)] = 0

    if TYPE_CHECKING:

        def __init__(
            self,
            summary: Any = None,
            *,
            exit_code: int = 0,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...
