"""What a node's `flags` say. A clean signal has none, so that one test on the way of every read suffices."""

CHECK = 1  # something it depends on, at some distance, may have changed
DIRTY = 2  # a direct dependency has changed
BUSY = 4  # being checked or run: meeting it again is a cycle
ERROR = 8  # the value is a Failure
IDLE = 16  # a computed that no sink reads
DISPOSED = 32  # a sink taken out of the graph
RETRY = 64  # the last run gave nothing that may be kept
CUT = 128  # running or checked, with a run below it that was cut short

STALE = CHECK | DIRTY
UNSURE = STALE | RETRY
MUST_RUN = DIRTY | RETRY
LASTING = ERROR | IDLE  # what a new run does not wipe out
UNKEPT = IDLE | RETRY  # what a run leaves besides ERROR
NEEDS_REFRESH = STALE | BUSY | IDLE | RETRY
