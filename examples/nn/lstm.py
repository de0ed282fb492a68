"""A long short-term memory (LSTM) on the adding problem.

The "RNN Tutorial". In the adding problem a network reads numbers, two of which are marked, and gives the sum
of those two. A mean squared error below 0.1767 is better than always to answer 1.
"""

from __future__ import annotations

import minpy.numpy as np
from examples.nn import program
from minpy.nn import layers
from minpy.nn.model import ModelBase
from minpy.nn.solver import Solver


class LSTMNet(ModelBase):
    def __init__(self, input_size=2, hidden_size=100, num_classes=1):
        super().__init__()
        self.add_param(name="Wx", shape=(input_size, 4 * hidden_size))
        self.add_param(name="Wh", shape=(hidden_size, 4 * hidden_size))
        self.add_param(name="b", shape=(4 * hidden_size,))
        self.add_param(name="Wa", shape=(hidden_size, num_classes))
        self.add_param(name="ba", shape=(num_classes,))

    def forward(self, X, mode):
        batch_size, seq_len = X.shape[0], X.shape[1]
        hidden_size = self.params["Wh"].shape[0]
        h = np.zeros((batch_size, hidden_size))
        c = np.zeros((batch_size, hidden_size))
        for t in range(seq_len):
            h, c = layers.lstm_step(X[:, t, :], h, c, self.params["Wx"], self.params["Wh"], self.params["b"])
        return layers.affine(h, self.params["Wa"], self.params["ba"])

    def loss(self, predict, y):
        return layers.l2_loss(predict, y)


def main(arguments: list[str] | None = None) -> Solver:
    options = program.start(__doc__, arguments)
    return program.train(
        LSTMNet(),
        program.adding_problem(),
        100,
        options,
        init_rule="xavier",
        update_rule="adam",
        task_type="regression",
    )


if __name__ == "__main__":
    main()
