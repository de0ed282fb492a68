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
from minpy.runtime.policy import current_policy


def uses_mxnet(array):
    return array._value._mxnet is not None


def test_prefer_mxnet_is_the_default_and_falls_back():
    assert isinstance(minpy.get_global_policy(), policy.PreferMXNetPolicy)
    assert np.policy is minpy.get_global_policy()
    x = np.ones(3)
    assert uses_mxnet(np.tanh(x))
    assert not uses_mxnet(np.unwrap(x))
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
        with pytest.raises(PolicyError, match=r"unwrap under OnlyMXNetPolicy\(\)"):
            np.unwrap(np.ones(3))
    assert np.floor_divide(np.ones(3), 2).shape == (3,)


def test_only_mxnet_lets_numpy_make_arrays_and_answer_questions():
    with policy.OnlyMXNetPolicy():
        x = np.random.rand(2, 3) + np.arange(3.0) + np.zeros(3)
        assert np.shape(x) == (2, 3)
        assert np.result_type(x) == numpy.float32
        assert x[1:].T.shape == (3, 1)


def test_global_policy_by_name_and_object(everywhere):
    for name, kind in everywhere.items():
        minpy.set_global_policy(name)
        assert type(np.policy) is type(minpy.get_global_policy()) is kind
        assert np.policy.name == name
    mine = policy.PreferMXNetPolicy()
    minpy.set_global_policy(mine)
    assert np.policy is minpy.get_global_policy() is mine
    for wrong in ("numpy_only", "", 3, None, policy.OnlyNumPyPolicy):
        with pytest.raises(PolicyError):
            minpy.set_global_policy(wrong)
    with pytest.raises(PolicyError, match="'auto_blacklist'"):
        minpy.set_global_policy("none")
    assert np.policy is mine


@pytest.fixture
def everywhere(monkeypatch, tmp_path):
    """The policies by name, with files in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(policy.AutoPolicy, "spent", 0.0)
    return {
        "prefer_mxnet": policy.PreferMXNetPolicy,
        "only_numpy": policy.OnlyNumPyPolicy,
        "only_mxnet": policy.OnlyMXNetPolicy,
        "blacklist": policy.BlacklistPolicy,
        "auto_blacklist": policy.AutoBlacklistPolicy,
        "auto": policy.AutoPolicy,
    }


def test_every_policy_as_block_decorator_and_for_the_process(everywhere):
    x = np.array(numpy.linspace(-1, 1, 12).reshape(3, 4))
    expected = numpy.tanh(numpy.asarray(x)).sum(axis=1) / 2
    for name, kind in everywhere.items():
        made = kind()

        def f():
            return np.sum(np.tanh(x), axis=1) / 2

        minpy.set_global_policy(name)
        with made:
            assert current_policy() is made
            numpy.testing.assert_allclose(f(), expected, rtol=1e-12)
        assert current_policy() is np.policy is not made
        numpy.testing.assert_allclose(minpy.wrap_policy(made)(f)(), expected, rtol=1e-12)
        numpy.testing.assert_allclose(f(), expected, rtol=1e-12)
        runs = [sum(of.values()) for of in made.op_stat().values()]
        assert sum(runs) == 2 * 3
        assert sum(sum(of.values()) for of in np.policy.op_stat().values()) == 3


def test_public_in_both_places(everywhere):
    for kind in (*everywhere.values(), policy.Policy):
        assert getattr(minpy, kind.__name__) is kind
        assert kind.__name__ in minpy.__all__
        assert kind.__name__ in policy.__all__


def test_which_policies_let_compiled_graphs_run(everywhere):
    for kind in everywhere.values():
        f = minpy.jit(lambda x: np.tanh(x) * 2)
        with kind():
            f(np.ones(3))
        assert minpy.explain(f).compilations == (kind is not policy.OnlyNumPyPolicy)


def test_wrap_policy():
    @minpy.wrap_policy(policy.OnlyNumPyPolicy())
    def f(x):
        """What f does."""
        return np.tanh(x)

    assert not uses_mxnet(f(np.ones(2)))
    assert uses_mxnet(np.tanh(np.ones(2)))
    assert (f.__name__, f.__doc__) == ("f", "What f does.")
    for wrong in ("only_numpy", policy.OnlyNumPyPolicy, None):
        with pytest.raises(PolicyError):
            minpy.wrap_policy(wrong)


def test_wrap_policy_ends_with_an_error():
    @minpy.wrap_policy(policy.OnlyNumPyPolicy())
    def f():
        raise KeyError

    with pytest.raises(KeyError):
        f()
    assert uses_mxnet(np.tanh(np.ones(2)))


def test_policy_belongs_to_its_thread_and_ends_with_an_error():
    found = []
    with pytest.raises(KeyError), policy.OnlyNumPyPolicy():
        thread = threading.Thread(target=lambda: found.append(uses_mxnet(np.tanh(np.ones(2)))))
        thread.start()
        thread.join()
        raise KeyError
    assert found == [True]
    assert uses_mxnet(np.tanh(np.ones(2)))


def test_blocks_nest_also_of_one_policy():
    numpys, mxnets = policy.OnlyNumPyPolicy(), policy.PreferMXNetPolicy()
    with numpys:
        with mxnets, numpys:
            assert current_policy() is numpys
        assert current_policy() is numpys
    assert current_policy() is np.policy


def test_policy_of_the_user():
    class NumPyForBigArrays(policy.Policy):
        def decide(self, op, values, params, context):
            return all(value.aval.size < 100 for value in values)

    with NumPyForBigArrays() as mine:
        assert uses_mxnet(np.tanh(np.ones(99)))
        assert not uses_mxnet(np.tanh(np.ones(100)))
        np.floor_divide(np.ones(2), np.ones(2))  # MXNet lacks it, so NumPy it is
    assert mine.op_stat() == {"mxnet": {"tanh": 1}, "numpy": {"ones": 4, "floor_divide": 1, "tanh": 1}}


def test_crossings_are_logged(caplog):
    with caplog.at_level(logging.DEBUG, logger="minpy.array"):
        y = np.exp(np.zeros((10, 20)))
        np.unwrap(y)
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


def test_errors_of_floats_raise_where_they_are_asked_for():
    x = np.array([1.0, 0.0])
    with numpy.errstate(all="raise"):
        for wrap in (lambda f: f, minpy.jit):
            for function in (lambda x: 1 / x, np.log, lambda x: np.exp(x * 1e4)):
                with pytest.raises(FloatingPointError):
                    wrap(function)(x)
    assert numpy.isinf(numpy.asarray(1 / x)).any()
