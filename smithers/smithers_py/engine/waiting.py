"""What Human and Timer do when their turn has come: they wait (N-7, N-10)."""

from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from smithers_py.engine.asking import TIMER
from smithers_py.engine.control import TaskControl
from smithers_py.engine.instance import Instance
from smithers_py.engine.run import Run
from smithers_py.errors import Rejected, TaskError
from smithers_py.nodes import Human, NodeKind, Timer
from smithers_py.state.classes import Refused, class_name, is_storable
from smithers_py.workers.control import Answer, AskRequest


async def ask_human(run: Run, inst: Instance, node: Human, control: TaskControl) -> dict[str, Any]:
    """Ask until a person gave an answer that fits; the fields of the node's result.

    Raises:
        Rejected: the answer is no, and the node has no `on_reject`.
        TaskError: the schema has no JSON form, or its values could not be stored.
    """
    adapter = None if node.schema is None else _adapter(inst, node.schema)
    message = message_of(inst)
    payload: dict[str, Any] = {"message": message}
    if adapter is not None:
        payload["schema"] = _json_schema(inst, adapter)
    title = message.strip().splitlines()[0] if message.strip() else inst.path_name
    request = AskRequest(key="", kind="human_review", title=title, payload=payload)
    while True:
        answer = await control.ask(request)
        if not answer.approved and "on_reject" not in inst.handlers:
            raise Rejected(inst.path_name, by=answer.by, comment=answer.comment)
        try:
            output = _typed(adapter, answer)
        except ValidationError as error:
            await run.questions.refuse(inst, request, validation_text(error))
            continue
        return {"output": output, "approved": answer.approved, "comment": answer.comment, "by": answer.by}


async def wait_out(run: Run, inst: Instance, node: Timer, control: TaskControl) -> None:
    """Wait until the timer is due.

    What is left is worked out once, and then measured on the monotonic clock: a wall clock that is set forward or back
    meanwhile neither ends the wait nor makes it longer.
    """
    clock, state = run.clock, inst.extra
    if node.until is not None:
        due_ms = round(node.until.timestamp() * 1000)
        left = due_ms - clock.now_ms()
    else:
        wait = round((node.seconds or 0) * 1000)
        due_ms = state.scheduled_ms + wait
        waited = clock.now_ms() - state.scheduled_ms
        if state.scheduled_mono is not None:
            waited = clock.monotonic_ms() - state.scheduled_mono
        left = wait - waited
    end = clock.monotonic_ms() + left
    if left > 0:
        control.blocked(TIMER, due_ms)
    while (left := end - clock.monotonic_ms()) > 0:
        await clock.sleep(left / 1000)


def message_of(inst: Instance) -> str:
    """What a Human asks: its message, then the text of its children."""
    parts = [inst.desc.message] if inst.desc.message else []
    parts += [below.desc.value for below in inst.walk() if below.kind is NodeKind.TEXT]
    return "\n".join(parts)


def validation_text(error: ValidationError) -> str:
    """Each wrong field and what is wrong with it, on one line."""
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'output'}: {one['msg']}" for one in error.errors())


def _typed(adapter: TypeAdapter[Any] | None, answer: Answer) -> Any:
    if adapter is None or not answer.approved:
        return answer.output
    return adapter.validate_python(answer.output)


def _adapter(inst: Instance, schema: type[Any]) -> TypeAdapter[Any]:
    try:
        if is_storable(schema):
            class_name(schema)
    except Refused as refused:
        raise TaskError(
            f"{inst.path_name} asks for {schema.__name__}, which could not be read back after a restart",
            hint=refused.mend,
        ) from refused
    return TypeAdapter(schema)


def _json_schema(inst: Instance, adapter: TypeAdapter[Any]) -> dict[str, Any]:
    try:
        return adapter.json_schema()
    except PydanticUserError as error:
        raise TaskError(
            f"{inst.path_name} asks for what has no JSON form: {error.message}",
            hint="Use fields of JSON types in its schema.",
        ) from error
