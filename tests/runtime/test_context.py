"""Devices."""

from __future__ import annotations

import copy
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


def test_there_is_one_object_for_each_device():
    assert cpu() is cpu(0) is pickle.loads(pickle.dumps(cpu())) is copy.deepcopy(cpu())
    assert cpu(1) is not cpu() and cpu(1) != cpu()
    with cpu(1), cpu(1):
        assert current_context() is cpu(1)
    assert current_context() is cpu()


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


def test_what_numpy_gives_stays_on_the_device():
    with cpu(1):
        a = np.array([[1.0, 3.0], [2.0, 0.5]])
    made = (np.nanmedian(a), np.unique(a), np.histogram(a)[1], a.view("int32"), np.linalg.svd(a, False)[1])
    made += (
        np.quantile(a, 0.3),
        np.quantile(a=a, q=0.3),
        np.histogram2d(a[0], a[1])[0],
        np.kron(a, a),
        np.pad(a, 1),
    )
    assert {x.context for x in (*made, a.sum(), a[0], np.median(a, axis=0), a > 1, a.copy())} == {cpu(1)}
    with pytest.raises(ContextError, match="as_in_context"):
        np.interp(np.ones(2), a[0], a[1])


def test_moving():
    a = np.array([1.0, 2.0, 3.0])
    assert a.as_in_context(cpu()) is a
    moved = a.as_in_context(cpu(1))
    assert (moved.context, moved.as_in_context(cpu(0)).context) == (cpu(1), cpu(0))
    assert a.sum().as_in_context(cpu(1)).is_scalar and "context=cpu(1)" in repr(moved)
    moved[0] = 9.0
    assert a.tolist() == [1, 2, 3]
    for wrong in ("cpu", 0, None):
        with pytest.raises(ContextError, match="as_in_context takes a context"):
            a.as_in_context(wrong)


@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "jit"])
def test_a_gradient_comes_back_to_where_the_array_is(wrap):
    with cpu(1):
        weights = np.array([1.0, -2.0, 0.5])

    def loss(x):
        return np.sum((x * x).as_in_context(cpu(1)) * weights)

    x = np.array([1.0, 2.0, 3.0])
    gradient = minpy.grad(wrap(loss))(x)
    assert gradient.context == cpu()
    numpy.testing.assert_allclose(gradient.asnumpy(), 2 * x.asnumpy() * weights.asnumpy())


@pytest.mark.parametrize("wrong", [-1, "0", None, 1.5, True])
def test_bad_device_numbers(wrong):
    with pytest.raises(ContextError, match="device number"):
        cpu(wrong)


def test_gpu_that_is_not_there():
    with pytest.raises(ContextError, match=rf"gpu\({num_gpus()}\)"):
        gpu(num_gpus())
