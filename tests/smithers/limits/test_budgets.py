"""Budgets: of an execution, which stops with the numbers, and of one agent, which fails (G-6)."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smithers_py import Claude, End, Phase, Stop, Task, component
from smithers_py.agents.budget import Meter, Spent, spent_of
from smithers_py.config import Budget, Config
from smithers_py.errors import BudgetExceeded
from smithers_py.loopback import Loopback, Request, call, say
from smithers_py.loopback.replies import Usage
from smithers_py.testing import FakeClock

CHAIN = """
from smithers_py import Claude, Phase, plan


@plan
def App(ctx):
    with Phase("work"):
        for i in range(6):
            Claude(id=f"w{i}", prompt=f"hello {i}", max_turns=2).on_finished(
                lambda r: ctx.state.increment("done")
            )
"""


def dear(request: Request) -> Any:
    """Says little at a high price: 0.10 USD at least, whatever the model's price list of today."""
    return say("done", usage=Usage(input=50_000, output=10_000))


class TestMeter:
    def test_nothing_is_limited_by_itself(self) -> None:
        meter = Meter(Budget())
        meter.add(10**9, 10.0**6, 10**6)
        meter.before_request()
        meter.before_tools(1000)
        meter.start_agent()
        assert meter.as_state() == {
            "spent": {"cost": 10.0**6, "tokens": 10**9, "tool_calls": 10**6, "agents": 1},
            "limits": {},
        }

    def test_an_unused_meter_has_nothing_to_say(self) -> None:
        assert Meter(Budget()).as_state() is None

    @pytest.mark.requirement("G-6")
    @pytest.mark.parametrize(
        ("limit", "spent", "shown"),
        [
            ("max_cost", Spent(cost=0.5), "$0.5000 of $0.5000 (max_cost)"),
            ("max_tokens", Spent(tokens=12_345), "12,345 of 1 tokens (max_tokens)"),
        ],
    )
    def test_the_message_has_the_numbers(self, limit: str, spent: Spent, shown: str) -> None:
        allowed = {"max_cost": 0.5, "max_tokens": 1}[limit]
        with pytest.raises(BudgetExceeded) as caught:
            Meter(Budget(**{limit: allowed}), spent=spent).before_request()
        assert shown in caught.value.message
        assert (caught.value.limit, caught.value.allowed, caught.value.whole) == (limit, allowed, True)
        assert f"smithers resume --{limit.replace('_', '-')}" in caught.value.hint

    def test_tools_are_counted_before_they_run(self) -> None:
        meter = Meter(Budget(max_tool_calls=3))
        meter.before_tools(3)
        meter.add(0, 0.0, 2)
        meter.before_tools(1)
        with pytest.raises(BudgetExceeded, match=r"2 of 3 tool calls \(max_tool_calls\), and 2 more were asked for"):
            meter.before_tools(2)

    def test_time_goes_on_after_a_resume(self) -> None:
        clock = FakeClock()
        meter = Meter(Budget(max_seconds=10), clock=clock, spent=spent_of({"spent": {"seconds": 7, "tokens": 5}}))
        clock.advance(2_999)
        meter.before_request()
        clock.advance(1)
        with pytest.raises(BudgetExceeded, match=r"10\.0 of 10\.0 s"):
            meter.before_request()
        assert meter.as_state() == {"spent": {"tokens": 5, "seconds": 10}, "limits": {"max_seconds": 10.0}}


