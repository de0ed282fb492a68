"""A convolutional network: a symbol of MXNet for its convolution, and NumPy for the rest.

The tutorial "Complete solver and optimizer guide", stage 2. Inside of a compiled step both are one graph.
"""

from __future__ import annotations

from examples.nn import program
from minpy.core import Function
from minpy.nn import layers, schedules
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
        # Create forward function and add parameters to this model.
        self.conv = Function(net, input_shapes={"X": (batch_size, *input_size)}, name="conv")
        self.add_params(self.conv.get_params())
        # Define parameters used for classification part.
        conv_out_size = self.conv.get_one_output_shape()[1]
        self.add_param(name="w1", shape=(conv_out_size, hidden_size))
        self.add_param(name="b1", shape=(hidden_size,))
        self.add_param(name="w2", shape=(hidden_size, num_classes))
        self.add_param(name="b2", shape=(num_classes,))

    def forward(self, X, mode):
        out = self.conv(X=X, **self.params)
        out = layers.affine(out, self.params["w1"], self.params["b1"])
        out = layers.relu(out)
        return layers.affine(out, self.params["w2"], self.params["b2"])

    def loss(self, predict, y):
        return layers.softmax_loss(predict, y)


def main(arguments: list[str] | None = None) -> Solver:
    options = program.start(__doc__, arguments, data="CIFAR-10")
    return program.train(
        ConvolutionNet(),
        program.scaled(program.cifar10(options)),
        batch_size,
        options,
        init_rule="he",
        update_rule="sgd_momentum",
        optim_config={"learning_rate": 5e-3, "momentum": 0.9},
        lr_schedule=schedules.warmup(36),
    )


if __name__ == "__main__":
    main()
