"""What every error of Smithers is made of; the errors themselves are in errors.py (E-4)."""

from typing import Any, ClassVar, Self, TypedDict, Unpack

from smithers_py import where as _where
from smithers_py.where import NOWHERE, suggestion, user_place

__all__ = ["Located", "SmithersError", "Where", "_WrappingError"]

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
            where = where._replace(file=file, line=line)
        if where.column is None and where.line is not None:
            raised = user_place(self) or (user_place(self.__cause__) if self.__cause__ is not None else None)
            if raised is not None and (raised.file, raised.line) == (where.file, where.line):
                where = where._replace(column=raised.column, end_column=raised.end_column, text=raised.text)
        self.where = where._replace(
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
        where = {name: value for name, value in self.where._asdict().items() if value is not None}
        kind = type(self).__name__
        return {"type": kind, "code": self.code, "message": self.message, "hint": self.hint, "where": where}


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
            self.where = place._replace(execution_id=known.execution_id, frame=known.frame, node=known.node)
