"""``RLPolicyGradientSolver``: play an episode, compute its gradient, update, and again."""

from __future__ import annotations

from typing import Any

import numpy

from examples.rl.environments import Environments
from examples.rl.solver import Play, PlayingSolver
from minpy.nn.io import DataBatch

#: A batch is filled up to a multiple of so many steps, since a step is compiled once for each size.
PADDED_TO = 1024


class Episodes(Play):
    """Batches that are one episode: observations (N, D), and as labels actions and rewards, (N, 1).

    N is the length of the episode, rounded up. Steps that fill it up have a reward of 0, and no weight.
    """

    def play(self) -> DataBatch:
        xs, actions, rs = [], [], []
        is_over = False
        while not is_over:
            xs.append(self.environments.observations[0].copy())
            actions.append(self.choose(xs[-1][numpy.newaxis])[0])
            outcome = self.environments.step(numpy.array(actions[-1:]))
            rs.append(outcome.rewards[0])
            is_over = bool(outcome.ends[0])
        discounted = self.model.discount_rewards(numpy.array(rs))
        labels = [_padded(numpy.array(x, "float32")[:, numpy.newaxis]) for x in (actions, discounted)]
        return DataBatch([_padded(numpy.array(xs))], labels)

    def choose(self, xs: numpy.ndarray) -> numpy.ndarray:
        return numpy.array([self.model.choose_action(p) for p in numpy.asarray(self.model.forward(xs))[:, 0]])


def _padded(x: numpy.ndarray) -> numpy.ndarray:
    """With rows of zeros behind it, up to a multiple of ``PADDED_TO``."""
    return numpy.pad(x, ((0, -len(x) % PADDED_TO), (0, 0)))


class RLPolicyGradientSolver(PlayingSolver):
    """Trains a model by policy gradients, on one episode after the other.

    Each iteration plays an episode with ``forward`` and ``choose_action``, discounts its rewards with
    ``discount_rewards``, and does one compiled step of forward, ``loss``, backward and update.

    Args:
        model: with these methods, such as ``PolicyNetwork``.
        environments: one environment.
        total: after so many steps of it no more episodes begin.
        settings: those of ``Solver``.
    """

    def __init__(self, model: Any, environments: Environments, total: int, **settings: Any):
        if environments.count != 1:
            raise ValueError(f"RLPolicyGradientSolver plays in one environment, not in {environments.count}")
        super().__init__(Episodes(model, environments, total), **settings)
