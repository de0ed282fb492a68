"""Transparent Fallback."""

from __future__ import annotations

import logging

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy import set_global_policy
from minpy.dispatch import policy
from tests.spec.test_02_logistic_regression import gaussian_clusters


def test_policies_stand_in_both_places():
    for name in ("PreferMXNetPolicy", "OnlyNumPyPolicy", "OnlyMXNetPolicy", "BlacklistPolicy"):
        assert getattr(minpy, name) is getattr(policy, name)
        set_global_policy(getattr(policy, name)())
    assert isinstance(minpy.get_global_policy(), policy.BlacklistPolicy)


def test_log_of_conversions(caplog):
    caplog.set_level(logging.DEBUG, logger="minpy.array")
    set_global_policy(minpy.BlacklistPolicy(["cosh"]))  # MXNet has it today: make it one that is NumPy's
    x = np.exp(np.zeros((10, 20)))
    y = np.cosh(x)
    z = np.log(y)
    numpy.testing.assert_allclose(z.asnumpy(), numpy.log(numpy.cosh(numpy.ones((10, 20)))), rtol=1e-6)
    ways = [record.message.split(", float")[0] for record in caplog.records]
    to_numpy, to_mxnet = "MXNet array to NumPy array", "NumPy array to MXNet array"
    assert ways == [to_mxnet, to_numpy, to_mxnet, to_numpy]  # for exp, cosh, log and asnumpy


@pytest.mark.parametrize("make", [minpy.PreferMXNetPolicy, minpy.OnlyNumPyPolicy])
def test_normal_numbers_with_arrays_for_parameters(make):
    """The program that raised at that time."""
    with make():
        x, y = gaussian_clusters(100, 50, 5, np)
    numpy.random.seed(0)
    expected, _ = gaussian_clusters(100, 50, 5, numpy)
    numpy.testing.assert_allclose(x.asnumpy(), expected, atol=1e-6)
    assert y.asnumpy().sum(axis=0).tolist() == 5 * [20]


def test_blacklist_that_is_made_while_running(tmp_path):
    p = minpy.AutoBlacklistPolicy(gen_rule=True, append_rule=True, path=tmp_path / "rules.json")
    set_global_policy(p)
    with p:
        x, _ = gaussian_clusters(100, 50, 5, np)
    assert gaussian_clusters(100, 50, 5, np)[0].shape == x.shape == (100, 50)
    assert p.op_stat()["numpy"]["normal"] == 10 and "normal" not in p.op_stat()["mxnet"]
