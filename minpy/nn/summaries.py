"""The curves that a solver writes for TensorBoard."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from minpy.nn.callbacks import Callback
from minpy.visualization.writer import SummaryWriter

if TYPE_CHECKING:
    from minpy.nn.solver import Solver


class Summaries(Callback):
    """The curves of ``Solver(visualize=True)``, below ``train`` and ``test`` in the folder.

    By iteration: 'loss', 'squared L2-norm of the gradient', 'learning rate'; by epoch: 'accuracy', which in a
    regression is the loss. Each call of ``train`` adds to them.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)

    def on_train_begin(self, solver: Solver) -> None:
        self._train, self._test = (SummaryWriter(self.folder / name) for name in ("train", "test"))

    def on_step(self, solver: Solver) -> None:
        step = solver.iteration
        self._train.add_scalar("loss", solver.loss, step)
        assert solver.gradient_norm is not None
        self._train.add_scalar("squared L2-norm of the gradient", solver.gradient_norm**2, step)
        if solver.optimizer.learning_rate is not None:
            self._train.add_scalar("learning rate", solver.optimizer.learning_rate, step)

    def on_epoch(self, solver: Solver) -> None:
        self._train.add_scalar("accuracy", solver.train_acc_history[-1], solver.epoch)
        if solver.val_acc_history:
            self._test.add_scalar("accuracy", solver.val_acc_history[-1], solver.epoch)

    def on_train_end(self, solver: Solver) -> None:
        self._train.close()
        self._test.close()
