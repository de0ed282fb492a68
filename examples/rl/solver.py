"""A ``Solver`` whose batches come from playing: its model plays, and learns from what happened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy

from examples.rl.environments import Environments
from minpy.nn.callbacks import Lines, ProgressBar
from minpy.nn.io import DataBatch, DataIter
from minpy.nn.model import ModelBase
from minpy.nn.solver import Solver


class Play(DataIter):
    """Base of iterators that play a game and give what happened as batches. Subclasses write ``play``.

    Args:
        model: chooses the actions by its ``forward``, which is compiled while a solver trains it.
        environments: where it plays.
        total: after so many steps of the environments there are no more batches.
        updates: batches in an epoch, of which there are as many as it takes.
    """

    def __init__(self, model: ModelBase, environments: Environments, total: int, updates: int = 20):
        self.model, self.environments = model, environments
        self.total, self.updates = total, updates
        self._left = 0

    @property
    def is_over(self) -> bool:
        """Whether all steps are done."""
        return self.environments.steps >= self.total

    def reset(self) -> None:
        self._left = self.updates

    def next(self) -> DataBatch:
        if not self._left or self.is_over:
            raise StopIteration
        self._left -= 1
        self.environments.start()
        return self.play()

    def play(self) -> DataBatch:
        """Play on, and give what there is to learn from."""
        raise NotImplementedError

    def choose(self, xs: numpy.ndarray) -> numpy.ndarray:
        """(n,): the actions that the model chooses for observations (n, size)."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Where it stands, and the episodes under way."""
        return {"left": self._left, "environments": self.environments.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back there."""
        self._left = state["left"]
        self.environments.restore(state["environments"])


class PlayingSolver(Solver):
    """Trains a model on the batches of a ``Play``; its accuracy is the running reward.

    ``train_acc_history`` has that of each epoch. Everything else is the solver's: each step is compiled,
    with forward, backward and the update of all parameters, and so is the model's ``forward`` for playing; a
    checkpoint has the games under way in it, so that ``train(resume=True)`` goes on exactly.

    Args:
        play: where batches come from.
        settings: those of ``Solver``.
    """

    def __init__(self, play: Play, *, verbose: bool = True, progress: bool | None = None, **settings: Any):
        shown = ProgressBar.is_possible() if progress is None else progress
        callbacks = [RewardBar() if shown else RewardLines()] if verbose else []
        callbacks += settings.pop("callbacks", [])
        # Of epochs there are as many as it takes: each has a step at least.
        super().__init__(
            play.model, play, verbose=False, callbacks=callbacks, num_epochs=play.total, **settings
        )
        self.environments = play.environments

    def _run_epoch(self) -> None:
        super()._run_epoch()
        if self.train_dataiter.is_over:
            self.stop()

    def load_checkpoint(self, path: str | os.PathLike[str]) -> None:
        super().load_checkpoint(path)
        self._is_stopped = self.train_dataiter.is_over  # there may be more to play than before

    def check_accuracy(self, dataiter: Any, num_samples: int | None = None) -> float:
        return self.environments.running_reward


class RewardLines(Lines):
    """Prints a line for each epoch."""

    def on_step(self, solver: Any) -> None:
        pass

    def on_epoch(self, solver: Any) -> None:
        games = solver.environments
        frames = "" if games.game.frame_skip == 1 else f", frame {games.frames}"
        self.show(
            f"(Step {games.steps} / {solver.train_dataiter.total}{frames}) "
            f"episodes: {len(games.scores)}; running reward: {games.running_reward:.2f}"
        )


class RewardBar(RewardLines, ProgressBar):
    """On a terminal: a bar of the environments' steps with the running reward, below these lines."""

    def on_train_begin(self, solver: Any) -> None:
        from tqdm import tqdm

        games = solver.environments
        self._bar = tqdm(
            total=solver.train_dataiter.total, initial=games.steps, unit="step", dynamic_ncols=True
        )

    def on_step(self, solver: Any) -> None:
        self._bar.update(min(solver.environments.steps, self._bar.total) - self._bar.n)
        reward = solver.environments.running_reward
        if not numpy.isnan(reward):
            self._bar.set_postfix(reward=f"{reward:.2f}", refresh=False)
