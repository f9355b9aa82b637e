"""Log files of an execution (O-1). The events table is the truth; these files are for `tail`, `jq` and shippers."""

from smithers_py.logs.event_log import EventLog, events_path

__all__ = ["EventLog", "events_path"]
