"""The networks of ``minpy.nn.model_gallery`` have as many parameters as the published ones."""

from __future__ import annotations

import math

import numpy
import pytest

import minpy.numpy as np
from minpy.errors import ModelError
from minpy.nn import init, model_gallery
from minpy.nn.model_builder import Model
from minpy.testing import assert_compiled

# Torchvision's documentation of vgg11, ..., vgg16_bn and resnet18 has these numbers. Those of networks for
# CIFAR-10 are 0.27, 0.46, 0.66, 0.85 and 1.7 millions in table 6 of He et al. (2015). LeNet-5 with every
# connection is 156 + 2416 + 48120 + 10164 + 850.
COUNTS = [
    (lambda: model_gallery.lenet(), (28 * 28,), 61_706),
    (lambda: model_gallery.vgg(11), (3, 224, 224), 132_863_336),
    (lambda: model_gallery.vgg(13), (3, 224, 224), 133_047_848),
    (lambda: model_gallery.vgg(16), (3, 224, 224), 138_357_544),
    (lambda: model_gallery.vgg(19), (3, 224, 224), 143_667_240),
    (lambda: model_gallery.vgg(16, batch_norm=True), (3, 224, 224), 138_365_992),
    (lambda: model_gallery.resnet18(), (3, 224, 224), 11_689_512),
    (lambda: model_gallery.cifar_resnet(20), (3, 32, 32), 269_722),
    (lambda: model_gallery.cifar_resnet(32), (3, 32, 32), 464_154),
    (lambda: model_gallery.cifar_resnet(44), (3, 32, 32), 658_586),
    (lambda: model_gallery.cifar_resnet(56), (3, 32, 32), 853_018),
    (lambda: model_gallery.cifar_resnet(110), (3, 32, 32), 1_727_962),
    (lambda: model_gallery.mlp(512, 10), (3 * 32 * 32,), 3072 * 512 + 512 + 512 * 10 + 10),
]


@pytest.mark.parametrize(("make", "shape", "count"), COUNTS)
def test_number_of_parameters(make, shape, count):
    model = Model(make(), "softmax", shape)
    assert sum(math.prod(config["shape"]) for config in model.param_configs.values()) == count
    assert model.output_shape in ((1000,), (10,))
    assert f"{count:,}" in model.summary()


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: model_gallery.lenet(), (1, 28, 28)),
        (lambda: model_gallery.vgg(11, classes=5, batch_norm=True, hidden=16), (3, 32, 32)),
        (lambda: model_gallery.cifar_resnet(8), (3, 9, 9)),
        (lambda: model_gallery.resnet18(classes=5), (3, 33, 33)),
    ],
    ids=["lenet", "vgg", "cifar_resnet", "resnet18"],
)
def test_outputs_are_as_told_and_the_same_compiled(make, shape):
    model = Model(make(), "softmax", shape)
    for name, config in model.param_configs.items():
        model.params[name] = init.initialize(config["init_rule"], config["shape"], config.get("init_config"))
    X = np.array(numpy.random.standard_normal((2, *shape)).astype("float32"))

    def forward(X):
        return model.forward(X, "test")

    output = numpy.asarray(assert_compiled(forward, (X,)))
    numpy.testing.assert_allclose(output, forward(X), 1e-3, 1e-4)
    assert output.shape == (2, *model.output_shape)
    assert 0.05 < output.std() < 50  # the initial values keep the scale, however deep the network is


def test_shortcut_takes_every_second_pixel():
    x = numpy.random.standard_normal((1, 2, 5, 4))
    shortcut = model_gallery.PaddedShortcut()
    y = numpy.asarray(shortcut.forward(np.array(x), {}))
    assert y.shape[1:] == shortcut.output_shape((2, 5, 4)) == (4, 3, 2)
    assert numpy.array_equal(y[:, :2], x[:, :, ::2, ::2])
    assert not y[:, 2:].any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: model_gallery.cifar_resnet(21), r"6n \+ 2 layers, such as 20, 32 and 56, not 21"),
        (lambda: model_gallery.cifar_resnet(2), "not 2"),
        (lambda: model_gallery.vgg(12), "11, 13, 16, 19 layers, not 12"),
        (lambda: model_gallery.mlp(), r"such as mlp\(512, 10\)"),
    ],
)
def test_depths_that_there_are_not(wrong, message):
    with pytest.raises(ModelError, match=message):
        wrong()
