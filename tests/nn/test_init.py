"""``minpy.nn.init``: distributions beside their laws, and what makes no sense refused."""

from __future__ import annotations

import math

import numpy
import pytest
import scipy.stats

import minpy
import minpy.numpy as np
from minpy.nn import init

MATRIX, KERNEL = (60, 90), (32, 16, 3, 5)  # a kernel has 16 * 15 inputs and 32 * 15 outputs
ROOT = math.sqrt
DISTRIBUTIONS = [
    ("gaussian", {}, MATRIX, scipy.stats.norm(0, 0.001)),
    ("gaussian", {"mu": 2.0, "stdvar": 0.5}, KERNEL, scipy.stats.norm(2, 0.5)),
    ("uniform", {}, MATRIX, scipy.stats.uniform(-0.07, 0.14)),
    ("uniform", {"low": 1, "high": 3}, (4000,), scipy.stats.uniform(1, 2)),
    ("xavier", {}, MATRIX, scipy.stats.uniform(-ROOT(6 / 150), 2 * ROOT(6 / 150))),
    ("xavier", {}, KERNEL, scipy.stats.uniform(-ROOT(6 / 720), 2 * ROOT(6 / 720))),
    ("xavier", {"gain": 2, "distribution": "gaussian"}, MATRIX, scipy.stats.norm(0, 2 * ROOT(2 / 150))),
    ("he", {}, MATRIX, scipy.stats.norm(0, ROOT(2 / 60))),
    ("he", {}, KERNEL, scipy.stats.norm(0, ROOT(2 / 240))),
    ("he", {"fan": "out"}, KERNEL, scipy.stats.norm(0, ROOT(2 / 480))),
    (
        "he",
        {"gain": 1.0, "distribution": "uniform"},
        MATRIX,
        scipy.stats.uniform(-ROOT(3 / 60), 2 * ROOT(3 / 60)),
    ),
]


@pytest.mark.parametrize("rule, config, shape, law", DISTRIBUTIONS, ids=lambda x: str(x)[:30])
def test_distribution(rule, config, shape, law):
    values = init.initialize(rule, shape, config)
    assert values.dtype == numpy.float32 and values.shape == shape
    assert scipy.stats.kstest(values.asnumpy().ravel(), law.cdf).pvalue > 0.01
    numpy.random.seed(7)
    once, other = (init.initialize(rule, shape, config).tolist() for _ in range(2))
    np.random.seed(7)
    assert init.initialize(rule, shape, config).tolist() == once != other


@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (5, 3), (4, 2, 2, 3)])
def test_orthogonal(shape):
    q = init.RULES["orthogonal"](shape, {"gain": 1.5}).reshape(shape[0], -1) / 1.5
    product = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    numpy.testing.assert_allclose(product, numpy.eye(len(product)), atol=1e-12)


def test_orthogonal_matrices_have_no_preferred_direction():
    """The first element of a random rotation has the law of a cosine; with QR's own signs it has not."""
    found = [init.RULES["orthogonal"]((2, 2))[0, 0] for _ in range(2000)]
    assert scipy.stats.kstest(numpy.arccos(found), scipy.stats.uniform(0, math.pi).cdf).pvalue > 0.01


def test_constants():
    assert init.initialize("constant", (2, 3)).tolist() == [[0] * 3] * 2
    assert init.initialize("constant", (2,), {"value": 1.5}).tolist() == [1.5, 1.5]
    assert init.initialize("constant", (2, 2), {"value": np.identity(2) * 3}).tolist() == [[3, 0], [0, 3]]
    given = numpy.arange(3.0)
    made = init.initialize("constant", (2, 3), {"value": given})
    made[0, 0] = 9
    assert made.tolist() == [[9, 1, 2], [0, 1, 2]] and given.tolist() == [0, 1, 2]
    assert init.initialize("identity", (2, 3), {"gain": 0.5}).tolist() == [[0.5, 0, 0], [0, 0.5, 0]]
    kernel = init.initialize("identity", (2, 2, 3, 3))
    image = numpy.random.standard_normal((1, 2, 5, 5)).astype("float32")
    assert minpy.nn.layers.convolution(image, kernel, padding=1).tolist() == image.tolist()


def test_functions():
    assert init.initialize("custom", (2,), {"function": numpy.ones}).tolist() == [1, 1]
    assert init.initialize("custom", (2,), {"function": np.ones}).tolist() == [1, 1]
    assert init.initialize(
        lambda shape, config: numpy.full(shape, config["at"]), (1,), {"at": 3}
    ).tolist() == [3]


@pytest.mark.parametrize("rule", ["xavier", "he", "orthogonal", "identity"])
def test_biases_are_zero(rule):
    assert init.initialize(rule, (3,)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("rule", sorted(init.RULES))
def test_dtypes_and_empty_shapes(rule):
    config = {"function": numpy.zeros} if rule == "custom" else {}
    assert init.initialize(rule, (2, 2), config, dtype="float64").dtype == numpy.float64
    for shape in ((), (0,), (0, 3), (3, 0)):
        assert init.initialize(rule, shape, config).shape == shape
    minpy.set_default_dtype("float64")
    assert init.initialize(rule, (2, 2), config).dtype == numpy.float64


@pytest.mark.parametrize(
    "rule, config, message",
    [
        (
            "gausian",
            {},
            "parameter 'w1': there is no initialization rule 'gausian'; there are 'constant', 'custom'",
        ),
        (
            "gaussian",
            {"stddev": 1},
            "parameter 'w1': the rule 'gaussian' has no setting 'stddev'; it has 'mu', 'stdvar'",
        ),
        ("constant", {"value": numpy.ones(4)}, r"parameter 'w1': the value has the shape \(4,\)"),
        ("custom", {}, "parameter 'w1': the rule 'custom' needs a function"),
        ("custom", {"function": lambda shape: numpy.ones(3)}, r"made an array \(3,\), not \(2, 2\)"),
        ("xavier", {"distribution": "normal"}, "parameter 'w1': the distribution is 'uniform' or 'gaussian'"),
        ("he", {"fan": "avg"}, "parameter 'w1': fan is 'in' or 'out', not 'avg'"),
    ],
)
def test_what_makes_no_sense_is_refused(rule, config, message):
    with pytest.raises(ValueError, match=message):
        init.initialize(rule, (2, 2), config, name="w1")
