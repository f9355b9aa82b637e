"""Plans that are wrong: told once, with the node's path and the user's line, and the run's state is kept."""

import pytest
from bad_runs import APP, HEAD, check_failed, run

WRITES = {
    "state": ("    ctx.state.set('n', 1)  # HERE\n", ["E301", "ctx.state.set was called in render", "at app"]),
    "vol": ("    ctx.vol.set('n', 1)  # HERE\n", ["E301", "ctx.vol.set was called in render"]),
    "file": ("    ctx.fs.write('a.txt', 'x')  # HERE\n", ["E301", "ctx.fs.write was called in render"]),
    "attribute": ("    ctx.state.n = 1  # HERE\n", ["E109", "no attribute 'n'"]),
    "item": ("    ctx.state['n'] = 1  # HERE\n", ["E109", "component app raised TypeError"]),
}

PROPS = {
    "unknown-prop": (
        "    return Phase('a', children=[Command(['true'], timout=3)])  # HERE\n",
        ["E101", "Command has no prop 'timout'", "at app > Command", "Did you mean 'timeout'?"],
    ),
    "misspelt-and-so-missing": ("    return Phase(nmae='a')  # HERE\n", ["E101", "'nmae'", "Did you mean 'name'?"]),
    "unknown-event": (
        "    return Command(['true'], on_finishd=print)  # HERE\n",
        ["E104", "has no event 'on_finishd'", "Did you mean 'on_finished'?"],
    ),
    "unknown-event-in-a-chain": (
        "    return Phase('a').on_finished(print)  # HERE\n",
        ["E104", "Phase has no event 'on_finished'", "on_complete"],
    ),
    "missing-prop": ("    return Phase()  # HERE\n", ["E102", "Phase needs the prop 'name'", "Pass "]),
    "missing-id": ("    return While(condition=True)  # HERE\n", ["E102", "While needs the prop 'id'"]),
    "wrong-type": (
        "    return Command(['true'], timeout='soon')  # HERE\n",
        ["E103", "'timeout' of Command is 'soon' (str)", "valid number"],
    ),
    "no-program": ("    return Command()  # HERE\n", ["E103", "Command", "no program"]),
    "handler-that-is-no-function": (
        "    return Command(['true'], on_finished=5)  # HERE\n",
        ["E103", "Command needs a function for on_finished, not"],
    ),
    "summary-that-cannot-be-stored": (
        "    return End(object())  # HERE\n",
        ["E103", "the summary of End cannot be stored", "at app > End"],
    ),
}

IDENTITY = {
    "key-twice": (
        """    first = Command(["true"], key="x")
    return Phase("a", children=[first, Command(["true"], key="x")])  # HERE
""",
        ["E105", "two children of Phase 'a' have the key 'x'; the first is at", "plan.py:4", "at app > Phase 'a'"],
    ),
    "name-twice": (
        "    return [\n        Phase('a'),\n        Phase('a'),  # HERE\n    ]\n",
        ["E105", "two children of app have the name 'a'", "plan.py:5"],
    ),
    "id-twice": (
        """    a, b = (Step(name, children=[Command(["true"], id="x")]) for name in "ab")  # HERE
    return Parallel(children=[a, b])
""",
        ["E106", "the id 'x' is used twice; the first is app > Parallel > Step 'a' > Command 'x'", "Step 'b'"],
    ),
    "each-without-key": (
        "    return Each([1, 2], children=lambda item: Command(['true']))  # HERE\n",
        ["E107", "Command made for an item of Each has no key", "at app > Each > Command", "key="],
    ),
    "each-key-twice": (
        "    return Each([1, 1], children=lambda item: Command(['true'], key=item))  # HERE\n",
        ["E105", "two children of Each have the key '1'"],
    ),
    "each-without-a-function": (
        "    return Each([1], children=[Command(['true'])])  # HERE\n",
        ["E103", "'children' of Each", "should be callable"],
    ),
    "each-of-a-number": (
        "    return Each(5, children=lambda item: Command(['true'], key=item))  # HERE\n",
        ["E103", "not an int", "at app > Each", "Pass a list"],
    ),
    "each-function-of-nothing": (
        "    return Each([1], children=lambda: Command(['true']))  # HERE\n",
        ["E103", "the children of Each", "cannot be called with an item", "fn(item)"],
    ),
    "switch-with-a-stranger": (
        "    return Switch(1, children=[Phase('a')])  # HERE\n",
        ["E108", "neither Case nor Default", "at app > Switch"],
    ),
}

