"""Worktree: a part of the plan that works in a git worktree of its own (N-9)."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from smithers_py.nodes.base import BaseNode, NodeKind
from smithers_py.nodes.shape import MinLen

if TYPE_CHECKING:
    from pathlib import Path


class Worktree(BaseNode):
    """Its children work in a git worktree of their own, on `branch`, and leave the folder of the run alone.

    It holds work as a Phase does: its children run in order. A Parallel in it runs some together, and Worktrees in a
    Parallel run beside each other. Commands start in the worktree, agents' tools are confined to it, and `ctx.fs` and
    `ctx.workspace` of functions and handlers mean it.

    It is made when its first child starts. A branch that is not there yet begins at `base` (a commit or branch; else
    at what is checked out). `path` is where it lies, relative to the folder of the run (else below
    .smithers/worktrees). `cleanup` says what becomes of it when all in it has succeeded or it leaves the plan: "keep",
    "remove-if-clean" (unless something is not committed) or "remove". The branch stays in any case.

        with Worktree("fix-tests", cleanup="remove-if-clean"):
            with Step("fix", commit_after=True):
                Command("echo fixed > fix.txt", id="fixer")
            Task(work, id="check")
    """

    kind: ClassVar[NodeKind] = NodeKind.WORKTREE
    positional: ClassVar[tuple[str, ...]] = ("branch",)
    hints: ClassVar[dict[str, str]] = {
        "branch": 'Pass the name of a branch first: Worktree("fix-tests").',
        "cleanup": 'Pass "keep", "remove-if-clean" or "remove".',
    }

    branch: Annotated[str, MinLen(1)]
    base: Annotated[str, MinLen(1)] | None = None
    path: "str | Path | None" = None
    cleanup: Literal["keep", "remove", "remove-if-clean"] = "keep"

    if TYPE_CHECKING:

        def __init__(
            self,
            branch: str,
            *,
            base: str | None = None,
            path: str | Path | None = None,
            cleanup: Literal["keep", "remove", "remove-if-clean"] = "keep",
            children: Any = None,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...

    @property
    def name(self) -> str:
        """What people call it: the branch."""
        return self.branch

    @property
    def identity(self) -> str | None:
        """The explicit id, else the key, else the branch: no two worktrees have one branch."""
        own = super().identity
        return self.branch if own is None else own
