"""Agent nodes: Claude and Agent (N-4)."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from smithers_py.nodes.base import Handler
from smithers_py.nodes.runnable import Runnable
from smithers_py.nodes.shape import Before, Ge, Gt

if TYPE_CHECKING:
    from smithers_py.nodes.tools import ToolPolicy


def _tools(value: Any) -> Any:
    from smithers_py.nodes.tools import check_tools

    return check_tools(value)


class _AgentNode(Runnable):
    """Common to agents. `model`: a name, an alias or a PydanticAI model object; `schema`: the type of its answer;
    `max_turns`: how many model requests one attempt may make.
    """

    hints: ClassVar[dict[str, str]] = {
        "max_turns": "Pass how many model requests one attempt may make: max_turns=20.",
        "max_tokens": "Pass how many tokens, in and out, the node may use: max_tokens=50_000.",
        "max_tool_calls": "Pass how many tools the node may call: max_tool_calls=30.",
        "max_cost": "Pass how many US dollars the node may cost: max_cost=0.50.",
        "model": 'Name one, as PydanticAI does: model="openai:gpt-5.2".',
        "schema": "Pass a class, such as a Pydantic model: schema=Answer.",
        "tools": 'Pass names, functions and MCP servers: tools=["files", "shell", my_function, "mcp:github"].',
        "policy": 'Pass a ToolPolicy: policy=ToolPolicy(allow=["shell(git *)"]).',
    }

    prompt: Any = None
    tools: Annotated[Any, Before(_tools)] = None
    policy: "ToolPolicy | None" = None
    schema: type[Any] | None = None
    max_turns: Annotated[int, Ge(1)] = 50
    max_tokens: Annotated[int, Ge(1)] | None = None
    max_tool_calls: Annotated[int, Ge(0)] | None = None
    max_cost: Annotated[float, Gt(0)] | None = None
    system_prompt: str | None = None
    resume: Literal["continue", "restart", "fail"] = "continue"


class Claude(_AgentNode):
    """An agent on an Anthropic model.

    `model` is opus, sonnet, haiku, any PydanticAI model string or model object; `prompt` (or text children) is what it
    is asked. With `schema`, a Pydantic model, its answer is `r.structured`; the text is `r.output`. `max_turns` is how
    many model requests one attempt may make; `max_tokens`, `max_tool_calls` and `max_cost` (US dollars) are what the
    node may use in all attempts, `timeout` is in seconds. `tools` are what it may do: names of built-in ones (`read`,
    `write`, `edit`, `glob`, `grep`, `shell`, or the groups `files` and `all`), functions, MCP servers as `mcp:NAME`;
    without them it only talks. `policy`, a ToolPolicy, says which calls are allowed, denied or asked about (the
    guide's page on tools has more). `resume` says what becomes of a conversation that a crash or a failed attempt left:
    go on with it, begin again, or fail. `smithers run --model test` answers offline.

        Claude(id="poet", model="sonnet", prompt="A poem about bees", max_turns=3).on_finished(
            lambda r: ctx.state.set("poem", r.output)
        )
    """

    model: Any = "sonnet"

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            model: Any = "sonnet",
            prompt: Any = None,
            children: Any = None,
            tools: Any = None,
            policy: ToolPolicy | None = None,
            schema: type[Any] | None = None,
            max_turns: int = 50,
            max_tokens: int | None = None,
            max_tool_calls: int | None = None,
            max_cost: float | None = None,
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
    """The same as `Claude` for any provider; `model` is required.

    Its other props are those of `Claude`.

        Agent(id="poet", model="openai:gpt-5.2", prompt="A poem about bees", max_turns=3)
    """

    model: Any

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            model: Any,
            prompt: Any = None,
            children: Any = None,
            tools: Any = None,
            policy: ToolPolicy | None = None,
            schema: type[Any] | None = None,
            max_turns: int = 50,
            max_tokens: int | None = None,
            max_tool_calls: int | None = None,
            max_cost: float | None = None,
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
