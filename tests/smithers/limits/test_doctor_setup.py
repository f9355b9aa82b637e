"""`smithers doctor` without an ID: keys, short names, one request each."""

import json
from pathlib import Path
from typing import Any

import pytest

from smithers_py.loopback import Loopback, say, server_error

SECRET = "sk-do-not-print-me"


@pytest.mark.requirement("G-1")
def test_without_keys_it_says_what_to_set(smithers: Any) -> None:
    done = smithers("doctor")
    assert done.returncode == 0
    assert "ANTHROPIC_API_KEY is not set" in done.stdout
    assert "sonnet" in done.stdout
    assert "needs ANTHROPIC_API_KEY, which is not set" in done.stdout
    assert "next: set the key of a provider, or run offline with --model test" in done.stdout


@pytest.mark.requirement("G-1", "X-1")
def test_keys_are_named_and_never_shown(workspace: Path, smithers: Any) -> None:
    (workspace / "smithers.toml").write_text(
        '[models]\nfast = "openai:gpt-5-mini"\nodd = "openai:gpt-5-mini"\n[budget]\nmax_cost = 3\n'
        '[mcp_servers.files]\ncommand = "uvx"\n'
    )
    done = smithers("doctor", "--json", env={"OPENAI_API_KEY": SECRET})
    assert SECRET not in done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert {one["name"]: one["key"] for one in report["providers"]} == {"anthropic": False, "openai": True}
    models = {one["name"]: one for one in report["models"]}
    assert models["fast"]["usable"]
    assert not models["sonnet"]["usable"]
    assert models["test"]["usable"]
    assert report["config_file"] == str(workspace / "smithers.toml")
    assert report["budget"] == {"max_cost": 3}
    assert report["mcp_servers"] == ["files"]


@pytest.mark.requirement("G-1")
def test_ping_asks_each_usable_model_once(smithers: Any) -> None:
    with Loopback(lambda _: say("ok")) as server:
        done = smithers("doctor", "--ping", "--json", env=server.env)
    models = {one["name"]: one for one in json.loads(done.stdout)["models"]}
    assert done.returncode == 0
    assert len(server.requests) == 3
    assert all(models[name]["ping_ms"] >= 0 for name in ("opus", "sonnet", "haiku"))


@pytest.mark.requirement("G-1")
def test_a_refused_key_is_a_failure(smithers: Any) -> None:
    with Loopback(lambda _: server_error(401)) as server:
        done = smithers("doctor", "--ping", env=server.env)
    assert done.returncode == 1
    assert "Check the provider's API key" in done.stdout
    assert len(server.requests) == 3, "no retries"
