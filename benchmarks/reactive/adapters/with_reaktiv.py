"""reaktiv. Thread safety stays on, as it comes; it forgets effects that nobody holds."""

from reaktiv import Computed, Effect, Signal, batch


class Library:
    """`signal` gives (read, write), `computed` a read, `effect` what stops it."""

    def __init__(self) -> None:
        self.batch = batch
        self.held = []

    def signal(self, value):
        signal = Signal(value)
        return signal.get, signal.set

    def computed(self, fn, deps):
        return Computed(fn).get

    def effect(self, fn, deps):
        effect = Effect(fn)
        self.held.append(effect)

        def stop() -> None:
            effect.dispose()
            self.held.pop()  # suites stop all they made

        return stop
