"""Select Context for MXNet."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
import minpy.numpy.random as random
from minpy.context import cpu, current_context, gpu, num_gpus, set_context
from minpy.errors import ContextError


@pytest.fixture(autouse=True)
def same_context():
    before = current_context()
    yield
    set_context(before)


def test_global_context():
    assert minpy.context.set_context is set_context
    set_context(cpu())
    assert np.ones(3).context == cpu() == current_context()
    if num_gpus():
        set_context(gpu(0))
        assert np.ones(3).context == gpu(0)
    else:
        with pytest.raises(ContextError, match="gpu"):
            set_context(gpu(0))
        assert current_context() == cpu()


@pytest.mark.parametrize("wrong", ["gpu", "cpu", 0, None])
def test_instances_only(wrong):
    with pytest.raises((TypeError, ContextError)):
        set_context(wrong)


def products():
    x = random.rand(32, 64) - 0.5
    y = random.rand(64, 32) - 0.5
    return np.dot(x, y), x.asnumpy() @ y.asnumpy()


def test_local_context():
    """Two devices side by side; those of the page are gpu(0) and gpu(1)."""
    devices = [gpu(i) for i in range(min(num_gpus(), 2))] or [cpu(0), cpu(1)]
    results = []
    for device in devices:
        with device:
            results.append(products())
            assert current_context() == device
    for device, (z, expected) in zip(devices, results):
        assert z.context == device
        numpy.testing.assert_allclose(z.asnumpy(), expected, rtol=1e-4, atol=1e-5)
    assert current_context() == cpu()
    with pytest.raises(ZeroDivisionError), devices[-1]:
        raise ZeroDivisionError
    assert current_context() == cpu()
