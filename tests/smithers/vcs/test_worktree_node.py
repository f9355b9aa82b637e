"""Worktree in a run: where children work, in which order, and what becomes of it."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vcs_project import Project

from smithers_py import Command, If, Parallel, Phase, Smithers, Task, Worktree, component, plan
from smithers_py.engine.results import RunResult
from smithers_py.testing import run_plan

Play = Callable[[Any], RunResult]


@pytest.fixture
def play(project: Project) -> Play:
    """Run a plan in the project, as `smithers run` would."""
    database = project.root / ".smithers" / "db.sqlite"
    return lambda app: asyncio.run(run_plan(app, db_path=database, workspace=project.root))


@pytest.mark.requirement("N-9", "Z-5")
def test_children_work_in_order_in_the_worktree_and_the_project_stays_as_it_was(project: Project, play: Play):
    seen: dict[str, Any] = {}

    def second(ctx: Any) -> None:
        seen["task"] = (ctx.workspace, ctx.fs.read("made.txt"), ctx.fs.glob("*.txt"))
        ctx.fs.write("by-task.txt", "x")

    @plan
    def app(ctx: Any):
        with Worktree("feat"):
            Command("echo first > made.txt; pwd", id="one").on_finished(lambda r: seen.update(cwd=r.stdout.strip()))
            Task(second, id="two").on_finished(lambda r: seen.update(handler=ctx.fs.exists("by-task.txt")))
            Command("ls", id="three", cwd="sub", check=False)
            Command("mkdir -p sub; ls", id="four").on_finished(lambda r: seen.update(ls=r.stdout.split()))

    result = play(app)
    assert result.status == "failed"  # "sub" is not there: the folder of a command is below the worktree
    where = next((project.root / ".smithers" / "worktrees" / result.execution_id).iterdir())
    assert seen["cwd"] == str(where)
    assert seen["task"] == (where, "first\n", ["a.txt", "made.txt"])
    assert seen["handler"] is True
    assert "ls" not in seen
    assert project.files() == [".gitignore", "a.txt"]


@pytest.mark.requirement("N-9")
def test_worktrees_in_a_parallel_work_beside_each_other_and_are_cleaned_up(project: Project, play: Play):
    @plan
    def app(ctx: Any):
        with Phase("all"), Parallel():
            for name, cleanup in (("one", "keep"), ("two", "remove-if-clean"), ("three", "remove")):
                with Worktree(name, cleanup=cleanup):  # pyright: ignore[reportArgumentType] - a str of the loop
                    Command("echo x > new.txt" if name != "two" else "true", id=f"c-{name}")

    assert play(app).status == "completed"
    left = project.git("worktree", "list")
    assert "[one]" in left
    assert "[two]" not in left
    assert "[three]" not in left
    assert set(project.git("branch", "--format=%(refname:short)").split()) == {"main", "one", "two", "three"}
    kinds = [event["type"] for event in project.events("worktree.") if event["type"].rpartition(".")[2] != "running"]
    assert sorted(kinds) == ["worktree.made"] * 3 + ["worktree.removed"] * 2 + ["worktree.succeeded"] * 3


@pytest.mark.requirement("N-9")
def test_one_that_leaves_the_plan_is_cleaned_up_after_its_work_was_stopped(project: Project, play: Play):
    started = asyncio.Event()

    async def hang() -> None:
        started.set()
        await asyncio.Event().wait()

    async def leave(ctx: Any) -> None:
        await started.wait()
        ctx.state.set("gone", True)

    @component
    def app(ctx: Any):
        return [
            If(
                lambda: not ctx.state.get("gone", False),
                children=[Worktree("feat", cleanup="remove", children=[Task(hang, id="hang")])],
            ),
            Task(leave, id="leave").on_finished(lambda r: None),
        ]

    assert play(app).status == "completed"
    assert len(project.git("worktree", "list").splitlines()) == 1


@pytest.mark.requirement("N-9")
def test_a_worktree_in_a_worktree_begins_where_the_outer_one_stands(project: Project, play: Play):
    seen: list[str] = []

    @plan
    def app(ctx: Any):
        with Worktree("outer"):
            Command("git commit -q --allow-empty -m outer-work", id="work")
            with Worktree("inner"):
                Command("git log -1 --format=%s; pwd", id="look").on_finished(lambda r: seen.extend(r.stdout.split()))

    assert play(app).status == "completed"
    assert seen[0] == "outer-work"


@pytest.mark.requirement("N-9", "Z-11")
def test_a_child_plan_works_in_the_worktree(project: Project, play: Play):
    @component
    def child(ctx: Any):
        return Command("echo child > child.txt", id="c")

    @plan
    def app(ctx: Any):
        with Worktree("feat", path="../outside"):
            Smithers(child, id="child")

    assert play(app).status == "completed"
    assert (project.root.parent / "outside" / "child.txt").exists()
    assert not (project.root / "child.txt").exists()


@pytest.mark.requirement("N-9")
def test_a_run_in_a_subfolder_works_in_the_same_folder_of_the_worktree(project: Project):
    project.write("part/x.txt", "x\n")
    project.git("add", "-A")
    project.git("commit", "-qm", "part")
    part = project.root / "part"
    seen: list[str] = []

    @plan
    def app(ctx: Any):
        with Worktree("feat"):
            Command("ls", id="c").on_finished(lambda r: seen.append(r.stdout.strip()))

    database = project.root / ".smithers" / "db.sqlite"
    assert asyncio.run(run_plan(app, db_path=database, workspace=part)).status == "completed"
    assert seen == ["x.txt"]


@pytest.mark.requirement("N-9", "E-4")
def test_what_git_refuses_fails_the_child_and_says_what_to_type(project: Project, play: Play, tmp_path: Path):
    @plan
    def taken(ctx: Any):
        with Worktree("main"):
            Command("true", id="c")
            Command("true", id="after")

    result = play(taken)
    (error,) = result.errors
    assert (result.status, error["code"]) == ("failed", "E511")
    assert "git worktree remove" in error["hint"]
    assert "Worktree 'main' > Command 'c'" in error["where"]["node"]

    @plan
    def bare(ctx: Any):
        with Worktree("feat"):
            Command("true", id="c")

    outside = tmp_path / "no-repository"
    outside.mkdir()
    result = asyncio.run(run_plan(bare, db_path=outside / "db.sqlite", workspace=outside))
    assert [error["code"] for error in result.errors] == ["E510"]


AGENT = """
import json
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from smithers_py import Claude, ToolPolicy, Worktree, plan