RAISES = {
    "raises": ("    return [][3]  # HERE\n", ["E109", "component app raised IndexError: list index", "at app,"]),
    "raises-lines": ("    raise ValueError('one\\ntwo')  # HERE\n", ["raised ValueError: one two"]),
    "raises-nothing": ("    raise ValueError  # HERE\n", ["component app raised ValueError ("]),
    "misspelt-name": ("    return Phse('a')  # HERE\n", ["E109", "NameError: name 'Phse' is not defined"]),
    "exits": ("    raise SystemExit('bye')  # HERE\n", ["E109", "component app raised SystemExit: bye"]),
    "condition-raises": (
        "    return If(lambda: 1 / 0, children=[])  # HERE\n",
        ["E109", "If raised ZeroDivisionError"],
    ),
    "loop-condition-raises": (
        "    return While('w', lambda: {}['x'], children=[Command(['true'])])  # HERE\n",
        ["E109", "While 'w' raised KeyError: 'x'", "at app > While 'w'"],
    ),
    "recursion": (
        "    return deep(1)\n\ndef deep(n):\n    return deep(n + 1)  # HERE\n",
        ["E109", "RecursionError: maximum recursion depth exceeded"],
    ),
    "contains-itself": (
        "    return app()  # HERE\n",
        ["E108", "more than 10,000 levels deep", "let it stop somewhere"],
    ),
}

NONSENSE = {
    "dict": ("    return {'a': 1}\n", ["E108", "component app returned a dict", "Return a node", "plan.py:2"]),
    "object": ("    return [None, object()]\n", ["E108", "returned an object, which is no part of a plan"]),
    "class": ("    return Phase\n", ["E108", "component app returned the class Phase", "Phase(...)"]),
    "coroutine": (
        "    return work()\n\nasync def work():\n    return None\n",
        ["E108", "returned a coroutine", "Task(fn)"],
    ),
    "component-not-called": ("    return app\n", ["E108", "Call the component: app()."]),
    "child": (
        "    return Phase('a', children=[lambda: 1])  # HERE\n",
        ["E103", "Phase has a child of type function", "at app > Phase"],
    ),
}

CASES = {**WRITES, **PROPS, **IDENTITY, **RAISES, **NONSENSE}


@pytest.mark.requirement("A-4", "F-2", "E-4", "Z-9", "Z-22", "Z-25")
@pytest.mark.parametrize("case", CASES)
def test_a_wrong_plan_is_told_once_at_its_line_and_keeps_the_state(case, workspace, smithers):
    body, says = CASES[case]
    text = HEAD + APP + body
    left = run(text)
    check_failed(left, smithers, text=text, says=says)
    assert left.result["stop_reason"] == "render"
    assert "Warning" not in left.err


@pytest.mark.requirement("A-4", "E-4", "Z-9")
def test_a_component_that_breaks_later_takes_nothing_back(workspace, smithers):
    text = """from smithers_py import *

@component
def Row(ctx, name):
    if ctx.state.get("done"):
        return {}[name]  # HERE

@component
def app(ctx):
    first = Task(lambda: 1, id="t", on_finished=lambda r: ctx.state.set("done", True))
    return Phase("build", children=[first, Row("x")])
"""
    left = run(text)
    says = ["E109", "component Row raised KeyError: 'x'", "at app > Phase 'build' > Row", "frame 2"]
    check_failed(left, smithers, text=text, says=says, kept={"kept": 1, "done": True})
    assert left.result["frames"] == 2


@pytest.mark.requirement("F-2", "A-4")
@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("Row(nmae='x')", ["E101", "Row has no prop 'nmae'", "Did you mean 'name'?", "at app > Row"]),
        ("Row()", ["E102", "Row needs the prop 'name'", "at app > Row"]),
        ("Phase('a', children=[Row])", ["E103", "Call the component: Row()."]),
    ],
)
def test_a_component_called_wrongly_is_told_at_the_call(call, says, workspace, smithers):
    text = f"{HEAD}@component\ndef Row(ctx, name):\n    return name\n\n{APP}    return {call}  # HERE\n"
    check_failed(run(text), smithers, text=text, says=says)


@pytest.mark.requirement("F-2")
def test_a_write_in_a_nested_component_names_its_whole_path(workspace, smithers):
    text = f"{HEAD}@component\ndef Row(ctx):\n    ctx.state.increment('n')  # HERE\n\n"
    text += f"{APP}    return Phase('build', children=[Row(key='r')])\n"
    check_failed(run(text), smithers, text=text, says=["E301", "at app > Phase 'build' > Row", "ctx.state.init"])


@pytest.mark.requirement("F-9", "H-4", "Z-8")
@pytest.mark.parametrize(
    ("body", "says", "kept"),
    [
        (
            """    n = ctx.state.get("n", 0)
    return Effect("e", deps=[n], run=lambda: ctx.state.set("n", n + 1))  # HERE
""",
            ["E703", "frame_storm", "keys: 'n'", "app > Effect 'e'", "Write only what differs"],
            {"kept": 1, "n": 100},
        ),
        (
            "    return Ralph('r', children=[])  # HERE\n",
            ["E704", "iteration 0 of Ralph 'r' had no work and changed no state", "at app > Ralph 'r'"],
            None,
        ),
    ],
)
def test_a_plan_that_goes_in_circles_is_stopped_and_explained(body, says, kept, workspace, smithers):
    text = HEAD + APP + body
    check_failed(run(text), smithers, text=text, says=says, code=4, kept=kept)
