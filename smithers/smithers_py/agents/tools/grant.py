"""What was agreed to about the running tool call, for the tool that carries it out."""

from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Grant:
    """Between the decision and the deed a link may be swapped or a file changed: the tool compares."""

    path: str
    """The file, links resolved, that the policy or the person said yes to."""
    approved: bool = False
    """A person said yes, so it may be a file of the plan."""
    digest: str | None = None
    """Of the content that the person saw the change of; None: it was not shown."""


granted: ContextVar[Grant | None] = ContextVar("smithers_grant", default=None)


def digest_of(data: bytes | None) -> str:
    """Tells one content of a file from another; None is a file that does not exist."""
    return "absent" if data is None else sha256(data).hexdigest()
