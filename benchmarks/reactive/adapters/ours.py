"""smithers-reactive, as its documentation says to use it."""

from smithers_reactive import Computed, Effect, Signal, batch


class Library:
    """`signal` gives (read, write), `computed` a read, `effect` what stops it."""

    def __init__(self) -> None:
        self.batch = batch

    def signal(self, value):
        signal = Signal(value)
        return signal.get, signal.set

    def computed(self, fn, deps):
        return Computed(fn).get

    def effect(self, fn, deps):
        return Effect(fn).dispose
