"""psygnal has events; values and what follows from them are the user's. The adapter keeps the value."""

from contextlib import nullcontext

from psygnal import SignalInstance


class CannotError(Exception):
    """The library has nothing for this."""


class Library:
    """`signal` gives (read, write), `effect` what stops it."""

    batch = nullcontext

    def signal(self, value):
        changed = SignalInstance((object,))
        cell = [value]

        def read():
            return cell[0]

        def write(new) -> None:
            if new != cell[0]:
                cell[0] = new
                changed.emit(new)

        read.source = changed
        return read, write

    def computed(self, fn, deps):
        raise CannotError("events only, no derived values")

    def effect(self, fn, deps):
        def call(_value) -> None:
            fn()

        for dep in deps:
            dep.source.connect(call)
        fn()

        def stop() -> None:
            for dep in deps:
                dep.source.disconnect(call)

        return stop
