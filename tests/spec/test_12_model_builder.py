"""Complete model builder guide."""

from __future__ import annotations

import numpy

import minpy.nn.model_builder as builder
import minpy.numpy as np
from minpy.nn import layers, model_gallery
from tests.spec.images import assert_trains, hidden_size, iterators
from tests.spec.test_06_complete_solver_guide import TwoLayerNet


def perceptron():
    MLP = builder.Sequential(
        builder.Affine(hidden_size),
        builder.ReLU(),
        builder.Affine(10),
    )
    return builder.Model(MLP, "softmax", (3 * 32 * 32,))


def test_builder_gives_the_network_written_by_hand():
    built, by_hand = perceptron(), TwoLayerNet()
    shapes = {name: config["shape"] for name, config in by_hand.param_configs.items()}
    assert [config["shape"] for config in built.param_configs.values()] == list(shapes.values())
    for name, of_builder in zip(shapes, built.param_configs):
        value = np.random.normal(0, 0.1, shapes[name])
        by_hand.params[name] = built.params[of_builder] = value
    batch = next(iterators()[1])
    for mode in ("train", "test"):
        scores = [model.forward_batch(batch, mode) for model in (built, by_hand)]
        numpy.testing.assert_allclose(scores[0].asnumpy(), scores[1].asnumpy(), rtol=1e-5, atol=1e-5)
        losses = [float(model.loss_batch(batch, s)) for model, s in zip((built, by_hand), scores)]
        numpy.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_training_of_what_is_built():
    assert_trains(perceptron())


class Scale(builder.Module):
    """A module of one's own, by the four functions of the page."""

    def forward(self, input, params):
        return layers.relu(input * params["scale"])

    def output_shape(self, input_shape):
        return input_shape

    def parameter_shape(self, input_shape):
        return {"scale": input_shape}

    def parameter_settings(self):
        return {"scale": {"init_rule": "constant", "init_config": {"value": 1.0}}}


def test_customized_module():
    net = builder.Sequential(builder.Affine(hidden_size), Scale(), builder.Affine(10))
    model = builder.Model(net, "softmax", (3 * 32 * 32,))
    assert model.param_configs["scale"]["shape"] == (hidden_size,)
    assert_trains(model, keep_best=False)
    scale = model.params["scale"].asnumpy()
    assert numpy.all(numpy.abs(scale - 1) < 0.5) and scale.std() > 0  # it began at 1, and was trained


def test_gallery_has_networks_with_shortcuts():
    model = builder.Model(model_gallery.cifar_resnet(8), "softmax", (3, 32, 32))
    batch = next(iterators()[1])
    for name, config in model.param_configs.items():
        model.params[name] = np.random.normal(0, 0.1, config["shape"])
    assert model.forward_batch(batch, "train").shape == (32, 10)
