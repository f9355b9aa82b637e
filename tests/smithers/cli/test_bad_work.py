"""Tasks, commands, agents and handlers that go wrong: the node fails, the rest is kept, one paragraph says why."""

import json
import re

import pytest
from bad_runs import APP, HEAD, check_failed, marked_line, run

STATE = {
    "handler": (
        "    return Task(lambda: 1, id='t', on_finished=lambda r: ctx.state.set('k', object()))  # HERE\n",
        ["E401", "state key 'k' cannot hold an object", "at app > Task 't'"],
    ),
    "task": (
        "    return Task(work, id='t')\n\ndef work(ctx):\n    ctx.state.set('k', {'a': [1, {2}]})  # HERE\n",
        ["E401", "state key 'k' cannot hold a set at a[1]", "at app > Task 't'"],
    ),
    "reserved": (
        "    return Task(lambda: 1, id='t', on_finished=lambda r: ctx.state.set('$a', 1))  # HERE\n",
        ["E402", "state key '$a' is reserved", "at app > Task 't'"],
    ),
    "append-to-a-number": (
        "    return Task(lambda: 1, id='t', on_finished=lambda r: ctx.state.append('kept', 1))  # HERE\n",
        ["E404", "append needs a list, but state key 'kept' holds an int", "ctx.state.set"],
    ),
    "update-that-raises": (
        "    return Task(lambda: 1, id='t', on_finished=lambda r: ctx.state.update('n', lambda n: n + 1))  # HERE\n",
        ["E404", "an update queued by on_finished of Task 't' raised TypeError", "absent the function gets None"],
    ),
    "path-outside": (
        "    return Task(lambda ctx: ctx.fs.write('../x', 'y'), id='t')  # HERE\n",
        ["the path '../x' leads outside the workspace", "at app > Task 't'"],
    ),
}

HANDLERS = {
    "raises": (
        "    return Task(lambda: 1, id='t', on_finished=lambda r: r.nope)  # HERE\n",
        ["E600", "on_finished of Task 't' raised AttributeError", "Its writes were dropped"],
    ),
    "exits": (
        "    return Task(lambda: 1, id='t', on_finished=lambda r: exit(3))  # HERE\n",
        ["E600", "on_finished of Task 't' raised SystemExit: 3"],
    ),
    "takes-nothing": (
        "    return Task(lambda: 1, id='t', on_finished=lambda: 1)  # HERE\n",
        ["E600", "takes 0 positional arguments but 1 was given"],
    ),
    "effect": (
        "    return Effect('e', deps=[1], run=lambda: 1 / 0)  # HERE\n",
        ["E610", "Effect 'e' raised ZeroDivision"],
    ),
}

WORK = {
    "raises": (
        "    return Task(lambda: 1 / 0, id='t')  # HERE\n",
        ["E503", "raised ZeroDivisionError", "at app > Task"],
    ),
    "exits": ("    return Task(lambda: exit('bye'), id='t')  # HERE\n", ["E503", "raised SystemExit: bye"]),
    "unstorable": (
        "    return Task(lambda: object(), id='t')  # HERE\n",
        ["E500", "Task 't' returned an object, which cannot be stored", "Return JSON values"],
    ),
    "program": (
        "    return Command(['no-such-program'], id='c')  # HERE\n",
        ["E500", "there is no program 'no-such-program' on PATH", "Install it, or give its full path"],
    ),
    "program-in-a-shell": (
        "    return Command('no-such-program -x', id='c')  # HERE\n",
        ["E501", "ended with exit code 127", "no-such-program: not found", "check=False"],
    ),
    "program-that-is-a-folder": ("    return Command(['/tmp'], id='c')  # HERE\n", ["E500", "'/tmp' is a folder"]),
    "not-executable": ("    return Command(['./plan.py'], id='c')  # HERE\n", ["E500", "not executable", "chmod +x"]),
    "cwd": (
        "    return Command(['true'], cwd='nowhere', id='c')  # HERE\n",
        ["E500", "/nowhere' does not exist", "Make it first"],
    ),
    "cwd-that-is-a-file": (
        "    return Command(['true'], cwd='plan.py', id='c')  # HERE\n",
        ["E500", "plan.py' is not a folder", "Pass a folder as cwd=..."],
    ),
    "exit-code": (
        "    return Command('echo the reason >&2; exit 3', id='c')  # HERE\n",
        ["E501", "ended with exit code 3; its last line was 'the reason'"],
    ),
    "agent-without-prompt": (
        "    return Claude(model='test', id='c')  # HERE\n",
        ["E103", "Claude 'c' has no prompt", "prompt=..."],
    ),
}