@pytest.mark.requirement("G-6")
def test_a_run_over_its_cost_stops_with_the_numbers_and_is_resumed_with_more(workspace: Path, smithers: Any) -> None:
    (workspace / "plan.py").write_text(CHAIN)
    with Loopback(dear) as server:
        stopped = smithers("run", "plan.py", "--max-cost", "0.5", "--json", env=server.env)
        asked = len(server.requests)
        again = smithers("resume", "--json", env=server.env)
        still = len(server.requests)
        more = smithers("resume", "--max-cost", "1000", "--json", env=server.env)
    result = json.loads(stopped.stdout)
    assert (stopped.returncode, result["status"], result["stop_reason"]) == (4, "stopped", "budget"), stopped.stderr
    (error,) = result["errors"]
    assert (error["type"], error["code"]) == ("BudgetExceeded", "E506")
    assert "of $0.5000 (max_cost); used so far: $" in error["message"]
    assert 1 <= asked < 6
    assert again.returncode == 4, "the budget of the run stands until it is said anew"
    assert still == asked
    assert json.loads(more.stdout)["status"] == "completed", more.stderr
    assert len(server.requests) == 6, "what was answered is not asked again"
    state = json.loads(smithers("db", "state", "--json", "--all").stdout)
    assert "$budget" in json.dumps(state)
    assert smithers("db", "state", "--key", "done").stdout.strip().endswith("6")


@pytest.mark.requirement("G-6")
@pytest.mark.parametrize(
    ("budget", "asked"), [(Budget(max_agents=2), 2), (Budget(max_tokens=120_000), 2), (Budget(max_tokens=0), 0)]
)
def test_agents_and_tokens_are_bounded(ran: Any, budget: Budget, asked: int) -> None:
    @component
    def Chain(ctx: Any) -> Any:
        return Phase("work", children=[Claude(id=f"w{i}", prompt="x", max_turns=2) for i in range(4)])

    with Loopback(dear) as server:
        result = ran(server, Chain(), config=Config(budget=budget))
    assert (result.status, result.exit_code, result.stop_reason) == ("stopped", 4, "budget")
    assert len(server.requests) == asked


@pytest.mark.requirement("G-6")
def test_the_tool_call_too_many_is_not_made(ran: Any) -> None:
    made: list[int] = []

    def look(n: int) -> str:
        """Look."""
        made.append(n)
        return "seen"

    @component
    def One(ctx: Any) -> Any:
        return Claude(id="one", prompt="x", max_turns=9, tools=[look])

    with Loopback(lambda request: call("look", n=len(request.results("look")))) as server:
        result = ran(server, One(), config=Config(budget=Budget(max_tool_calls=3)))
    assert (result.status, result.stop_reason) == ("stopped", "budget")
    assert made == [0, 1, 2]
    assert "3 of 3 tool calls (max_tool_calls)" in result.errors[0]["message"]


@pytest.mark.requirement("G-6")
@pytest.mark.parametrize("limit", [{"max_cost": 0.01}, {"max_tokens": 1000}, {"max_tool_calls": 1}])
def test_a_node_over_its_own_budget_fails_and_the_run_goes_on(ran: Any, limit: dict[str, Any]) -> None:
    caught: list[Any] = []

    def look() -> str:
        """Look."""
        return "seen"

    @component
    def Two(ctx: Any) -> Any:
        ctx.state.init("after", value=False)
        return Phase(
            "work",
            children=[
                Claude(id="one", prompt="x", max_turns=9, tools=[look], on_error=caught.append, **limit),
                Task(lambda: 1, id="two", on_finished=lambda r: ctx.state.set("after", r.output)),
            ],
        )

    def brain(request: Request) -> Any:
        return replace(call("look"), usage=Usage(input=50_000, output=10_000))

    with Loopback(brain) as server:
        result = ran(server, Two())
    assert result.status == "completed"
    assert [type(error).__name__ for error in caught] == ["BudgetExceeded"]
    assert caught[0].limit == next(iter(limit))
    assert "the budget of Claude 'one' is spent" in caught[0].message
    assert len(server.requests) == (2 if "max_tool_calls" in limit else 1)


@pytest.mark.requirement("G-6")
def test_wall_clock_stops_work_that_asks_no_model(workspace: Path, smithers: Any) -> None:
    (workspace / "plan.py").write_text(
        "from smithers_py import plan, Command\n\n\n@plan\ndef App(ctx):\n    Command(['sleep', '60'], id='long')\n"
    )
    stopped = smithers("run", "plan.py", "--max-seconds", "0.5", "--json")
    result = json.loads(stopped.stdout)
    assert (stopped.returncode, result["status"], result["stop_reason"]) == (4, "stopped", "budget"), stopped.stderr
    assert "max_seconds" in result["errors"][0]["message"]


