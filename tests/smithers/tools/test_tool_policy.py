"""ToolPolicy: which rule decides, and what a pattern for commands cannot be fooled by."""

from typing import Any

import pytest

from smithers_py.agents.tools.policy import decide
from smithers_py.errors import InvalidPropError
from smithers_py.nodes import Claude
from smithers_py.nodes.tools import ToolPolicy, idempotent, pure


def shell(policy: ToolPolicy, command: str) -> str:
    return policy.decide("shell", {"command": command})


@pytest.mark.requirement("G-5")
def test_without_a_word_reads_and_writes_go_and_commands_ask() -> None:
    policy = ToolPolicy()
    allowed = ("read", "glob", "grep", "write", "edit", "my_function")
    assert {policy.decide(tool, {"path": "a"}) for tool in allowed} == {"allow"}
    assert shell(policy, "ls") == "ask"
    assert policy.decide("github.create_issue", {}) == "ask"


@pytest.mark.requirement("G-5")
def test_the_most_specific_rule_decides_and_of_equals_the_strictest() -> None:
    assert shell(ToolPolicy(allow="shell"), "rm x") == "allow"
    assert shell(ToolPolicy(deny="shell", allow="shell(git *)"), "git log") == "allow"
    assert shell(ToolPolicy(deny="shell", allow="shell(git *)"), "ls") == "deny"
    assert shell(ToolPolicy(allow=["shell(git *)"], ask="shell(git push*)"), "git push origin") == "ask"
    assert shell(ToolPolicy(allow=["shell(git *)"], deny=["shell(*)"]), "git log") == "deny"
    some = ToolPolicy(allow=["github.*"], deny=["github.delete_repo"], ask="*", default="deny")
    assert some.decide("github.list", {}) == "ask"  # two globs fit alike
    assert some.decide("github.delete_repo", {}) == "deny"
    assert ToolPolicy(allow=["mcp:github"], deny=["mcp:*"]).decide("wiki.read", {}) == "deny"
    assert ToolPolicy(allow=["mcp:github"], default="deny").decide("github.list", {}) == "allow"
    assert ToolPolicy(deny=["mcp:*"]).decide("read", {"path": "x"}) == "allow"
    assert ToolPolicy(default="deny").decide("read", {"path": "x"}) == "deny"


@pytest.mark.requirement("G-5")
def test_paths_are_patterns_of_the_workspace() -> None:
    policy = ToolPolicy(allow=["write(src/**)"], deny=["read(**/*.pem)", "write(src/vendor/)"], ask=["write"])
    decisions = {
        "src/a.py": "allow",
        "src/deep/er/a.py": "allow",
        "./src//a.py": "allow",
        "src/../setup.py": "ask",
        "setup.py": "ask",
        "src/vendor/x/y.py": "deny",
    }
    assert {path: policy.decide("write", {"path": path}) for path in decisions} == decisions
    assert policy.decide("read", {"path": "certs/key.pem"}) == "deny"
    assert policy.decide("read", {"path": "key.pem"}) == "deny"
    assert policy.decide("read", {"path": "key.pem.txt"}) == "allow"


FOOLING = [
    "git status; rm -rf x",
    "git status && rm -rf x",
    "git status || rm x",
    "git status | sh",
    "git status & rm x",
    "git status\nrm x",
    "git status\r\nrm x",
    "git log $(rm x)",
    "git log `rm x`",
    "git log ${IFS}",
    "git log > .bashrc",
    "git log < /etc/passwd",
    "git log <(rm x)",
    "(rm x)",
    "git log \\\nrm",
    "GIT_PAGER=rm git log",
    "gitx status",
    "./git status",
    "git",
]


@pytest.mark.requirement("G-5")
@pytest.mark.parametrize("command", FOOLING)
def test_an_allowed_command_cannot_carry_another(command: str) -> None:
    assert shell(ToolPolicy(allow=["shell(git *)"]), command) == "ask"
    assert shell(ToolPolicy(allow=["shell(git *)"], default="deny"), command) == "deny"


