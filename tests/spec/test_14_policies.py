"""Select Policy for Operations."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.dispatch.policy as policy
import minpy.numpy as np

A, B = numpy.ones((2, 2)), numpy.zeros((2, 2))


@pytest.mark.parametrize(
    ("name", "kind", "library"),
    [
        ("prefer_mxnet", policy.PreferMXNetPolicy, "mxnet"),
        ("only_numpy", policy.OnlyNumPyPolicy, "numpy"),
        ("only_mxnet", policy.OnlyMXNetPolicy, "mxnet"),
    ],
)
def test_global_policy(name, kind, library):
    minpy.set_global_policy(name)
    assert isinstance(np.policy, kind) and np.policy is minpy.get_global_policy()
    np.policy.reset_op_stat()
    np.log(np.array(A) + np.array(A))
    counts = np.policy.op_stat()
    assert counts[library]["log"] == counts[library]["add"] == 1


def test_names_only():
    for wrong in ("only_cupy", 3, None):
        with pytest.raises((ValueError, TypeError, minpy.errors.PolicyError)):
            minpy.set_global_policy(wrong)


def test_wrapped_function_has_a_policy_of_its_own():
    minpy.set_global_policy("prefer_mxnet")
    np.policy.reset_op_stat()
    inner = policy.OnlyNumPyPolicy()

    @minpy.wrap_policy(inner)
    def foo(a, b):
        return np.log(a + b)

    a = np.ones((2, 2))
    b = np.zeros((2, 2))
    c = a + b
    logarithm = foo(np.ones((2, 2)), np.zeros((2, 2)))
    c = a + b
    assert np.policy.op_stat()["mxnet"] == {"add": 2}
    assert inner.op_stat()["numpy"] == {"add": 1, "log": 1} and not inner.op_stat()["mxnet"]
    numpy.testing.assert_array_equal(c.asnumpy(), A + B)
    numpy.testing.assert_array_equal(logarithm.asnumpy(), numpy.log(A + B))
