"""observ. Its scheduler flushes when asked, so a write outside a batch asks; watching is shallow, as in the others."""

from observ import computed, ref, watch_effect
from observ.scheduler import scheduler


class Library:
    """`signal` gives (read, write), `computed` a read, `effect` what stops it."""

    def __init__(self) -> None:
        scheduler.register_request_flush(lambda: None)
        self.batched = False
        self.held = []

    def batch(self):
        return self

    def __enter__(self) -> None:
        self.batched = True

    def __exit__(self, *exc_info: object) -> None:
        self.batched = False
        scheduler.flush()

    def signal(self, value):
        cell = ref(value)

        def write(new) -> None:
            cell["value"] = new
            if not self.batched:
                scheduler.flush()

        return (lambda: cell["value"]), write

    def computed(self, fn, deps):
        return computed(deep=False)(fn)

    def effect(self, fn, deps):
        watcher = watch_effect(fn, deep=False)
        self.held.append(watcher)

        def stop() -> None:
            watcher.stop()
            self.held.pop()  # suites stop all they made

        return stop