@pytest.mark.requirement("G-5")
@pytest.mark.parametrize("command", ["git log", "  git   log  ", "git commit -m 'it works' --amend", 'git diff "a b"'])
def test_one_plain_command_fits(command: str) -> None:
    assert shell(ToolPolicy(allow=["shell(git *)"]), command) == "allow"


@pytest.mark.requirement("G-5")
@pytest.mark.parametrize(
    "command",
    ["rm x", "true; rm x", "true && sudo rm x", "A=1 rm x", "(rm x)", "echo `rm x`", "if true; then rm x; fi"],
)
def test_a_denied_command_is_found_in_a_longer_line(command: str) -> None:
    assert shell(ToolPolicy(deny=["shell(rm *)"], allow="shell"), command) == "deny"


@pytest.mark.requirement("G-5")
def test_what_the_run_denies_no_node_allows() -> None:
    run = ToolPolicy(deny=["shell(git push*)"], ask=["write"], default="deny")
    node = ToolPolicy(allow=["shell", "write(src/**)"])
    assert decide("shell", {"command": "git push"}, node, run) == "deny"
    assert decide("shell", {"command": "ls"}, node, run) == "allow"
    assert decide("write", {"path": "src/a"}, node, run) == "allow"
    assert decide("write", {"path": "a"}, node, run) == "ask"
    assert decide("read", {"path": "a"}, node, run) == "deny"
    assert decide("read", {"path": "a"}, None, None) == "allow"


@pytest.mark.requirement("A-4")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"allow": ["my_tool(x)"]}, "write 'my_tool'"),
        ({"deny": "shell(git"}, "is no rule"),
        ({"ask": [{}]}, "is no rule"),
        ({"default": "maybe"}, "no default 'maybe'"),
    ],
)
def test_a_rule_that_cannot_be_read_says_so_where_it_is_written(given: Any, said: str) -> None:
    with pytest.raises(InvalidPropError, match=said.replace("(", r"\(")):
        ToolPolicy(**given)


@pytest.mark.requirement("A-4")
@pytest.mark.parametrize(
    ("tools", "said"),
    [
        (["reed"], "Did you mean 'read'"),
        ([lambda x: x], "a lambda does not have"),
        ([int], "a tool is a name or a function"),
        (7, "a list of names and functions"),
        (["mcp:"], "'mcp:' is no built-in tool"),
    ],
)
def test_a_tool_that_cannot_be_says_so_where_it_is_written(tools: Any, said: str) -> None:
    with pytest.raises(InvalidPropError, match=said) as caught:
        Claude(id="a", prompt="p", tools=tools)
    assert caught.value.where.file == __file__


def test_two_tools_of_one_name_are_refused() -> None:
    def read(path: str) -> str:
        return path

    def other() -> None: ...

    other.__name__ = "twice"

    def twice() -> None: ...

    for tools in ([read], [twice, other]):
        with pytest.raises(InvalidPropError, match="name"):
            Claude(id="a", prompt="p", tools=tools)


@pytest.mark.requirement("Z-4")
def test_groups_are_spelled_out_in_the_plan() -> None:
    node = Claude(id="a", prompt="p", tools=["files", "read", "mcp:github", test_groups_are_spelled_out_in_the_plan])
    own = f"{__name__}:test_groups_are_spelled_out_in_the_plan"
    assert node.plan_props()["tools"] == ["read", "glob", "grep", "write", "edit", "mcp:github", own]
    assert Claude(id="a", prompt="p").tools is None
    assert Claude(id="a", prompt="p", tools="shell").tools == ("shell",)


@pytest.mark.requirement("G-3")
def test_which_tools_are_called_again_after_a_crash() -> None:
    from pathlib import Path

    from smithers_py.agents.tools.spec import ToolSpec, is_safe

    @pure
    def look() -> int:
        return 1

    @idempotent
    def put() -> int:
        return 1

    def send() -> int:
        return 1

    spec = ToolSpec(tools=(look, put, send, "read"), workspace=Path())
    names = ("read", "glob", "grep", "write", "edit", "shell", "look", "put", "send", "github__list")
    assert [name for name in names if is_safe(name, spec)] == ["read", "glob", "grep", "look", "put"]
    assert not is_safe("look")
