"""A model whose requests wait their turn, are counted, and are tried again inside the conversation (E-1 to E-3, G-6).

How the two kinds of retry relate. A request that fails with an E-1 error is sent again a few times by this module; the
conversation does not notice. When that did not help the error reaches the task, and its `retries=` applies: a new
attempt of the node, which goes on with the same conversation. Waiting for a rate limit uses up neither.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from pydantic_ai import RunContext
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from smithers_py.agents.coordinator import CallRules, Turn
from smithers_py.agents.failures import agent_error, verdict
from smithers_py.workers.control import Control

PATIENCE_MS = 900_000
"""How long one request waits for rate limits in all; then its task's own retry waits."""
SHOWN_MS = 250
"""A shorter wait is not worth a frame."""
_OFFLINE = frozenset({"test", "function"})

T = TypeVar("T")


def coordinated(model: Model, rules: CallRules, control: Control) -> Model:
    """`model`, asked as `rules` allow. Its requests raise BudgetExceeded besides what the model's own raise."""
    return CoordinatedModel(model, rules, control)


class CoordinatedModel(WrapperModel):
    """See the module."""

    def __init__(self, wrapped: Model, rules: CallRules, control: Control) -> None:
        super().__init__(wrapped)
        self._rules = rules
        self._control = control
        # A model that runs in this process has no provider to spare, and none that may be better in a second.
        self._key = None if wrapped.system in _OFFLINE else f"{wrapped.system}:{wrapped.model_name}"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """One answer, with its turn, its count and its retries."""
        async with AsyncExitStack() as held:
            response, _ = await self._sent(
                held, lambda: self.wrapped.request(messages, model_settings, model_request_parameters)
            )
        self._count(response)
        self._check_tools(response, model_request_parameters)
        return response

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """The same, streamed. What was shown cannot be taken back: only the opening is tried again."""
        async with AsyncExitStack() as held:
            stream, turn = await self._sent(
                held,
                lambda: held.enter_async_context(
                    self.wrapped.request_stream(messages, model_settings, model_request_parameters, run_context)
                ),
            )
            try:
                yield stream
            except Exception as error:
                await self._tell(turn, error)
                raise
            finally:
                # A stream that was cut short has used tokens too.
                response = stream.get()
                self._count(response)
        self._check_tools(response, model_request_parameters)

    # -- one request ------------------------------------------------------------------------------------------------

    async def _sent(self, held: AsyncExitStack, send: Callable[[], Awaitable[T]]) -> tuple[T, Turn | None]:
        """Send it when its turn has come, again if that may help. `held` keeps the turn, and what `send` enters."""
        coordinator = self._rules.coordinator
        began = coordinator.clock.monotonic_ms()
        tries = 0
        while True:
            turn = None
            if self._key is not None:
                turn = await held.enter_async_context(
                    coordinator.turn(self._key, self._control.blocked, self._rules.windows)
                )
            for meter in self._rules.meters:
                meter.before_request()
            try:
                sent = await send()
            except Exception as error:
                if turn is None:
                    raise
                kind, retry_after = verdict(error)
                wait = await self._tell(turn, error)
                tries += kind != "rate_limited"
                if kind == "again":
                    wait = max(coordinator.backoff_ms(tries), round((retry_after or 0) * 1000))
                waited = coordinator.clock.monotonic_ms() - began
                if kind == "final" or tries > self._rules.retries or waited + wait > PATIENCE_MS:
                    raise
                self._note(error, kind, tries, wait)
                # The place is somebody else's while this one waits.
                await held.aclose()
                if kind == "again":
                    await self._pause(wait)
            else:
                if turn is not None:
                    turn.answered()
                return sent, turn

    def _note(self, error: Exception, kind: str, tries: int, wait_ms: int) -> None:
        """Record that the request is sent again, and why (E-3)."""
        counted = "" if kind == "rate_limited" else f" ({tries} of {self._rules.retries})"
        why = agent_error(error, self.model_name).message
        text = f"{why}; asked again{counted} in {wait_ms / 1000:.1f} s"
        self._control.emit("retry", {"text": text, "reason": kind, "tries": tries, "wait_ms": wait_ms})

    async def _tell(self, turn: Turn | None, error: Exception) -> int:
        """Let all who ask this model know of its refusal; returns for how many ms it is not asked."""
        kind, retry_after = verdict(error)
        if turn is None or kind not in ("rate_limited", "overloaded"):
            return 0
        return await turn.refused(retry_after, kind)

    async def _pause(self, ms: int) -> None:
        coordinator = self._rules.coordinator
        shown = ms >= SHOWN_MS
        if shown:
            self._control.blocked("retry", coordinator.clock.now_ms() + ms)
        try:
            await coordinator.sleep(ms)
        finally:
            if shown:
                self._control.blocked(None)

    # -- the budget -------------------------------------------------------------------------------------------------

    def _count(self, response: ModelResponse) -> None:
        if not self._rules.meters:
            return
        usage = response.usage
        # What runs in this process has no price; to look it up costs more than to ask it.
        cost = _cost(response) if self._key is not None or usage.cost is not None else None
        for meter in self._rules.meters:
            meter.add(usage.input_tokens + usage.output_tokens, cost, model=response.model_name or self.model_name)

    def _check_tools(self, response: ModelResponse, parameters: ModelRequestParameters) -> None:
        """Count the tools that the answer calls, before any of them runs."""
        answers = {tool.name for tool in parameters.output_tools}
        count = sum(call.tool_name not in answers for call in response.tool_calls)
        if count:
            for meter in self._rules.meters:
                meter.before_tools(count)
            for meter in self._rules.meters:
                meter.add(0, 0.0, count)


def _cost(response: ModelResponse) -> float | None:
    """US dollars, None when the price is not known."""
    if response.usage.cost is not None:
        return float(response.usage.cost)
    if response.model_name is None or response.usage.unmeasured_requests:
        return None
    try:
        return float(response.cost().total_price)
    except LookupError:
        return None
