"""A convolutional network that is one symbol of MXNet, its loss included.

The "CNN Tutorial". The symbol takes the labels, so the model has a ``forward_batch``; what it gives are
probabilities.
"""

from __future__ import annotations

from examples.nn import program
from minpy.core import Function
from minpy.nn import layers
from minpy.nn.model import ModelBase
from minpy.nn.solver import Solver

# isort: split
import mxnet as mx  # behind minpy, which prepares it for today's NumPy

batch_size = 128
input_size = (3, 32, 32)
hidden_size = 512
num_classes = 10


class ConvolutionNet(ModelBase):
    def __init__(self):
        super().__init__()
        # Define symbols that using convolution and max pooling to extract better features from input image.
        net = mx.sym.Variable(name="X")
        net = mx.sym.Convolution(data=net, name="conv", kernel=(7, 7), num_filter=32)
        net = mx.sym.Activation(data=net, act_type="relu")
        net = mx.sym.Pooling(data=net, name="pool", pool_type="max", kernel=(2, 2), stride=(2, 2))
        net = mx.sym.Flatten(data=net)
        net = mx.sym.FullyConnected(data=net, name="fc1", num_hidden=hidden_size)
        net = mx.sym.Activation(data=net, act_type="relu")
        net = mx.sym.FullyConnected(data=net, name="fc2", num_hidden=num_classes)
        net = mx.sym.SoftmaxOutput(data=net, name="softmax", normalization="batch")
        # Create forward function and add parameters to this model.
        input_shapes = {"X": (batch_size, *input_size), "softmax_label": (batch_size,)}
        self.cnn = Function(net, input_shapes=input_shapes, name="cnn")
        self.add_params(self.cnn.get_params())

    def forward_batch(self, batch, mode):
        return self.cnn(X=batch.data[0], softmax_label=batch.label[0], **self.params)

    def loss(self, predict, y):
        return layers.softmax_cross_entropy(predict, y)


def main(arguments: list[str] | None = None) -> Solver:
    options = program.start(__doc__, arguments, data="CIFAR-10")
    return program.train(
        ConvolutionNet(),
        program.scaled(program.cifar10(options)),
        batch_size,
        options,
        init_rule="xavier",
        update_rule="sgd_momentum",
        optim_config={"learning_rate": 1e-2, "momentum": 0.9},
    )


if __name__ == "__main__":
    main()
