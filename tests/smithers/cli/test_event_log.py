"""The NDJSON log files of an execution."""

import json
import stat

import pytest

from smithers_py.logs import EventLog, events_path

pytestmark = pytest.mark.requirement("O-1")


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_line_an_event_private_to_the_user(tmp_path):
    path = events_path(tmp_path / ".smithers", "abc")
    assert path == tmp_path / ".smithers" / "executions" / "abc" / "logs" / "events.ndjson"
    log = EventLog(path)
    log.write({"seq": 1, "type": "task.started", "payload": {"text": "zwei\nZeilen ü"}})
    log.write({"seq": 2, "type": "task.finished"})
    log.close()
    assert [line["seq"] for line in lines_of(path)] == [1, 2]
    assert lines_of(path)[0]["payload"] == {"text": "zwei\nZeilen ü"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_second_engine_appends(tmp_path):
    path = tmp_path / "events.ndjson"
    for seq in (1, 2):
        log = EventLog(path)
        log.write({"seq": seq})
        log.close()
    assert [line["seq"] for line in lines_of(path)] == [1, 2]


def test_rotation_keeps_the_latest_files_within_their_size(tmp_path):
    path = tmp_path / "events.ndjson"
    log = EventLog(path, limit_bytes=100, keep=2)
    for seq in range(40):
        log.write({"seq": seq})
    log.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["events.1.ndjson", "events.2.ndjson", "events.ndjson"]
    assert all((tmp_path / name).stat().st_size <= 100 for name in names)
    kept = [
        line["seq"]
        for name in ("events.2.ndjson", "events.1.ndjson", "events.ndjson")
        for line in lines_of(tmp_path / name)
    ]
    assert kept == list(range(kept[0], 40))


def test_what_was_taken_together_is_written_together_and_rotated_line_by_line(tmp_path):
    path = tmp_path / "events.ndjson"
    log = EventLog(path, limit_bytes=60, keep=3)
    for seq in range(4):
        log.write({"seq": seq})
    assert not path.exists()
    log.flush()
    assert [line["seq"] for line in lines_of(path)] == [0, 1, 2, 3]
    for seq in range(4, 9):
        log.write({"seq": seq})
    log.flush()
    log.flush()
    assert [line["seq"] for line in lines_of(tmp_path / "events.1.ndjson")] == [0, 1, 2, 3, 4, 5]
    assert [line["seq"] for line in lines_of(path)] == [6, 7, 8]
    log.close()


def test_an_event_larger_than_the_limit_is_written_whole(tmp_path):
    path = tmp_path / "events.ndjson"
    log = EventLog(path, limit_bytes=50, keep=1)
    log.write({"text": "x" * 200})
    log.write({"seq": 2})
    log.close()
    assert lines_of(path) == [{"seq": 2}]
    assert lines_of(tmp_path / "events.1.ndjson") == [{"text": "x" * 200}]


def test_a_log_that_cannot_be_written_says_so_once_and_stays_silent(tmp_path):
    (tmp_path / "logs").write_text("a file where the folder should be")
    log = EventLog(tmp_path / "logs" / "events.ndjson")
    log.write({"seq": 1})
    log.flush()
    log.write({"seq": 2})
    log.flush()
    assert isinstance(log.error, OSError)
    log.close()


def test_values_that_are_not_json_are_written_as_text(tmp_path):
    log = EventLog(tmp_path / "events.ndjson")
    log.write({"path": tmp_path, 1: {"a"}})
    log.close()
    assert lines_of(tmp_path / "events.ndjson") == [{"path": str(tmp_path), "1": "{'a'}"}]
