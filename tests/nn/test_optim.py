"""``minpy.nn.optim`` beside PyTorch, the published formulas, and itself compiled."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.nn import optim
from tests.nn.optimizer_numbers import REFERENCE
from tests.nn.torch_optimizers import SAME, START, gradient


def walk(rule, w, config, steps):
    """The parameter after each step."""
    found = []
    for step in range(steps):
        w, config = rule(w, gradient(w, step, np.cos), config)
        found.append(w.asnumpy())
    return found


@pytest.mark.parametrize("key", SAME, ids=" ".join)
def test_beside_pytorch(key):
    name, settings = key
    rule, config = optim.RULES[name], eval(f"dict({settings})")
    step = minpy.jit(lambda w, dw, config: rule(w, dw, config), strict=True)
    expected = REFERENCE[key]
    for function in (rule, step):
        w = np.array(START, dtype="float64")
        state = optim.start(name, w, config)
        numpy.testing.assert_allclose(walk(function, w, state, len(expected)), expected, rtol=1e-12)
        before = {**optim.DEFAULTS[name], **config, **dict.fromkeys(optim.STATE[name], 0)}
        assert w.tolist() == list(START) and all(numpy.all(state[k] == v) for k, v in before.items())
    assert step.cache_info().misses == 1  # nothing that a step gives looks otherwise than what it takes
    found = walk(step, np.array(START, dtype="float32"), config, len(expected))
    assert found[-1].dtype == numpy.float32
    numpy.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_adam_of_the_paper():
    """Kingma and Ba (2015), algorithm 1, in NumPy; also in float32, where 1 - beta ** t would lose digits."""
    gradients = numpy.random.standard_normal((50, 7))
    m = v = numpy.zeros(7)
    w, expected = numpy.ones(7), []
    for t, g in enumerate(gradients, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - 0.01 * (m / (1 - 0.9**t)) / (numpy.sqrt(v / (1 - 0.999**t)) + 1e-8)
        expected.append(w)
    for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-6)):
        w, config = np.ones(7, dtype=dtype), {"learning_rate": 0.01}
        for g, after in zip(gradients, expected):
            w, config = optim.adam(w, np.array(g, dtype=dtype), config)
            numpy.testing.assert_allclose(w.asnumpy(), after, rtol=tolerance, atol=tolerance)
        assert config["t"].dtype == dtype and config["t"] == 50


def test_rules_of_the_documentation():
    """The calls of version 0.3.3: a dict with some settings, or none, and Python's own numbers as state."""
    w, dw = np.array([1.0, 2.0]), np.array([0.5, -1.0])
    assert optim.sgd(w, dw)[0].tolist() == [numpy.float32(0.995), numpy.float32(2.01)]
    once, config = optim.adam(w, dw, {"learning_rate": 0.1, "t": 0})
    numpy.testing.assert_allclose(once, [0.9, 2.1], rtol=1e-6)
    assert set(config) == {"learning_rate", "weight_decay", "beta1", "beta2", "epsilon", "m", "v", "t"}


def test_settings_that_there_are_not():
    w = np.zeros(3)
    with pytest.raises(ValueError, match="no setting 'momentun'; it has learning_rate, momentum, nesterov"):
        optim.start("sgd_momentum", w, {"momentun": 0.9})
    with pytest.raises(ValueError, match="no update rule 'adm'; there are sgd, sgd_momentum"):
        optim.start("adm", w)
    with pytest.raises(ValueError, match="'velocity' of the rule 'sgd_momentum'"):
        optim.start("sgd_momentum", w, {"velocity": np.zeros(2)})

    def own(w, dw, config):
        return w - config["speed"] * dw, config

    assert optim.start(own, w, {"speed": 2}) == {"speed": 2}


@pytest.mark.parametrize("limit", [0.1, 1.0, 1e6])
def test_clipping(limit):
    arrays = {"w": numpy.random.randn(4, 3), "b": [numpy.random.randn(2), (numpy.random.randn(1),)]}
    flat = numpy.concatenate([arrays["w"].ravel(), arrays["b"][0], arrays["b"][1][0]])
    nested = {"w": np.array(arrays["w"]), "b": [np.array(arrays["b"][0]), (np.array(arrays["b"][1][0]),)]}
    norm = numpy.sqrt((flat**2).sum())
    expected = flat * min(1, limit / norm)
    for clip in (optim.clip_by_global_norm, minpy.jit(optim.clip_by_global_norm, strict=True)):
        found, before = clip(nested, limit)
        numpy.testing.assert_allclose(before, norm, rtol=1e-12)
        parts = [found["w"].asnumpy().ravel(), found["b"][0].asnumpy(), found["b"][1][0].asnumpy()]
        numpy.testing.assert_allclose(numpy.concatenate(parts), expected, rtol=1e-12)
    for clip in (optim.clip_by_value, minpy.jit(optim.clip_by_value, strict=True)):
        found = clip(nested, limit)
        assert found["b"][1][0].tolist() == numpy.clip(arrays["b"][1][0], -limit, limit).tolist()


def test_gradients_of_zero_have_no_direction():
    clipped, norm = optim.clip_by_global_norm({"w": np.zeros(3)}, 1.0)
    assert norm == 0 and clipped["w"].tolist() == [0, 0, 0]
