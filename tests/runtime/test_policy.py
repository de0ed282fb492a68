"""Policies, and what the debug log says about crossings between the libraries."""

from __future__ import annotations

import logging
import threading

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.dispatch import policy
from minpy.errors import PolicyError


def uses_mxnet(array):
    return array._value._mxnet is not None


def test_prefer_mxnet_is_the_default_and_falls_back():
    assert isinstance(minpy.get_global_policy(), policy.PreferMXNetPolicy)
    assert np.policy is minpy.get_global_policy()
    x = np.ones(3)
    assert uses_mxnet(np.tanh(x))
    assert not uses_mxnet(np.median(x))
    numpy.testing.assert_allclose(np.floor_divide(x, 2).asnumpy(), [0, 0, 0])


def test_only_numpy():
    with policy.OnlyNumPyPolicy():
        assert not uses_mxnet(np.tanh(np.ones(3)))
    assert uses_mxnet(np.tanh(np.ones(3)))


def test_only_mxnet_refuses_what_mxnet_lacks():
    with policy.OnlyMXNetPolicy():
        assert uses_mxnet(np.tanh(np.ones(3)))
        with pytest.raises(PolicyError, match="floor_divide"):
            np.floor_divide(np.ones(3), 2)
    assert np.floor_divide(np.ones(3), 2).shape == (3,)


def test_global_policy_by_name_and_object():
    try:
        minpy.set_global_policy("only_numpy")
        assert isinstance(np.policy, policy.OnlyNumPyPolicy)
        minpy.set_global_policy(policy.PreferMXNetPolicy())
        assert isinstance(minpy.get_global_policy(), policy.PreferMXNetPolicy)
        for wrong in ("numpy_only", 3, None, policy.OnlyNumPyPolicy):
            with pytest.raises(PolicyError):
                minpy.set_global_policy(wrong)
    finally:
        minpy.set_global_policy("prefer_mxnet")


def test_wrap_policy():
    @minpy.wrap_policy(policy.OnlyNumPyPolicy())
    def f(x):
        return np.tanh(x)

    assert not uses_mxnet(f(np.ones(2)))
    with pytest.raises(PolicyError):
        minpy.wrap_policy("only_numpy")


def test_policy_belongs_to_its_thread_and_ends_with_an_error():
    found = []
    with pytest.raises(KeyError), policy.OnlyNumPyPolicy():
        thread = threading.Thread(target=lambda: found.append(uses_mxnet(np.tanh(np.ones(2)))))
        thread.start()
        thread.join()
        raise KeyError
    assert found == [True]
    assert uses_mxnet(np.tanh(np.ones(2)))


def test_crossings_are_logged(caplog):
    with caplog.at_level(logging.DEBUG, logger="minpy.array"):
        y = np.exp(np.zeros((10, 20)))
        np.median(y)
    assert [record.getMessage() for record in caplog.records] == [
        "NumPy array to MXNet array, float32[10,20], no copy",
        "MXNet array to NumPy array, float32[10,20], no copy",
    ]


def test_libraries_share_memory():
    x = np.ones((2, 3))
    view = x.asmxnet()
    x[0, 0] = 7
    assert view.asnumpy()[0, 0] == 7
    y = np.exp(x)
    numpy.asarray(y)[1, 1] = -1
    assert float(y[1, 1]) == -1
    own = y.asnumpy()
    own[:] = 0
    assert float(y[1, 1]) == -1
