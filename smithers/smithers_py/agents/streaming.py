"""A model that streams its answers to an AgentStream and hands them on whole.

PydanticAI's own way, an `event_stream_handler`, takes each event through every layer of a run and doubles what a short
answer costs; what the screen and the logs need is all in the model's stream. It also leaves the answer of a stream that
is cut short, with the tokens it has cost, in our hands.
"""

from pydantic_ai.messages import ModelMessage, ModelResponse, PartDeltaEvent, PartStartEvent
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from smithers_py.agents.session import Session
from smithers_py.agents.stream import AgentStream


class StreamingModel(WrapperModel):
    """See the module."""

    def __init__(self, wrapped: Model, session: Session, stream: AgentStream) -> None:
        super().__init__(wrapped)
        self._session = session
        self._stream = stream

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """One answer, emitted piece by piece."""
        async with self.wrapped.request_stream(messages, model_settings, model_request_parameters) as coming:
            try:
                async for event in coming:
                    if isinstance(event, PartStartEvent):
                        self._stream.begin(event.part)
                    elif isinstance(event, PartDeltaEvent):
                        self._stream.go_on(event.delta)
            except BaseException:
                self._session.cut_short(coming.get())
                raise
            return coming.get()
