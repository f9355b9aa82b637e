"""The configuration: where it is found, what goes before what, and what is said of mistakes (Z-22)."""

import json
from pathlib import Path
from typing import Any

import pytest

from smithers_py.config import Budget, Config, load_config
from smithers_py.engine.run import Limits, limits_from
from smithers_py.errors import ConfigError

WHOLE = """
[models]
fast = "openai:gpt-5-mini"
[limits]
idle_timeout_ms = 20
throttle_ms = 100
handler_timeout_seconds = 2.5
grace_seconds = 1
max_tasks = 3
max_agents = 4
max_model_calls = 5
lease_seconds = 20
heartbeat_seconds = 2
storm_frames = 50
storm_repeats = 5
[budget]
max_cost = 5.0
max_tokens = 1_000_000
max_tool_calls = 100
max_agents = 20
max_seconds = 3600
[tools]
allow = ["shell(git status)"]
deny = ["mcp:*"]
ask = ["write"]
env_deny = ["INTERNAL_*"]
[mcp_servers.files]
command = "uvx"
args = ["mcp-server-filesystem"]
env = { ROOT = "/srv" }
[mcp_servers.web]
url = "http://127.0.0.1:9/mcp"
"""


def write(folder: Path, text: str, name: str = "smithers.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.requirement("Z-22")
class TestFinding:
    def test_nothing_anywhere_is_our_own_defaults(self, tmp_path: Path) -> None:
        config = load_config(tmp_path, {})
        assert config == Config()
        assert limits_from(config.limits) == Limits()

    def test_the_nearest_file_above_counts(self, tmp_path: Path) -> None:
        write(tmp_path, "[budget]\nmax_cost = 1")
        below = tmp_path / "a" / "b"
        below.mkdir(parents=True)
        assert load_config(below, {}).budget.max_cost == 1
        file = write(tmp_path / "a", "[budget]\nmax_tokens = 2")
        config = load_config(below, {})
        assert config.budget == Budget(max_tokens=2), "files are not merged: one says it all"
        assert config.file == file

    def test_pyproject_counts_only_with_its_section(self, tmp_path: Path) -> None:
        write(tmp_path, "[budget]\nmax_cost = 1")
        write(tmp_path / "a", "[project]\nname = 'x'", "pyproject.toml")
        assert load_config(tmp_path / "a", {}).budget.max_cost == 1
        write(tmp_path / "a", "[tool.smithers.budget]\nmax_cost = 2", "pyproject.toml")
        assert load_config(tmp_path / "a", {}).budget.max_cost == 2
        write(tmp_path / "a", "[budget]\nmax_cost = 3")
        assert load_config(tmp_path / "a", {}).budget.max_cost == 3

    def test_environment_before_file_and_flags_before_both(self, tmp_path: Path) -> None:
        write(tmp_path, "[budget]\nmax_cost = 1\nmax_tokens = 1\nmax_seconds = 1")
        env = {
            "SMITHERS_BUDGET_MAX_COST": "2",
            "SMITHERS_BUDGET_MAX_TOKENS": "2",
            "SMITHERS_MODELS_FAST": "openai:gpt-5",
            "SMITHERS_TOOLS_ASK": "shell(git push*), write",
            "SMITHERS_DB": "elsewhere.sqlite",
            "SMITHERS_DEBUG": "1",
        }
        config = load_config(tmp_path, env, {"budget": {"max_cost": 3.0, "max_tool_calls": None}})
        assert config.budget == Budget(max_cost=3, max_tokens=2, max_seconds=1)
        assert config.models == {"fast": "openai:gpt-5"}
        assert config.tools.ask == ("shell(git push*)", "write")
        assert config.given == {"budget": {"max_cost": 3.0}}


@pytest.mark.requirement("Z-22")
def test_every_key_arrives(tmp_path: Path) -> None:
    write(tmp_path, WHOLE)
    config = load_config(tmp_path, {})
    assert limits_from(config.limits) == Limits(
        idle_timeout_ms=20,
        throttle_ms=100,
        handler_timeout_ms=2500,
        grace_ms=1000,
        max_tasks=3,
        max_agents=4,
        max_model_calls=5,
        lease_ms=20_000,
        heartbeat_ms=2_000,
        storm_frames=50,
        storm_repeats=5,
    )
    assert config.budget == Budget(
        max_cost=5, max_tokens=1_000_000, max_tool_calls=100, max_agents=20, max_seconds=3600
    )
    assert (config.tools.allow, config.tools.deny) == (("shell(git status)",), ("mcp:*",))
    assert config.mcp_servers["files"].env == {"ROOT": "/srv"}
    assert config.mcp_servers["web"].url == "http://127.0.0.1:9/mcp"


@pytest.mark.requirement("Z-22", "E-4")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[limit]\nmax_tasks = 1", "limit is unknown. Did you mean 'limits'?"),
        ("[limits]\nmax_task = 1", "limits.max_task is unknown. Did you mean 'max_tasks'?"),
        ("[budget]\nfoo = 1", "budget.foo is unknown. Known keys: max_agents, max_cost"),
        ("[mcp_servers.a]\ncomand = 'x'", "mcp_servers.a.comand is unknown. Did you mean 'command'?"),
        ("[mcp_servers.a]\nargs = []", "mcp_servers.a is wrong: give either command or url"),
        ("[mcp_servers.a]\nurl = 'x'\ncommand = 'y'", "mcp_servers.a is wrong: give either command or url"),
        ("[limits]\nmax_tasks = 0", "limits.max_tasks is wrong: input should be greater than or equal to 1, not 0"),
        ("[budget]\nmax_cost = 'much'", "budget.max_cost is wrong"),
        ("limits = 3", "limits is wrong"),
        ("[tools]\nallow = 'shell'", "tools.allow is wrong"),
        ("[models]\nfast = 3", "models.fast is wrong: input should be a valid string, not 3"),
        ("[limits", "smithers.toml is not TOML"),
    ],
)
def test_a_mistake_names_file_key_and_what_was_meant(tmp_path: Path, text: str, said: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path, {})
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.requirement("Z-22", "E-4")
@pytest.mark.parametrize(
    ("env", "flags", "said"),
    [
        ({"SMITHERS_BUDGET_MAX_COST": "much"}, {}, "SMITHERS_BUDGET_MAX_COST is wrong"),
        ({"SMITHERS_LIMITS_MAX_TASK": "1"}, {}, "SMITHERS_LIMITS_MAX_TASK is unknown. Did you mean 'max_tasks'?"),
        ({}, {"budget": {"max_cost": -1.0}}, "--max-cost is wrong"),
    ],
)
def test_a_mistake_outside_the_file_is_called_as_the_user_calls_it(
    tmp_path: Path, env: dict[str, str], flags: Any, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        load_config(tmp_path, env, flags)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "smithers.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path, {})


@pytest.mark.requirement("Z-22", "G-1")
def test_a_run_uses_the_file(workspace: Path, smithers: Any) -> None:
    write(workspace, '[models]\nmine = "test"\n[budget]\nmax_agents = 1\n')
    (workspace / "plan.py").write_text(
        "from smithers_py import Claude, Phase, plan\n\n\n@plan\ndef App(ctx):\n    with Phase('a'):\n"
        "        Claude(id='one', model='mine', prompt='x', max_turns=2)\n"
        "        Claude(id='two', model='mine', prompt='x', max_turns=2)\n"
    )
    stopped = smithers("run", "plan.py", "--json")
    assert (stopped.returncode, json.loads(stopped.stdout)["stop_reason"]) == (4, "budget"), stopped.stderr
    assert "1 of 1 agents (max_agents)" in stopped.stderr
    write(workspace, "[budgets]\n")
    wrong = smithers("run", "plan.py")
    assert wrong.returncode == 2
    assert "E802" in wrong.stderr
    assert "Did you mean 'budget'?" in wrong.stderr
