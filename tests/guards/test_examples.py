"""Each example runs offline, through the public command, as its user would run it."""

import json
import subprocess
from pathlib import Path

import pytest
from repo import BIN, ROOT, tool_environment

# A provider has to answer that one, even offline: tests/smithers/examples runs it against its brain on loopback.
WITH_PROVIDER = {"fix_tests_agent.py", "fix_tests_brain.py"}
EXAMPLES = sorted({path.name for path in (ROOT / "examples").glob("*.p[xy]")} - WITH_PROVIDER)
SECONDS = 120


@pytest.mark.requirement("C-3")
@pytest.mark.parametrize("name", EXAMPLES)
def test_runs_offline(name: str, workspace: Path) -> None:
    done = subprocess.run(
        [BIN / "smithers", "run", ROOT / "examples" / name, "--json", "--model", "test"],
        cwd=workspace,
        env=tool_environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert (result["status"], result["exit_code"]) == ("completed", 0)
    assert result["frames"] > 0
