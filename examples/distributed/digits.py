"""A network for digits that several workers train together, each on its part of every batch.

Run ``python -m minpy launch -n 2 examples.distributed.digits``, or ``python -m examples.distributed.digits``
for one worker: the losses are the same. With ``--checkpoint FILE``, and ``--restarts 3`` before the program,
a job goes on after a failure.
"""

from __future__ import annotations

import argparse

import minpy
from examples.utils.data_utils import load_digits_split
from minpy import distributed
from minpy.nn import ModelBase, layers
from minpy.nn.io import NDArrayIter
from minpy.nn.solver import Solver

batch_size = 128  # of all workers together
hidden = 128


class Network(ModelBase):
    def __init__(self):
        super().__init__()
        self.add_param("w1", (8 * 8, hidden)).add_param("b1", (hidden,))
        self.add_param("w2", (hidden, 10)).add_param("b2", (10,))

    def forward(self, X, mode):
        h = layers.relu(layers.affine(X, self.params["w1"], self.params["b1"]))
        return layers.affine(h, self.params["w2"], self.params["b2"])

    def loss(self, predict, y):
        return layers.softmax_loss(predict, y)


def main(arguments: list[str] | None = None) -> Solver:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="default: 20")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    parser.add_argument("--checkpoint", metavar="FILE", help="go on from this file, and write it")
    parser.add_argument("--compression", type=float, metavar="X", help="send 2 bits a number: -X, 0 or X")
    options = parser.parse_args(arguments)

    data = load_digits_split()
    train = NDArrayIter(data["X_train"], data["y_train"], batch_size, shuffle=True)
    test = NDArrayIter(data["X_test"], data["y_test"], batch_size)
    solver = Solver(
        Network(),
        train,
        test,
        num_epochs=options.epochs,
        init_rule="he",
        update_rule="sgd_momentum",
        optim_config={"learning_rate": 0.1, "momentum": 0.9},
        seed=options.seed,
        kvstore="dist_sync",
        compression=options.compression,
        checkpoint=options.checkpoint,
    )
    solver.init()
    solver.train(resume=options.checkpoint is not None)
    if distributed.rank() == 0:
        print(f"{distributed.num_workers()} workers, test accuracy {max(solver.val_acc_history):.4f}")
        print(minpy.explain(solver.step.gradients))
    return solver


if __name__ == "__main__":
    main()
