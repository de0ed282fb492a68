"""CNN Tutorial."""

from __future__ import annotations

import mxnet as mx

import minpy.nn.model_builder as builder
from minpy.core import Function
from minpy.nn import layers
from minpy.nn.model import ModelBase
from tests.spec.images import assert_trains, batch_size, hidden_size, input_size, num_classes


class ConvolutionNet(ModelBase):
    def __init__(self):
        super().__init__()
        net = mx.sym.Variable(name="X")
        net = mx.sym.Convolution(data=net, name="conv", kernel=(7, 7), num_filter=4)
        net = mx.sym.Activation(data=net, act_type="relu")
        net = mx.sym.Pooling(data=net, name="pool", pool_type="max", kernel=(2, 2), stride=(2, 2))
        net = mx.sym.Flatten(data=net)
        net = mx.sym.FullyConnected(data=net, name="fc1", num_hidden=hidden_size)
        net = mx.sym.Activation(data=net, act_type="relu")
        net = mx.sym.FullyConnected(data=net, name="fc2", num_hidden=num_classes)
        net = mx.sym.SoftmaxOutput(data=net, name="softmax", normalization="batch")
        input_shapes = {"X": (batch_size, *input_size), "softmax_label": (batch_size,)}
        self.cnn = Function(net, input_shapes=input_shapes, name="cnn")
        self.add_params(self.cnn.get_params())

    def forward_batch(self, batch, mode):
        out = self.cnn(X=batch.data[0], softmax_label=batch.label[0], **self.params)
        return out

    def loss(self, predict, y):
        return layers.softmax_cross_entropy(predict, y)


def test_cnn_as_a_symbol():
    model = ConvolutionNet()
    solver = assert_trains(model)
    # The network ends in probabilities, of which the model's loss is the cross-entropy.
    batch = next(solver.test_dataiter)
    solver.test_dataiter.reset()
    probabilities = model.forward_batch(batch, "test")
    assert abs(float(probabilities.sum()) - len(probabilities)) < 1e-3
    assert float(layers.softmax_cross_entropy(probabilities, batch.label[0])) < 2.5


def test_model_builder():
    net = builder.Sequential(
        builder.Convolution((7, 7), 4),
        builder.ReLU(),
        builder.Pooling("max", (2, 2), (2, 2)),
        builder.Flatten(),
        builder.Affine(hidden_size),
        builder.Affine(num_classes),
    )
    # The page gives the shape flat; it has to be the shape of the images, or as many numbers.
    model = builder.Model(net, "softmax", (3 * 32 * 32,))
    shapes = {config["shape"] for config in model.param_configs.values()}
    assert shapes >= {(4, 3, 7, 7), (4 * 13 * 13, hidden_size), (hidden_size, num_classes)}
    assert_trains(model)
