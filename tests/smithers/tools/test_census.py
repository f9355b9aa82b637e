"""Processes found by their mark, after the engine that started them is gone."""

import os
import subprocess

import pytest

from smithers_py.agents.tools.census import MARK, kill_left_behind, mark_of


@pytest.mark.requirement("Z-10", "T-3")
def test_what_a_dead_engines_commands_left_is_found_and_killed_and_nothing_else() -> None:
    def start(task_id: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: mark_of(task_id)}, start_new_session=True)

    ours, others = [start("run/agent/3"), start("run/agent/3")], [start("run/agent/33"), start("run2/agent/3")]
    try:
        kill_left_behind("run/agent/3")
        assert [process.wait(5) for process in ours] == [-9, -9]
        assert [process.poll() for process in others] == [None, None]
    finally:
        for process in others:
            process.kill()
            process.wait()
