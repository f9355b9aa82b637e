"""param's reactive expressions (`param.rx`). Their dependencies are declared."""

from contextlib import nullcontext

from param import bind, rx


class CannotError(Exception):
    """The library has nothing for this."""


class Library:
    """`signal` gives (read, write), `computed` a read, `effect` what stops it."""

    batch = nullcontext  # its batches are of one object's parameters

    def signal(self, value):
        cell = rx(value)

        def read():
            return cell.rx.value

        def write(new) -> None:
            cell.rx.value = new

        read.source = cell
        return read, write

    def computed(self, fn, deps):
        if deps is None:
            raise CannotError("dependencies are declared, not tracked")
        cell = rx(bind(lambda *_: fn(), *(dep.source for dep in deps)))

        def read():
            return cell.rx.value

        read.source = cell
        return read

    def effect(self, fn, deps):
        fn()
        for dep in deps:
            dep.source.rx.watch(lambda _value: fn())
        return lambda: None  # a watch of an expression cannot be ended
