"""Complete solver and optimizer guide, stages 1 to 3."""

from __future__ import annotations

import re

import mxnet as mx
import numpy

import minpy.numpy as np
from minpy.core import Function, grad_and_loss
from minpy.nn import layers
from minpy.nn.model import ModelBase
from tests.spec.images import (
    assert_trains,
    batch_size,
    flattened_input_size,
    hidden_size,
    input_size,
    iterators,
    num_classes,
)
from tests.spec.test_07_cnn import ConvolutionNet as SymbolNet


class TwoLayerNet(ModelBase):
    def __init__(self):
        super().__init__()
        self.add_param(name="w1", shape=(flattened_input_size, hidden_size)).add_param(
            name="b1", shape=(hidden_size,)
        ).add_param(name="w2", shape=(hidden_size, num_classes)).add_param(name="b2", shape=(num_classes,))

    def forward(self, X, mode):
        X = np.reshape(X, (batch_size, 3 * 32 * 32))
        y1 = layers.affine(X, self.params["w1"], self.params["b1"])
        y2 = layers.relu(y1)
        y3 = layers.affine(y2, self.params["w2"], self.params["b2"])
        return y3

    def loss(self, predict, y):
        return layers.softmax_loss(predict, y)


def test_stage_1_pure_minpy(capsys):
    solver = assert_trains(TwoLayerNet())
    lines = capsys.readouterr().out.splitlines()
    first, second = (line for line in lines if line.startswith("(Iteration"))
    assert re.fullmatch(r"\(Iteration 1 / 32\) loss: \d+\.\d{6}", first)
    assert second.startswith("(Iteration 21 / 32) loss: ")
    assert float(first.split()[-1]) == round(solver.loss_history[0], 6)
    epochs = [line for line in lines if line.startswith("(Epoch")]
    assert re.match(r"\(Epoch 4 / 4\) train acc: \d\.\d+; val_acc: \d\.\d+", epochs[-1])


class NormalizedNet(TwoLayerNet):
    def __init__(self):
        super().__init__()
        self.add_param(
            name="gamma", shape=(hidden_size,), init_rule="constant", init_config={"value": 1.0}
        ).add_param(name="beta", shape=(hidden_size,), init_rule="constant").add_aux_param(
            name="running_mean", value=None
        ).add_aux_param(name="running_var", value=None)

    def forward(self, X, mode):
        X = np.reshape(X, (batch_size, 3 * 32 * 32))
        y1 = layers.affine(X, self.params["w1"], self.params["b1"])
        y2 = layers.relu(y1)
        y3, self.aux_params["running_mean"], self.aux_params["running_var"] = layers.batchnorm(
            y2,
            self.params["gamma"],
            self.params["beta"],
            running_mean=self.aux_params["running_mean"],
            running_var=self.aux_params["running_var"],
        )
        y4 = layers.affine(y3, self.params["w2"], self.params["b2"])
        y5 = layers.dropout(y4, 0.5, mode=mode)
        return y5


def test_stage_1_batch_normalization_and_dropout():
    model = NormalizedNet()
    assert_trains(model, keep_best=False, num_epochs=6)
    # Auxiliary parameters follow the batches; the rules of the parameters' own went before the solver's.
    assert numpy.all(numpy.asarray(model.aux_params["running_mean"]) > 0)
    assert 0.5 < float(np.mean(model.params["gamma"])) < 1.5


class ConvolutionNet(ModelBase):
    """MXNet's symbol ahead, NumPy behind it."""

    def __init__(self):
        super().__init__()
        net = mx.sym.Variable(name="X")
        net = mx.sym.Convolution(data=net, name="conv", kernel=(7, 7), num_filter=4)
        net = mx.sym.Activation(data=net, act_type="relu")
        net = mx.sym.Pooling(data=net, name="pool", pool_type="max", kernel=(2, 2), stride=(2, 2))
        net = mx.sym.Flatten(data=net)
        self.conv = Function(net, input_shapes={"X": (batch_size, *input_size)}, name="conv")
        self.add_params(self.conv.get_params())
        output_shape = self.conv.get_one_output_shape()
        conv_out_size = output_shape[1]
        self.add_param(name="w1", shape=(conv_out_size, hidden_size)).add_param(
            name="b1", shape=(hidden_size,)
        ).add_param(name="w2", shape=(hidden_size, num_classes)).add_param(name="b2", shape=(num_classes,))

    def forward(self, X, mode):
        out = self.conv(X=X, **self.params)
        out = layers.affine(out, self.params["w1"], self.params["b1"])
        out = layers.relu(out)
        out = layers.affine(out, self.params["w2"], self.params["b2"])
        return out

    def loss(self, predict, y):
        return layers.softmax_loss(predict, y)


def test_stage_2_minpy_and_mxnet():
    model = ConvolutionNet()
    assert model.conv.get_one_output_shape() == (batch_size, 4 * 13 * 13)
    assert model.param_configs["conv_weight"]["shape"] == (4, 3, 7, 7)
    assert_trains(model)


def test_stage_3_pure_mxnet():
    assert_trains(SymbolNet())


weight_decay = 0.001


class RegularizedNet(SymbolNet):
    def loss(self, predict, y):
        reg_loss = 0.0
        for weight in self.params.values():
            reg_loss += np.sum(weight**2) * 0.5
        return layers.softmax_cross_entropy(predict, y) + weight_decay * reg_loss


def test_stage_3_mxnet_and_minpy():
    """SoftmaxOutput has a gradient of its own in MXNet, to which that of the penalty is added."""
    penalized, plain = RegularizedNet(), SymbolNet()
    assert_trains(penalized, num_epochs=3)
    batch = next(iterators()[1])

    def gradient(model):
        def loss(w):
            model.params["fc1_weight"] = w
            return model.loss_batch(batch, model.forward_batch(batch, "train"))

        return grad_and_loss(loss)(w)

    w = penalized.params["fc1_weight"]
    plain.params.update(penalized.params)
    (with_penalty, larger), (without, smaller) = gradient(penalized), gradient(plain)
    numpy.testing.assert_allclose((with_penalty - without).asnumpy(), weight_decay * w.asnumpy(), atol=1e-7)
    squares = sum(numpy.sum(value.asnumpy() ** 2) for value in penalized.params.values())
    numpy.testing.assert_allclose(float(larger - smaller), weight_decay * 0.5 * squares, rtol=1e-4)
