"""A recurrent network that reads handwritten digits, seven pixels at a time.

The tutorial "RNN on MNIST". The network sees a digit as a sequence of 112 patches, and says which one it was
only at the end.
"""

from __future__ import annotations

import numpy

import minpy.numpy as np
from examples.nn import program
from minpy.nn import layers, schedules
from minpy.nn.model import ModelBase
from minpy.nn.solver import Solver

batch_size = 50
patch_size = 7


class RNNNet(ModelBase):
    def __init__(self, input_size=7, hidden_size=64, num_classes=10):
        super().__init__()
        self.add_param(name="h0", shape=(batch_size, hidden_size))
        self.add_param(name="Wx", shape=(input_size, hidden_size))
        # The signal of h flows easily at the beginning.
        self.add_param(
            name="Wh",
            shape=(hidden_size, hidden_size),
            init_rule="constant",
            init_config={"value": np.identity(hidden_size)},
        )
        self.add_param(
            name="b",
            shape=(hidden_size,),
            init_rule="constant",
            init_config={"value": np.zeros(hidden_size)},
        )
        self.add_param(name="Wa", shape=(hidden_size, num_classes))
        self.add_param(name="ba", shape=(num_classes,))

    def forward(self, X, mode):
        seq_len = X.shape[1]
        # Nothing is remembered from the digits before.
        self.params["h0"][:] = 0
        h = self.params["h0"]
        for t in range(seq_len):
            h = layers.rnn_step(X[:, t, :], h, self.params["Wx"], self.params["Wh"], self.params["b"])
        return layers.affine(h, self.params["Wa"], self.params["ba"])

    def loss(self, predict, y):
        return layers.softmax_loss(predict, y)


def main(arguments: list[str] | None = None) -> Solver:
    options = program.start(__doc__, arguments, epochs=100, data="MNIST")
    data = program.mnist(options)
    # Normalize the pixels, which makes the digits easier to learn.
    mean = numpy.mean(data["train_data"], axis=0)
    deviation = numpy.std(data["train_data"], axis=0) + 1e-5
    for part, count in (("train", 5000), ("test", 1000)):
        pixels = (data[f"{part}_data"][:count] - mean) / deviation
        data[f"X_{part}"] = pixels.reshape(-1, 784 // patch_size, patch_size)
        data[f"y_{part}"] = data[f"{part}_label"][:count]
    return program.train(
        RNNNet(input_size=patch_size),
        data,
        batch_size,
        options,
        init_rule="xavier",
        update_rule="rmsprop",
        optim_config={"learning_rate": 0.0002},
        # Through so many steps a gradient becomes very large at times, above all at the beginning.
        lr_schedule=schedules.warmup(300),
        clip_norm=1.0,
    )


if __name__ == "__main__":
    main()
