"""Nodes that wait: Human for a person (N-7), Timer for a time (N-10)."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from smithers_py.nodes.base import BaseNode, Handler, NodeKind
from smithers_py.nodes.shape import Ge, MinLen

if TYPE_CHECKING:
    from datetime import datetime


class _Waiting(BaseNode):
    """They are tasks like any other for what comes before and after them, but hold no slot and are never retried."""

    kind: ClassVar[NodeKind] = NodeKind.RUNNABLE
    positional: ClassVar[tuple[str, ...]] = ("id",)
    retries: ClassVar[int] = 0
    retry_on: ClassVar[Any] = None
    timeout: ClassVar[float | None] = None

    id: Annotated[str, MinLen(1)]  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]


class Human(_Waiting):
    """Asks a person and waits for the answer, however long; only what comes after it waits with it (N-7, P-2).

    `message` (and text children) is what the person reads. `smithers run` asks on the terminal; from anywhere else it
    is answered with `smithers approve NODE` or `smithers deny NODE --comment TEXT`. With `schema`, a Pydantic model,
    the person fills in its fields (`--output JSON`), and `r.output` is the model. A rejection calls `on_reject`;
    without one it fails the node.

        Human("ship", "Ship version 1.2?").on_approve(lambda r: ctx.state.set("shipped_by", r.by))
    """

    positional: ClassVar[tuple[str, ...]] = ("id", "message")
    events: ClassVar[tuple[str, ...]] = ("on_approve", "on_reject")
    hints: ClassVar[dict[str, str]] = {
        "id": 'Give the question a name, by which it is answered: Human("ship", "Ship it?").',
        "schema": "Pass a class, such as a Pydantic model: schema=Answer.",
    }

    message: str | None = None
    schema: type[Any] | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            id: str,  # noqa: A002
            message: str | None = None,
            *,
            children: Any = None,
            schema: type[Any] | None = None,
            on_approve: Handler | None = None,
            on_reject: Handler | None = None,
            key: str | int | None = None,
        ) -> None: ...

    def on_approve(self, fn: Handler) -> Self:
        """Call `fn(r)` when a person said yes; `r.output` is the typed answer, `r.comment` and `r.by` are theirs."""
        return self._on("on_approve", fn)

    def on_reject(self, fn: Handler) -> Self:
        """Call `fn(r)` when a person said no; `r.comment` says why. The node counts as settled if it returns."""
        return self._on("on_reject", fn)


class Timer(_Waiting):
    """Waits `seconds` from when its turn came, or `until` a time (a datetime with a time zone) (N-10).

    The wait is kept in the database: after a restart it goes on with what is left, and is over at once if its time has
    passed. While the run lives, changes of the machine's clock do not move it.

        Timer("breathe", seconds=0.1).on_finished(lambda r: ctx.state.set("rested", True))
    """

    events: ClassVar[tuple[str, ...]] = ("on_finished",)
    hints: ClassVar[dict[str, str]] = {
        "id": 'Give it a name: Timer("pause", seconds=60).',
        "seconds": 'Pass a number of seconds: Timer("pause", seconds=60).',
        "until": "Pass a datetime with a time zone: until=datetime(2027, 1, 1, tzinfo=UTC).",
    }

    seconds: Annotated[float, Ge(0)] | None = None
    until: "datetime | None" = None

    if TYPE_CHECKING:

        def __init__(
            self,
            id: str,  # noqa: A002
            *,
            seconds: float | None = None,
            until: datetime | None = None,
            on_finished: Handler | None = None,
            key: str | int | None = None,
        ) -> None: ...

    @staticmethod
    def _prepare(props: dict[str, Any]) -> dict[str, Any]:
        from datetime import datetime

        seconds, until = props.get("seconds"), props.get("until")
        if (seconds is None) == (until is None):
            what = "has no time" if until is None else "was given both seconds and until"
            raise ValueError(f'{what}. Pass one of them: Timer("pause", seconds=60).')
        if isinstance(until, datetime) and until.utcoffset() is None:
            raise ValueError("was given a time without a time zone. Pass until=datetime(..., tzinfo=UTC).")
        return props

    def on_finished(self, fn: Handler) -> Self:
        """Call `fn(r)` when the time has come."""
        return self._on("on_finished", fn)
