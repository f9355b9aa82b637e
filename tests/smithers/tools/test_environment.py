"""What commands see of the environment, and what is hidden in what they print."""

import pytest

from smithers_py.agents.tools.environment import Environment


@pytest.mark.requirement("G-5", "X-1")
def test_names_decide_what_is_a_secret() -> None:
    hidden = {
        "OPENAI_API_KEY",
        "openai_api_key",
        "GH_TOKEN",
        "X_SECRET",
        "AWS_SECRET_ACCESS_KEY",
        "DB_PASSWORD",
        "MY_X",
    }
    seen = {"PATH", "HOME", "LANG", "KEYBOARD", "TOKENIZERS_PARALLELISM", "PWD", "OLDPWD", "SSH_AUTH_SOCK"}
    environment = Environment(("MY_*",), dict.fromkeys(hidden | seen, "x"))
    assert set(environment.secrets) == hidden
    assert set(environment.visible) == seen


@pytest.mark.requirement("X-1")
def test_values_are_hidden_where_they_tell_something() -> None:
    source = {
        "A_KEY": "abc-12345",
        "B_KEY": "abc-12345-longer",
        "DB_PASSWORD": "postgres",
        "PIN_TOKEN": "1234",
        "C": "x",
    }
    redact = Environment((), source).redact
    assert redact("abc-12345-longer abc-12345 postgres 1234 x") == "[B_KEY hidden] [A_KEY hidden] postgres 1234 x"
    assert Environment((), {"PATH": "/bin"}).redact("/bin") == "/bin"