@pytest.mark.requirement("G-6", "Z-1")
def test_a_plan_switches_models_as_money_runs_out(ran: Any) -> None:
    seen: list[tuple[float, float]] = []

    @component
    def Thrifty(ctx: Any) -> Any:
        left, spent = ctx.budget.left, ctx.budget.spent
        seen.append((left.cost, spent.cost))
        model = "sonnet" if left.tokens > 100_000 else "haiku"
        done = ctx.state.get("done", 0)
        if done == 4:
            return End({"left": left.tokens})
        if left.tokens == 0:
            return Stop("spent")
        step = Claude(key=str(done), model=model, prompt="x", max_turns=2)
        return step.on_finished(lambda r: ctx.state.increment("done"))

    with Loopback(dear) as server:
        result = ran(server, Thrifty(), config=Config(budget=Budget(max_tokens=260_000)))
    assert result.status == "completed", result.errors
    names = [entry.request.model for entry in server.requests]
    assert [name.split("-")[1] for name in names] == ["sonnet", "sonnet", "sonnet", "haiku"]
    assert result.summary == {"left": 20_000}
    assert seen[0][0] == float("inf"), "no limit on the cost"
    assert seen[0][1] == 0
    assert seen[-1][1] > 0


@pytest.mark.requirement("G-6", "Z-11")
def test_a_child_spends_its_parents_budget(ran: Any) -> None:
    from smithers_py import Smithers

    @component
    def Child(ctx: Any) -> Any:
        return Phase("work", children=[Claude(id=f"w{i}", prompt="x", max_turns=2) for i in range(3)])

    @component
    def Parent(ctx: Any) -> Any:
        return Phase("all", children=[Smithers(Child, id="first"), Smithers(Child, id="second")])

    with Loopback(dear) as server:
        result = ran(server, Parent(), config=Config(budget=Budget(max_agents=4)))
    assert (result.status, result.stop_reason) == ("stopped", "budget")
    assert len(server.requests) == 4


@pytest.mark.requirement("G-6")
def test_the_agents_own_records_know_what_was_spent(ran: Any, tmp_path: Path) -> None:
    """A kill between two flushes loses nothing: a resume counts on from these."""
    import asyncio

    from smithers_persistence import Database
    from smithers_persistence.spending import spent_by_agents

    def look() -> str:
        """Look."""
        return "seen"

    @component
    def Two(ctx: Any) -> Any:
        done = [Claude(id=f"w{i}", prompt="x", max_turns=3, tools=[look]) for i in range(2)]
        spent = ctx.budget.spent
        return Phase("work", children=[*done, End([spent.agents, spent.cost, spent.tokens, spent.tool_calls])])

    def brain(request: Request) -> Any:
        return dear(request) if request.results("look") else call("look")

    async def recorded(execution_id: str) -> Any:
        database = await Database.open(tmp_path / "db.sqlite")
        try:
            return await database.read(lambda conn: spent_by_agents(conn, execution_id))
        finally:
            await database.close()

    with Loopback(brain) as server:
        result = ran(server, Two())
    spent = asyncio.run(recorded(result.execution_id))
    assert [len(spent.begun), spent.cost_usd, spent.tokens, spent.tool_calls] == pytest.approx(result.summary)
    assert (len(spent.begun), spent.tool_calls) == (2, 2)


@pytest.mark.requirement("G-6")
def test_a_limit_on_the_cost_says_what_it_cannot_see(workspace: Path, smithers: Any) -> None:
    (workspace / "plan.py").write_text(CHAIN)
    done = smithers("run", "plan.py", "--model", "test", "--max-cost", "1")
    assert done.returncode == 0
    assert done.stderr.count("the price of model 'test' is not known: max_cost does not count it") == 1
