"""What the chapters on networks share: a few images, and short training."""

from __future__ import annotations

from typing import Any

import numpy

import minpy
from examples.utils.data_utils import digits_like_CIFAR10
from minpy.nn.io import NDArrayIter
from minpy.nn.model import ModelBase
from minpy.nn.solver import Solver

batch_size = 32
input_size = (3, 32, 32)
flattened_input_size = 3 * 32 * 32
hidden_size = 32
num_classes = 10


def iterators() -> tuple[NDArrayIter, NDArrayIter]:
    """As the chapters make them of CIFAR-10, here of enlarged digits."""
    data = digits_like_CIFAR10()
    deviation = numpy.std(data["X_train"])
    train_dataiter = NDArrayIter(
        data=data["X_train"][:256] / deviation,
        label=data["y_train"][:256],
        batch_size=batch_size,
        shuffle=True,
    )
    test_dataiter = NDArrayIter(
        data=data["X_test"][:64] / deviation,
        label=data["y_test"][:64],
        batch_size=batch_size,
        shuffle=False,
    )
    return train_dataiter, test_dataiter


def assert_trains(model: ModelBase, **settings: Any) -> Solver:
    """Train as the chapters do; the loss falls, and each step is one compiled graph."""
    train_dataiter, test_dataiter = iterators()
    options = {
        "num_epochs": 4,
        "init_rule": "gaussian",
        "init_config": {"stdvar": 0.05},
        "update_rule": "sgd_momentum",
        "optim_config": {"learning_rate": 1e-2, "momentum": 0.9},
        "verbose": True,
        "print_every": 20,
    }
    solver = Solver(model, train_dataiter, test_dataiter, **{**options, **settings})
    solver.init()
    solver.train()
    assert len(solver.loss_history) == 8 * solver.num_epochs
    assert numpy.mean(solver.loss_history[-8:]) < 0.8 * solver.loss_history[0]
    assert len(solver.val_acc_history) == solver.num_epochs
    assert "everything is compiled" in str(minpy.explain(solver.step))
    return solver
