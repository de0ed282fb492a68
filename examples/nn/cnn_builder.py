"""The convolutional network of ``cnn.py``, made of modules, whose shapes follow from each other.

The "CNN Tutorial", and docs/model_builder.md.
"""

from __future__ import annotations

from examples.nn import program
from minpy.nn import model_builder as builder
from minpy.nn import schedules
from minpy.nn.solver import Solver

batch_size = 128
hidden_size = 512
num_classes = 10


def network() -> builder.Model:
    net = builder.Sequential(
        builder.Convolution((7, 7), 32),
        builder.ReLU(),
        builder.Pooling("max", (2, 2), (2, 2)),
        builder.Flatten(),
        builder.Affine(hidden_size),
        builder.ReLU(),
        builder.Affine(num_classes),
    )
    # Cast the definition to a model compatible with the solver.
    return builder.Model(net, "softmax", (3 * 32 * 32,))


def main(arguments: list[str] | None = None) -> Solver:
    options = program.start(__doc__, arguments, data="CIFAR-10")
    model = network()
    print(model)
    return program.train(
        model,
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
