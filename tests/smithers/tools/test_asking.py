"""Tools that ask: what a person is shown, what a yes and a no do, and that a yes is to what was shown."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from toolbox import Person, use

from smithers_py.nodes.tools import ToolPolicy
from smithers_py.workers.control import Answer, AskRequest

ASK = ToolPolicy(ask=["write", "edit", "read"])


@pytest.mark.requirement("G-5", "P-1")
def test_a_command_asks_with_its_line_and_says_what_it_may_do(tmp_path: Path) -> None:
    person = Person()
    [part] = use(tmp_path, [("shell", {"command": "echo hello\necho more"})], person=person)
    assert str(part.content).startswith("hello\nmore\n(exit code 0")
    [request] = person.asked
    assert (request.kind, request.title) == ("command_exec", "Run: echo hello …")
    assert request.payload["command"] == "echo hello\necho more"
    assert request.payload["cwd"] == str(tmp_path)
    assert request.payload["note"] == "A command runs with all of your rights."


@pytest.mark.requirement("P-1", "Z-27")
def test_a_yes_is_never_found_by_another_call_of_the_same_id(tmp_path: Path) -> None:
    person = Person()
    calls = [("shell", {"command": command}) for command in ("true", "true", "echo")]
    use(tmp_path, calls, person=person, call_id="the-same")
    use(tmp_path, calls, person=person, call_id="the-same")
    keys = [request.key for request in person.asked]
    assert len(set(keys[:3])) == 3
    assert keys[3:] == keys[:3]  # the same conversation, gone through again


@pytest.mark.requirement("G-5", "P-1")
def test_a_change_asks_with_its_diff(tmp_path: Path) -> None:
    tmp_path.joinpath("a.py").write_text("x = 1\ny = 1\n")
    person = Person()
    calls = [
        ("edit", {"path": "./a.py", "old": "x = 1", "new": "x = 2"}),
        ("write", {"path": "new/b.py", "content": "z = 3"}),
        ("read", {"path": "a.py"}),
    ]
    use(tmp_path, calls, person=person, policy=ASK)
    edit, write, read = person.asked
    assert (edit.kind, edit.title) == ("file_edit", "Edit a.py")
    assert edit.payload["diff"].splitlines()[2:] == ["@@ -1,2 +1,2 @@", "-x = 1", "+x = 2", " y = 1"]
    assert write.payload["diff"].splitlines()[2:] == ["@@ -0,0 +1 @@", "+z = 3"]
    assert "diff" not in read.payload
    assert tmp_path.joinpath("new/b.py").read_text() == "z = 3"


@pytest.mark.requirement("G-5", "P-1")
def test_a_no_reaches_the_model_with_its_comment_and_is_recorded(tmp_path: Path) -> None:
    person = Person(approves=False, comment="not on my disk")
    [part] = use(tmp_path, [("write", {"path": "a", "content": "x"})], person=person, policy=ASK)
    assert part.content == "denied by ann@desk: not on my disk"
    assert part.outcome == "failed"
    assert not tmp_path.joinpath("a").exists()
    [refusal] = person.refusals()
    assert refusal == {
        "phase": "refused",
        "tool": "write",
        "call_id": "call-0",
        "args": {"path": "a", "content": "x"},
        "refused": "denied by ann@desk: not on my disk",
        "by": "ann@desk",
    }


@pytest.mark.requirement("G-5")
def test_what_the_policy_denies_asks_nobody(tmp_path: Path) -> None:
    person = Person()
    policy = ToolPolicy(deny=["shell"], allow=["shell(ls)"])
    denied, done = use(
        tmp_path, [("shell", {"command": "pwd"}), ("shell", {"command": "ls"})], person=person, policy=policy
    )
    assert denied.content == "denied by the policy: shell may not be called so"
    assert "(exit code 0" in str(done.content)
    assert person.asked == []
    assert [refusal["by"] for refusal in person.refusals()] == ["policy"]


@pytest.mark.requirement("G-5")
def test_a_policy_sees_where_a_link_leads(tmp_path: Path) -> None:
    tmp_path.joinpath("secrets").mkdir()
    tmp_path.joinpath("secrets/key").write_text("hidden words")
    tmp_path.joinpath("docs").symlink_to("secrets")
    policy = ToolPolicy(deny=["read(secrets/**)"])
    calls: list[tuple[str, dict[str, Any]]] = [
        ("read", {"path": "docs/key"}),
        ("grep", {"pattern": "words"}),
        ("read", {"path": "x/../secrets/key"}),
    ]
    tmp_path.joinpath("x").mkdir()
    linked, searched, dotted = (str(part.content) for part in use(tmp_path, calls, policy=policy))
    assert "denied by the policy" in linked
    assert "denied by the policy" in dotted
    assert searched == "(1 lines of files that the policy does not let you read are left out)"


@pytest.mark.requirement("Z-27")
@pytest.mark.parametrize(
    "path", ["plan.py", "./x/../plan.py", "alias.py", "second.py", "steps/more.py", "steps/a/b.py"]
)
def test_the_plan_itself_is_written_only_with_a_yes(tmp_path: Path, path: str) -> None:
    plan, steps = tmp_path / "plan.py", tmp_path / "steps"
    plan.write_text("old")
    steps.mkdir()
    tmp_path.joinpath("x").mkdir()
    tmp_path.joinpath("alias.py").symlink_to("plan.py")
    tmp_path.joinpath("second.py").hardlink_to(plan)
    calls = [("write", {"path": path, "content": "new"})]
    no, yes = Person(approves=False), Person()
    allowing = ToolPolicy(allow=["write", "write(**)"])
    use(
        tmp_path,
        [*calls, ("write", {"path": "other", "content": ""})],
        person=no,
        policy=allowing,
        protected=(plan, steps, tmp_path / "toml"),
    )
    assert len(no.asked) == 1
    assert plan.read_text() == "old"
    assert list(steps.iterdir()) == []
    use(tmp_path, calls, person=yes, policy=allowing, protected=(plan, steps, tmp_path / "toml"))
    assert "decides what runs later" in yes.asked[0].payload["note"]
    assert tmp_path.joinpath(path).read_text() == "new"


class Meddler(Person):
    """Changes something while it is asked, and then says yes."""

    def __init__(self, meddle: Any) -> None:
        super().__init__()
        self._meddle = meddle

    async def ask(self, request: AskRequest) -> Answer:
        self._meddle()
        return await super().ask(request)


@pytest.mark.requirement("P-1", "G-5")
def test_a_yes_is_to_the_change_that_was_shown(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("x = 1\n")
    person = Meddler(lambda: file.write_text("x = 1\nimport os\n"))
    [part] = use(tmp_path, [("edit", {"path": "a.py", "old": "x = 1", "new": "x = 2"})], person=person, policy=ASK)
    assert "was changed while a person looked" in str(part.content)
    assert file.read_text() == "x = 1\nimport os\n"


@pytest.mark.requirement("P-1", "G-5")
def test_a_yes_is_to_the_file_that_was_shown(tmp_path: Path) -> None:
    for name in ("one", "two"):
        tmp_path.joinpath(name).mkdir()
    link = tmp_path / "link"
    link.symlink_to("one")

    def swap() -> None:
        link.unlink()
        link.symlink_to("two")

    calls = [("write", {"path": "link/a", "content": "x"})]
    [part] = use(tmp_path, calls, person=Meddler(swap), policy=ASK)
    assert part.content == "'link/a' led to 'one/a' when it was agreed to, and leads to 'two/a' now"
    assert list(tmp_path.glob("*/a")) == []


@pytest.mark.requirement("P-2")
def test_a_call_that_waits_for_a_person_can_be_cancelled(tmp_path: Path) -> None:
    class Absent(Person):
        def __init__(self) -> None:
            super().__init__()
            self.was_asked = asyncio.Event()

        async def ask(self, request: AskRequest) -> Answer:
            self.was_asked.set()
            return await asyncio.Event().wait()  # pyright: ignore[reportReturnType]

    async def scenario() -> None:
        from toolbox import use_async

        person = Absent()
        work = asyncio.create_task(use_async(tmp_path, [("shell", {"command": "touch done"})], person=person))
        await person.was_asked.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(scenario())
    assert list(tmp_path.iterdir()) == []
