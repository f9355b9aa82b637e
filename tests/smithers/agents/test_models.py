"""Model names: short names, the user's own, offline, and what is said when a model cannot be used."""

import subprocess
import sys
from pathlib import Path

import pytest

from smithers_py.agents.models import ALIASES, resolve_model
from smithers_py.errors import ModelUnavailableError


@pytest.mark.requirement("G-1")
@pytest.mark.parametrize("alias", ["opus", "sonnet", "haiku"])
def test_short_names_stand_for_known_anthropic_models(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from pydantic_ai.models import known_model_names

    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert ALIASES[alias] in known_model_names()
    assert resolve_model(alias).model_name == ALIASES[alias].partition(":")[2]


@pytest.mark.requirement("G-1")
def test_the_users_table_goes_first_and_may_point_at_a_model_or_another_short_name() -> None:
    from pydantic_ai.models.test import TestModel

    mine = TestModel(custom_output_text="mine")
    assert resolve_model("sonnet", {"sonnet": mine}) is mine
    assert resolve_model("fast", {"fast": "sonnet", "sonnet": "test"}).model_name == "test"


@pytest.mark.requirement("G-1")
def test_a_table_that_points_at_itself_ends() -> None:
    with pytest.raises(ModelUnavailableError, match="there is no model 'a'"):
        resolve_model("a", {"a": "b", "b": "a"})


def test_test_is_the_offline_model_and_model_objects_pass_through() -> None:
    from pydantic_ai.messages import ModelResponse, TextPart
    from pydantic_ai.models.function import FunctionModel
    from pydantic_ai.models.test import TestModel

    assert isinstance(resolve_model("test"), TestModel)
    model = FunctionModel(lambda messages, info: ModelResponse(parts=[TextPart("k")]))
    assert resolve_model(model) is model


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("sonnet", "ANTHROPIC_API_KEY"),
        ("anthropic:claude-opus-5-5", "ANTHROPIC_API_KEY"),
        ("openai:gpt-5", "OPENAI_API_KEY"),
    ],
)
def test_without_a_key_one_sentence_says_which_variable_and_how_to_run_offline(name: str, variable: str) -> None:
    with pytest.raises(ModelUnavailableError) as caught:
        resolve_model(name)
    said = str(caught.value)
    assert variable in said
    assert "--model test" in said
    assert repr(name) in said
    assert said.count(". ") == 0
    assert said.endswith(".")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sonet", "did you mean 'sonnet'?"),
        ("nobody:x", "provider:name"),
        ("groq:llama", "pip install"),
        ("", "there is no model ''"),
    ],
)
def test_names_that_lead_nowhere(name: str, expected: str) -> None:
    with pytest.raises(ModelUnavailableError) as caught:
        resolve_model(name)
    assert expected in str(caught.value)


def test_something_that_is_no_model() -> None:
    with pytest.raises(ModelUnavailableError, match="not a int"):
        resolve_model(3)  # pyright: ignore[reportArgumentType]


@pytest.mark.requirement("A-5")
def test_importing_the_agents_loads_no_pydantic_ai_and_running_one_prints_no_banner() -> None:
    code = """
import asyncio, sys
from smithers_py.agents.run import AgentSpec, run_agent
assert not [name for name in sys.modules if name.startswith("pydantic_ai")]
from fake_provider import Recorder
spec = AgentSpec(task_id="t", model="test", prompt="hello")
print(asyncio.run(run_agent(spec, Recorder())).text)
"""
    here = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=here)
    assert (done.stdout, done.stderr) == ("success (no tool calls)\n", "")
