"""A perceptron with batch normalization and dropout, which do something else in training than in testing.

The tutorial "Complete solver and optimizer guide", stage 1. The running mean and variance are auxiliary
parameters: ``forward`` writes them, and no gradient changes them.
"""

from __future__ import annotations

import minpy.numpy as np
from examples.nn import program
from minpy.nn import layers
from minpy.nn.model import ModelBase
from minpy.nn.solver import Solver

batch_size = 128
flattened_input_size = 3 * 32 * 32
hidden_size = 512
num_classes = 10


class TwoLayerNet(ModelBase):
    def __init__(self):
        super().__init__()
        # Define model parameters.
        self.add_param(name="w1", shape=(flattened_input_size, hidden_size))
        self.add_param(name="b1", shape=(hidden_size,))
        self.add_param(name="w2", shape=(hidden_size, num_classes))
        self.add_param(name="b2", shape=(num_classes,))
        self.add_param(name="gamma", shape=(hidden_size,), init_rule="constant", init_config={"value": 1.0})
        self.add_param(name="beta", shape=(hidden_size,), init_rule="constant")
        self.add_aux_param(name="running_mean", value=None)
        self.add_aux_param(name="running_var", value=None)

    def forward(self, X, mode):
        # Flatten the input data to matrix.
        X = np.reshape(X, (batch_size, flattened_input_size))
        # First affine layer (fully-connected layer).
        y1 = layers.affine(X, self.params["w1"], self.params["b1"])
        # ReLU activation.
        y2 = layers.relu(y1)
        # Batch normalization.
        y3, self.aux_params["running_mean"], self.aux_params["running_var"] = layers.batchnorm(
            y2,
            self.params["gamma"],
            self.params["beta"],
            mode=mode,
            running_mean=self.aux_params["running_mean"],
            running_var=self.aux_params["running_var"],
        )
        # Dropout.
        y4 = layers.dropout(y3, 0.5, mode=mode)
        # Second affine layer.
        return layers.affine(y4, self.params["w2"], self.params["b2"])

    def loss(self, predict, y):
        return layers.softmax_loss(predict, y)


def main(arguments: list[str] | None = None) -> Solver:
    options = program.start(__doc__, arguments, data="CIFAR-10")
    return program.train(
        TwoLayerNet(),
        program.scaled(program.cifar10(options)),
        batch_size,
        options,
        init_rule="he",
        update_rule="sgd_momentum",
        optim_config={"learning_rate": 3e-3, "momentum": 0.9},
    )


if __name__ == "__main__":
    main()
