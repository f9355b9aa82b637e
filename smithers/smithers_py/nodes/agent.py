"""Agent nodes: Claude and Agent (N-4)."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from smithers_py.nodes.base import Handler
from smithers_py.nodes.runnable import Runnable


class _AgentNode(Runnable):
    """Common to agents. `model`: a name, an alias or a PydanticAI model object; `schema`: the type of its answer;
    `max_turns`: how many model requests one attempt may make.
    """

    hints: ClassVar[dict[str, str]] = {
        "max_turns": "Pass how many model requests one attempt may make: max_turns=20.",
        "model": 'Name one, as PydanticAI does: model="openai:gpt-5.2".',
        "schema": "Pass a class, such as a Pydantic model: schema=Answer.",
    }

    prompt: Any = None
    tools: Any = None
    schema: type[Any] | None = None  # pyright: ignore[reportIncompatibleMethodOverride]
    max_turns: Annotated[int, Field(ge=1)] = 50
    system_prompt: str | None = None
    resume: Literal["continue", "restart", "fail"] = "continue"


class Claude(_AgentNode):
    """An agent on an Anthropic model: `Claude(model="sonnet", prompt="Fix the failing tests")`."""

    model: Any = "sonnet"

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            model: Any = "sonnet",
            prompt: Any = None,
            children: Any = None,
            tools: Any = None,
            schema: type[Any] | None = None,
            max_turns: int = 50,
            system_prompt: str | None = None,
            resume: Literal["continue", "restart", "fail"] = "continue",
            retries: int | None = None,
            retry_on: Any = None,
            timeout: float | None = None,
            on_finished: Handler | None = None,
            on_error: Handler | None = None,
            on_progress: Handler | None = None,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...


class Agent(_AgentNode):
    """The same for any provider: `Agent(model="openai:gpt-5.2", prompt=...)`; `model` is required."""

    model: Any

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            model: Any,
            prompt: Any = None,
            children: Any = None,
            tools: Any = None,
            schema: type[Any] | None = None,
            max_turns: int = 50,
            system_prompt: str | None = None,
            resume: Literal["continue", "restart", "fail"] = "continue",
            retries: int | None = None,
            retry_on: Any = None,
            timeout: float | None = None,
            on_finished: Handler | None = None,
            on_error: Handler | None = None,
            on_progress: Handler | None = None,
            id: str | None = None,  # noqa: A002
            key: str | int | None = None,
        ) -> None: ...
