"""A convolutional network with a penalty on large weights: one more term of the loss, in NumPy.

The tutorial "Complete solver and optimizer guide", stage 3. Only the loss of ``cnn.py`` changes; the gradient
of the penalty comes by itself.
"""

from __future__ import annotations

import minpy.numpy as np
from examples.nn import cnn, program
from minpy.nn import schedules
from minpy.nn.solver import Solver

weight_decay = 0.001


class ConvolutionNet(cnn.ConvolutionNet):
    def loss(self, predict, y):
        # Add L2 regularization for all the weights.
        reg_loss = 0.0
        for weight in self.params.values():
            reg_loss += np.sum(weight**2) * 0.5
        return super().loss(predict, y) + weight_decay * reg_loss


def main(arguments: list[str] | None = None) -> Solver:
    options = program.start(__doc__, arguments, data="CIFAR-10")
    return program.train(
        ConvolutionNet(),
        program.scaled(program.cifar10(options)),
        cnn.batch_size,
        options,
        init_rule="he",
        update_rule="sgd_momentum",
        optim_config={"learning_rate": 5e-3, "momentum": 0.9},
        lr_schedule=schedules.warmup(36),
    )


if __name__ == "__main__":
    main()