CASES = {
    f"{kind}-{name}": case
    for kind, cases in (("state", STATE), ("on", HANDLERS), ("work", WORK))
    for name, case in cases.items()
}


@pytest.mark.requirement("S-1", "H-2", "E-4", "Z-15", "Z-22")
@pytest.mark.parametrize("case", CASES)
def test_work_that_fails_is_told_once_at_its_line_and_keeps_the_state(case, workspace, smithers):
    body, says = CASES[case]
    text = HEAD + APP + body
    left = run(text)
    check_failed(left, smithers, text=text, says=says)
    shown = smithers("inspect", "--json")[1]
    assert "failed" in {node["status"] for node in json.loads(shown)["nodes"]}


@pytest.mark.requirement("N-4", "G-1")
@pytest.mark.parametrize(("model", "variable"), [("sonnet", "ANTHROPIC_API_KEY"), ("openai:gpt-5", "OPENAI_API_KEY")])
def test_a_real_model_without_its_key_is_one_sentence_with_the_way_to_run_offline(model, variable, workspace, smithers):
    text = f"{HEAD}{APP}    return Agent(model={model!r}, prompt='hi', id='a')  # HERE\n"
    left = run(text)
    check_failed(left, smithers, text=text, says=["E505", f"needs {variable}, which is not set", "`--model test`"])
    assert len(re.findall(r"\. ", left.paragraph)) == 0
    assert run(text, "--model", "test").code == 0


@pytest.mark.requirement("G-1")
def test_a_model_that_does_not_exist_is_told_with_the_names_there_are(workspace, smithers):
    text = f"{HEAD}{APP}    return Claude(prompt='hi', id='a')  # HERE\n"
    left = run(text, "--model", "nonsense")
    check_failed(left, smithers, text=text, says=["E505", "there is no model 'nonsense'", "provider:name", "sonnet"])


LATE_TASK = """
async def later(ctx):
    await gate.wait()
    ctx.state.set("late", 1)  # HERE

def start(r, ctx):
    started.append(asyncio.create_task(later(ctx)))

async def release():
    gate.set()
    await asyncio.wait(started)
"""
LATE_THREAD = """
def later(ctx):
    gate.wait()
    ctx.state.set("late", 1)  # HERE

def start(r, ctx):
    started.append(threading.Thread(target=later, args=(ctx,)))
    started[0].start()

def release():
    gate.set()
    started[0].join()
"""


@pytest.mark.requirement("Z-15", "S-3")
@pytest.mark.parametrize(("code", "gate"), [(LATE_TASK, "asyncio"), (LATE_THREAD, "threading")], ids=["task", "thread"])
def test_a_write_after_its_handler_is_told_in_one_line_and_not_done(code, gate, workspace, smithers):
    text = f"{HEAD}import asyncio, threading\n\nstarted, gate = [], {gate}.Event()\n{code}\n{APP}"
    text += "    return Phase('p', children=[Task(lambda: 1, on_finished=start), Task(release)])\n"
    left = run(text)
    assert left.code == 0, left.err
    assert "E403" in left.paragraph
    assert f"plan.py:{marked_line(text)}" in left.paragraph
    assert json.loads(smithers("db", "state", "--json")[1]) == {"kept": 1}
