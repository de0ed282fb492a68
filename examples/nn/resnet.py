"""A residual network of 20 layers, or of as many as ``--depth`` says.

He et al., "Deep residual learning for image recognition" (2015), section 4.2; the network is that of
``minpy.nn.model_gallery``.
"""

from __future__ import annotations

from examples.nn import program
from minpy.nn import model_gallery, schedules
from minpy.nn.model_builder import Model
from minpy.nn.solver import Solver

batch_size = 128


def main(arguments: list[str] | None = None) -> Solver:
    options = program.start(__doc__, arguments, data="CIFAR-10", depth=20)
    model = Model(model_gallery.cifar_resnet(options.depth), "softmax", (3, 32, 32))
    data = program.scaled(program.cifar10(options))
    num_steps = options.epochs * -(-len(data["X_train"]) // batch_size)
    return program.train(
        model,
        data,
        batch_size,
        options,
        update_rule="sgd_momentum",
        optim_config={"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-4},
        lr_schedule=schedules.cosine(num_steps),
    )


if __name__ == "__main__":
    main()
