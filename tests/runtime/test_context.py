"""Devices."""

from __future__ import annotations

import pickle

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.context import cpu, current_context, gpu, num_gpus, set_context
from minpy.errors import ContextError


def test_arrays_remember_their_context():
    assert np.zeros(2).context == cpu() == current_context()
    assert repr(cpu()) == "cpu(0)"
    assert pickle.loads(pickle.dumps(cpu(1))) == cpu(1)


def test_with_block_restores_even_after_an_error():
    with pytest.raises(KeyError), cpu(1):
        assert current_context() == cpu(1)
        raise KeyError
    assert current_context() == cpu(0)


def test_set_context_takes_contexts_only():
    for wrong in ("cpu", 0, None, cpu):
        with pytest.raises(ContextError, match="set_context"):
            set_context(wrong)
    set_context(cpu(1))
    try:
        assert np.ones(1).context == cpu(1)
    finally:
        set_context(cpu())


def test_mixing_contexts_says_how_to_move():
    with cpu(1):
        other = np.ones(2)
    for function in (lambda x, y: x + y, minpy.jit(lambda x, y: x + y)):
        with pytest.raises(ContextError, match="as_in_context"):
            function(np.ones(2), other)
    numpy.testing.assert_array_equal((np.ones(2) + other.as_in_context(cpu(0))).asnumpy(), [2, 2])


@pytest.mark.parametrize("wrong", [-1, "0", None, 1.5, True])
def test_bad_device_numbers(wrong):
    with pytest.raises(ContextError, match="device number"):
        cpu(wrong)


def test_gpu_that_is_not_there():
    with pytest.raises(ContextError, match=rf"gpu\({num_gpus()}\)"):
        gpu(num_gpus())