CALLS = [
    ("write", {"path": "made.txt", "content": "by the agent"}),
    ("shell", {"command": "pwd"}),
    ("read", {"path": "../../../../a.txt"}),
    ("read", {"path": OUTSIDE}),
]


def answer(messages, info):
    turn = sum(isinstance(message, ModelResponse) for message in messages)
    if turn == len(CALLS):
        returned = [str(part.content) for message in messages for part in message.parts
                    if part.part_kind in ("tool-return", "retry-prompt")]
        return ModelResponse(parts=[TextPart(json.dumps(returned))])
    return ModelResponse(parts=[ToolCallPart(*CALLS[turn], tool_call_id=f"call-{turn}")])


@plan
def Work(ctx):
    with Worktree("feat", path="../agents"):
        Claude(id="worker", model=FunctionModel(answer), prompt="go", tools="all", policy=ToolPolicy(allow=["shell"])
               ).on_finished(lambda r: ctx.state.set("said", json.loads(r.output)))
"""


@pytest.mark.requirement("G-5", "N-9")
def test_an_agents_tools_are_confined_to_the_worktree(project: Project):
    text = AGENT.replace("OUTSIDE", repr(str(project.root / "a.txt")))
    project.write("plan.py", text)
    project.smithers("run", "plan.py", "--no-wait")
    said = project.smithers("db", "state", "--json")
    made = project.root.parent / "agents" / "made.txt"
    assert made.read_text() == "by the agent"
    assert os.fspath(made.parent) in said
    assert "one\\\\n" not in said
    assert said.count("outside") + said.count("leads out") >= 1, said
