"""What a solver calls while it trains: ``Callback``, and those that come with MinPy."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from minpy.nn.checks import require_counts

if TYPE_CHECKING:
    from minpy.nn.solver import Solver

__all__ = ["Callback", "EarlyStopping", "Lines", "ProgressBar"]


class Callback:
    """Base of what is given as ``Solver(callbacks=[...])``. Write the methods that you need.

    A method may read all of the solver, call ``solver.stop()``, and change ``solver.model.params``. What it
    raises ends ``train``.
    """

    def on_train_begin(self, solver: Solver) -> None:
        """Before the first step of a call of ``train``."""

    def on_step(self, solver: Solver) -> None:
        """After a step: ``solver.iteration`` counts them, ``solver.loss`` is its loss."""

    def on_epoch(self, solver: Solver) -> None:
        """After an epoch, when the accuracies are known and the best parameters are kept."""

    def on_train_end(self, solver: Solver) -> None:
        """At the end of ``train``, also where it is interrupted or fails."""


class EarlyStopping(Callback):
    """Stop when the accuracy on the test data, or the loss in a regression, has not improved for a while.

    It reads ``solver.val_acc_history``, so a run that is resumed stops where it would have without a break.

    Args:
        patience: the number of epochs without progress after which to stop.
        min_delta: what has to be better by more than this.
    """

    def __init__(self, patience: int = 5, min_delta: float = 0.0):
        require_counts(patience=patience)
        self.patience, self.min_delta = patience, min_delta

    def on_train_begin(self, solver: Solver) -> None:
        if solver.test_dataiter is None:
            raise ValueError("EarlyStopping looks at test data, of which the solver has none: test_dataiter")

    def on_epoch(self, solver: Solver) -> None:
        best, since = None, 0
        for score in solver.val_acc_history:
            if best is None or solver.is_better(score, best, self.min_delta):
                best, since = score, 0
            else:
                since += 1
        if since >= self.patience:
            solver.stop()


class Lines(Callback):
    """Prints the loss every ``solver.print_every`` iterations, and the accuracies of each epoch."""

    def on_step(self, solver: Solver) -> None:
        if (solver.iteration - 1) % solver.print_every == 0:
            total = solver.num_iterations
            self.show(f"(Iteration {solver.iteration} / {total or '?'}) loss: {solver.loss:f}")

    def on_epoch(self, solver: Solver) -> None:
        kind = "loss" if solver.task_type == "regression" else "acc"
        scores = [f"train {kind}: {solver.train_acc_history[-1]:f}"]
        if solver.val_acc_history:
            scores.append(f"val_{kind}: {solver.val_acc_history[-1]:f}")
        self.show(f"(Epoch {solver.epoch} / {solver.last_epoch}) {'; '.join(scores)}")

    def show(self, line: str) -> None:
        """Print a line."""
        print(line, flush=True)


class ProgressBar(Lines):
    """On a terminal: a bar of the iterations with the loss, below the lines of the epochs."""

    def __init__(self) -> None:
        self._bar: Any = None

    @staticmethod
    def is_possible() -> bool:
        """Whether there is a terminal, and tqdm is installed."""
        if not sys.stderr.isatty():
            return False
        try:
            import tqdm  # noqa: F401
        except ImportError:
            return False
        return True

    def on_train_begin(self, solver: Solver) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=solver.num_iterations, initial=solver.iteration, unit="it", dynamic_ncols=True)

    def on_step(self, solver: Solver) -> None:
        self._bar.update()
        if (solver.iteration - 1) % solver.print_every == 0:
            self._bar.set_postfix(loss=f"{solver.loss:f}", refresh=False)

    def show(self, line: str) -> None:
        self._bar.write(line)

    def on_train_end(self, solver: Solver) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None
