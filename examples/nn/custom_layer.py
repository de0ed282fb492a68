"""A layer of one's own for the model builder: maxout, whose units give the largest of several sums.

Goodfellow et al., "Maxout networks" (2013). See docs/model_builder.md, "Modules of your own".
"""

from __future__ import annotations

import minpy.numpy as np
from examples.nn import program
from minpy.nn import model_builder as builder
from minpy.nn.solver import Solver

batch_size = 128


class Maxout(builder.Module):
    """The largest of ``pieces`` affine functions for each of ``units`` outputs."""

    def __init__(self, units, pieces=3, name="maxout"):
        self.units, self.pieces = units, pieces
        self.weight, self.bias = f"{name}_weight", f"{name}_bias"

    def forward(self, input, params):
        sums = np.dot(input, params[self.weight]) + params[self.bias]
        return np.max(np.reshape(sums, (-1, self.units, self.pieces)), axis=2)

    def output_shape(self, input_shape):
        return (self.units,)

    def parameter_shape(self, input_shape):
        sums = self.units * self.pieces
        return {self.weight: (input_shape[0], sums), self.bias: (sums,)}

    def parameter_settings(self):
        small = {"init_rule": "gaussian", "init_config": {"stdvar": 0.01}}
        return {self.weight: small, self.bias: {"init_rule": "constant"}}


def main(arguments: list[str] | None = None) -> Solver:
    options = program.start(__doc__, arguments, data="CIFAR-10")
    net = builder.Sequential(builder.Flatten(), Maxout(128), builder.Dropout(0.5), builder.Affine(10))
    model = builder.Model(net, "softmax", (3, 32, 32))
    print(model)
    return program.train(
        model,
        program.scaled(program.cifar10(options)),
        batch_size,
        options,
        init_rule="xavier",
        update_rule="adam",
        optim_config={"learning_rate": 3e-4},
    )


if __name__ == "__main__":
    main()
