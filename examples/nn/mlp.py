"""A perceptron with two layers, in plain NumPy.

The tutorial "Complete solver and optimizer guide", stage 1.
"""

from __future__ import annotations

import minpy.numpy as np
from examples.nn import program
from minpy.nn import layers
from minpy.nn.io import NDArrayIter
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

    def forward(self, X, mode):
        # Flatten the input data to matrix.
        X = np.reshape(X, (batch_size, flattened_input_size))
        # First affine layer (fully-connected layer).
        y1 = layers.affine(X, self.params["w1"], self.params["b1"])
        # ReLU activation.
        y2 = layers.relu(y1)
        # Second affine layer.
        return layers.affine(y2, self.params["w2"], self.params["b2"])

    def loss(self, predict, y):
        # Compute softmax loss between the output and the label.
        return layers.softmax_loss(predict, y)


def main(arguments: list[str] | None = None) -> Solver:
    options = program.start(__doc__, arguments, data="CIFAR-10")
    data = program.cifar10(options)
    # Create data iterators for training and testing sets.
    train_dataiter = NDArrayIter(data["X_train"], data["y_train"], batch_size=batch_size, shuffle=True)
    test_dataiter = NDArrayIter(data["X_test"], data["y_test"], batch_size=batch_size, shuffle=False)
    # Create solver.
    solver = Solver(
        TwoLayerNet(),
        train_dataiter,
        test_dataiter,
        init_rule="gaussian",
        init_config={"stdvar": 0.001},
        update_rule="sgd_momentum",
        optim_config={"learning_rate": 1e-4, "momentum": 0.9},
        print_every=20,
        **options.solver,
    )
    # Initialize model parameters.
    solver.init()
    # Train!
    solver.train()
    program.explain(solver, options)
    return solver


if __name__ == "__main__":
    main()
