"""``ModelBase``: a step of a model is one graph, whatever ``forward`` reads and keeps."""

from __future__ import annotations

import types

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.errors import ModelError
from minpy.nn import functional
from minpy.nn.model import ModelBase
from minpy.testing import assert_compiled


class Recurrent(ModelBase):
    """As in the chapter RNN on MNIST: a state among the parameters, which forward sets to zero."""

    def __init__(self):
        super().__init__()
        self.add_param("Wx", (3, 4)).add_param("h0", (4,)).add_param("Wh", shape=(4, 4))
        self.add_params({"Wa": {"shape": (4, 2)}, "gamma": {"shape": 2}, "beta": {"shape": 2}})
        self.add_aux_param("mean").add_aux_param("var", value=None)

    def forward(self, X, mode):
        self.params["h0"][:] = 0
        h = self.params["h0"]
        for t in range(X.shape[1]):
            h = np.tanh(np.dot(X[:, t, :], self.params["Wx"]) + np.dot(h, self.params["Wh"]))
        y = np.dot(h, self.params["Wa"])
        if self.aux_params["mean"] is None:
            self.aux_params["mean"], self.aux_params["var"] = np.zeros(2), np.ones(2)
        y, self.aux_params["mean"], self.aux_params["var"] = functional.batch_norm(
            y,
            self.params["gamma"],
            self.params["beta"],
            self.aux_params["mean"],
            self.aux_params["var"],
            mode,
        )
        return y

    def loss(self, predict, y):
        decay = 0.0
        for _, weight in self.params.items():
            decay += np.sum(weight**2) * 0.5
        return np.mean((predict - y) ** 2) + 0.01 * decay


def started(model, seed=0):
    random = numpy.random.RandomState(seed)
    for name, config in model.param_configs.items():
        model.params[name] = np.array(random.standard_normal(config["shape"]).astype("float32"))
    return model


def batch_of(*arrays):
    *data, label = map(np.array, arrays)
    return types.SimpleNamespace(data=data, label=[label])


def step(model, batch):
    def loss(params):
        model.params = params
        return model.loss_batch(batch, model.forward_batch(batch, "train"))

    gradients, value = minpy.grad_and_loss(loss)(model.params)
    model.params = {name: weight - 0.1 * gradients[name] for name, weight in model.params.items()}
    return value


def test_a_step_is_one_graph_and_gives_what_it_gives_eagerly():
    draw = numpy.random.standard_normal
    batches = [batch_of(draw((5, 6, 3)).astype("float32"), draw((5, 2)).astype("float32")) for _ in range(5)]
    eager, compiled = started(Recurrent()), started(Recurrent())
    jitted = minpy.jit(step)
    for batch in batches:
        numpy.testing.assert_allclose(jitted(compiled, batch), step(eager, batch), rtol=1e-5)
        assert list(compiled.params) == ["Wx", "h0", "Wh", "Wa", "gamma", "beta"]
        for name, weight in eager.params.items():
            numpy.testing.assert_allclose(compiled.params[name], weight, rtol=1e-4, atol=1e-5)
        for name, value in eager.aux_params.items():
            numpy.testing.assert_allclose(compiled.aux_params[name], value, rtol=1e-4, atol=1e-6)
    assert_compiled(step, (compiled, batches[0]))
    assert jitted.cache_info().misses == 2  # for the second call the running statistics are arrays


class Line(ModelBase):
    def __init__(self):
        super().__init__()
        self.add_param("w", (2,)).add_aux_param("calls", 0)

    def forward(self, X):
        self.aux_params["calls"] = self.aux_params["calls"] + 1
        return np.dot(X, self.params["w"])

    def loss(self, predict, y):
        return np.sum((predict - y) ** 2)


@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit])
def test_forward_without_a_mode(wrap):
    x, y, w = numpy.eye(2, dtype="float32"), numpy.ones(2, "float32"), numpy.array([3, 5], "float32")
    model = Line()
    model.params["w"] = np.array(w)
    value = wrap(step)(model, batch_of(x, y))
    assert float(value) == 2**2 + 4**2
    numpy.testing.assert_allclose(model.params["w"], w - 0.1 * 2 * (w - y), rtol=1e-6)
    assert model.aux_params["calls"] == 1


def test_values_that_auxiliary_parameters_start_with():
    model = ModelBase().add_aux_params({"mean": {"value": numpy.zeros(3)}, "count": {"value": 7}})
    assert type(model.aux_params["mean"]) is type(np.zeros(3))
    assert model.aux_params["mean"].dtype == minpy.default_dtype()
    assert model.aux_params["count"].dtype == numpy.int64
    double = np.zeros(3, dtype="float64")
    assert model.add_aux_param("double", double).aux_params["double"] is double


@pytest.mark.parametrize(
    "declare, text",
    [
        (lambda m: m.add_param("w", (3,)), "has a parameter 'w' already"),
        (lambda m: m.add_aux_param("w"), "has a parameter 'w' already"),
        (lambda m: m.add_aux_param("mean").add_param("mean", 3), "has a parameter 'mean' already"),
        (lambda m: m.add_param("v", (3, 0)), r"'v': a shape is a tuple of positive integers, not \(3, 0\)"),
        (lambda m: m.add_param("v", 2.5), "positive integers, not 2.5"),
        (lambda m: m.add_param("v", 2, init="he"), "'v': there is no init; .* init_rule, init_config"),
        (lambda m: m.add_params({"v": (2, 3)}), "'v': its shape is missing"),
        (lambda m: m.add_param(3, (2,)), "the name of a parameter is a text, not 3"),
    ],
)
def test_wrong_declarations(declare, text):
    model = ModelBase().add_param("w", (2,))
    with pytest.raises(ModelError, match=text):
        declare(model)
    assert list(model.params) == ["w"]


def test_what_a_subclass_lacks():
    with pytest.raises(NotImplementedError, match=r"Empty has no forward\(self, X, mode\)"):
        type("Empty", (ModelBase,), {})().forward_batch(batch_of(1, 2), "test")
    with pytest.raises(NotImplementedError, match=r"Line has no loss"):
        type("Line", (ModelBase,), {"forward": Line.forward})().loss_batch(batch_of(1, 2), 3)
