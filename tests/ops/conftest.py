"""The gradient of many an op is zero: no warning about it here. And what lowerings say of their steps."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

import minpy
from minpy.ops import Aval
from minpy.ops.lowering import Builder
from minpy.runtime.imperative import ImperativeBuilder

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Let the tests of this folder take gradients that are zero everywhere."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:the gradient of"))


@pytest.fixture
def steps_are_declared(monkeypatch):
    """A lowering says of each of its steps what MXNet makes, also where nobody reads that."""

    def checked(step):
        def run(self, *args, **kwargs):
            found = step(self, *args, **kwargs)
            made = Aval(tuple(found.handle.shape), numpy.dtype(found.handle.dtype))
            assert found.aval == made, f"{args[:2]} makes {made}, not {found.aval}"
            return found

        return run

    for name in ("output", "vjp"):
        monkeypatch.setattr(Builder, name, checked(getattr(Builder, name)))


@pytest.fixture
def graphs_one_by_one(monkeypatch, steps_are_declared):
    """What stands in graphs only is run like an eager op, each step of which is looked at."""

    def begin(self, context):
        self.context = context

    monkeypatch.setattr(ImperativeBuilder, "__init__", begin)
    with minpy.PreferMXNetPolicy():
        yield
