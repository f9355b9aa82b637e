"""`retry`, `rerun` and `reset-loop`: what a person has done again (C-7, Z-3, Z-7). Before the frame renders."""

from smithers_persistence.commands import CommandRecord
from smithers_persistence.rows import Restart
from smithers_py.engine.commands import Done
from smithers_py.engine.instance import Instance
from smithers_py.engine.progress import loop_state
from smithers_py.engine.reopen import reopen_above, rerun, retry
from smithers_py.engine.run import Completion, Run
from smithers_py.engine.task_state import TaskState
from smithers_py.engine.triggers import Trigger
from smithers_py.engine.work import Frame, StatusChange
from smithers_py.nodes import NodeKind

_FAILED = ("failed", "cancelled", "skipped")


def retry_node(run: Run, frame: Frame, command: CommandRecord, inst: Instance) -> Done:
    """Try a failed or cancelled node again as it is: a new attempt of the same incarnation, or only its handler."""
    state = inst.extra
    if inst.status not in _FAILED or not isinstance(state, TaskState):
        hint = "; `smithers rerun` has it run anew" if inst.status == "succeeded" else ""
        return Done(command, f"{inst.path_name} is {inst.status}: there is nothing to retry{hint}", refused=True)
    value = run.state.engine_get(f"$node/{inst.node_id}")
    only_handler = isinstance(value, dict) and value.get("reason") == "handler"
    retry(run, inst)
    if only_handler:
        frame.rehandled.append(inst)
        outcome = "failed" if state.error is not None else "succeeded"
        completion = Completion(inst, outcome, state.result, state.error)
        if inst.adopted:
            frame.completions.append(completion)
        else:
            # After a resume nobody has described it yet, or its handlers: the frame that reopens what it is in does.
            run.inbox.append(completion)
            run.post(Trigger("task", inst.node_id))
        return Done(command, f"the handler of {inst.path_name} runs again")
    frame.restarts.append(Restart(*inst.key, anew=True))
    state.begin_anew()
    run.owed.again.append(inst)
    return Done(command, f"{inst.path_name} is tried again")


def rerun_node(run: Run, command: CommandRecord, inst: Instance) -> None:
    """Have a node run anew, whatever it came to: another incarnation, with the props that it has now.

    The next frame mounts that, and answers: an answer from this one would be all that is left after a crash in between.
    """
    rerun(run, inst)
    run.commands.half_done[command.id] = f"{inst.path_name} runs anew"
    run.commands.inbox.append(command)


def reset_loop(run: Run, frame: Frame, command: CommandRecord, inst: Instance) -> Done:
    """Have a loop begin at iteration 0 again; its condition is read first."""
    if inst.kind is not NodeKind.LOOP:
        return Done(command, f"{inst.path_name} is no loop", refused=True)
    if not inst.reached:
        return Done(command, f"the turn of {inst.path_name} has not come", refused=True)
    reopen_above(run, inst, itself=True)
    state = loop_state(inst)
    state.iteration, state.between, state.done, state.user_writes = -1, True, None, -1
    run.owed.turned = [loop for loop in run.owed.turned if loop is not inst]
    frame.reset.append(inst)
    frame.statuses.append(StatusChange(inst, "running"))
    run.tree.touch(inst)
    return Done(command, f"{inst.path_name} begins again")
