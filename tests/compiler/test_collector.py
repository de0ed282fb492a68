"""The collector of cycles waits while a graph is made, and only then."""

from __future__ import annotations

import gc

import pytest

import minpy
import minpy.numpy as np
from minpy.compiler import driver


@pytest.fixture
def seen(monkeypatch):
    """Whether the collector was enabled, each time that something is lowered or compiled."""
    found: list[bool] = []

    def noting(function):
        def call(*args, **kwargs):
            found.append(gc.isenabled())
            return function(*args, **kwargs)

        return call

    for name in ("lower", "compile_graph"):
        monkeypatch.setattr(driver, name, noting(getattr(driver, name)))
    yield found
    gc.enable()


@pytest.mark.parametrize("was_enabled", [True, False])
def test_it_waits_while_compiling_and_is_as_before(seen, was_enabled):
    if not was_enabled:
        gc.disable()
    assert float(minpy.jit(lambda x: np.sum(x) * 2)(np.ones(3))) == 6
    assert seen == [False, False] and gc.isenabled() == was_enabled


def test_it_is_as_before_when_nothing_compiles(seen):
    with pytest.raises(minpy.errors.NotCompiledError):
        minpy.jit(lambda x: print(x), strict=True)(np.ones(3))
    assert seen == [False] and gc.isenabled()


def test_leftovers_run_with_it(seen):
    enabled = []

    @minpy.jit
    def function(x):
        y = np.tanh(x)
        enabled.append(gc.isenabled() or print(end=""))
        return y * 2

    function(np.ones(3))
    assert enabled == [True] and not any(seen)
