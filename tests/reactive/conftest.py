"""A fresh Runtime for every test, so that none sees another's nodes."""

from collections.abc import Iterator

import pytest

from smithers_reactive import Runtime


@pytest.fixture
def rt() -> Iterator[Runtime]:
    runtime = Runtime()
    with runtime.activate():
        yield runtime
    assert not runtime.at_work
