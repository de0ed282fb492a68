"""What the agent learns from: some steps in all environments at once, and how good each action was."""

from __future__ import annotations

from typing import Any

import numpy

from examples.rl.solver import Play
from minpy.nn.io import DataBatch


def generalized_advantages(
    rewards: numpy.ndarray, values: numpy.ndarray, ends: numpy.ndarray, gamma: float, lambda_: float
) -> numpy.ndarray:
    """How much better each action was than its state let expect: (T, n).

    A_t is the sum over l of (gamma lambda)^l delta_{t+l}, up to the end of the episode, with
    delta_t = r_t + gamma V(s_{t+1}) - V(s_t): Schulman et al., "High-Dimensional Continuous Control Using
    Generalized Advantage Estimation" (2016), equation 16, https://arxiv.org/abs/1506.02438.

    Args:
        rewards: (T, n), of T steps in n environments.
        values: (T + 1, n), of the states before each step, and of the last one.
        ends: (T, n) bool: nothing after this step counts for it.
        gamma: the discount for each step.
        lambda_: 0 for the least variance, 1 for the least bias.
    """
    advantages = numpy.empty_like(rewards)
    following = numpy.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        goes_on = 1.0 - ends[t]
        delta = rewards[t] + gamma * values[t + 1] * goes_on - values[t]
        following = delta + gamma * lambda_ * goes_on * following
        advantages[t] = following
    return advantages


def choose(logs: numpy.ndarray) -> numpy.ndarray:
    """(n,): actions drawn from NumPy's generator, by the logarithms of their probabilities, (n, A)."""
    bounds = numpy.cumsum(numpy.exp(logs), axis=1)
    return (numpy.random.uniform(size=(len(logs), 1)) * bounds[:, -1:] >= bounds).sum(axis=1)


class Rollouts(Play):
    """Batches of ``t_max`` steps in each of n environments, in which all act by one forward pass.

    A batch has observations (t_max * n, D), and as labels actions, returns and advantages, (t_max * n,).

    Args:
        t_max: steps between two updates.
        gamma, lambda_: of ``generalized_advantages``.
        settings: those of ``Play``.
    """

    def __init__(self, *settings: Any, t_max: int = 64, gamma: float = 0.99, lambda_: float = 0.95):
        super().__init__(*settings)
        self.t_max, self.gamma, self.lambda_ = t_max, gamma, lambda_

    def play(self) -> DataBatch:
        games = self.environments
        game, n = games.game, games.count
        xs = numpy.empty((self.t_max, *games.observations.shape), "float32")
        actions = numpy.empty((self.t_max, n), "int32")
        rewards, values = numpy.empty((self.t_max, n), "float32"), numpy.empty((self.t_max + 1, n), "float32")
        ends = numpy.empty((self.t_max, n), bool)
        for t in range(self.t_max):
            xs[t] = games.observations
            logs, values[t] = self._predict(xs[t])
            actions[t] = choose(logs)
            outcome = games.step(actions[t])
            rewards[t], ends[t] = outcome.rewards * game.reward_scale, outcome.ends
            if game.points_are_ends:
                ends[t] |= outcome.rewards != 0
            if outcome.is_cut.any():
                # Time was up, and the game would have gone on: what its last state is worth counts, too.
                # Pardo et al., "Time Limits in Reinforcement Learning" (2018), equation 6.
                rewards[t] += self.gamma * outcome.is_cut * self._predict(outcome.last)[1]
        values[-1] = self._predict(games.observations)[1]
        advantages = generalized_advantages(rewards, values, ends, self.gamma, self.lambda_)
        returns = advantages + values[:-1]
        labels = [x.reshape(-1) for x in (actions, returns, normalized(advantages))]
        return DataBatch([xs.reshape(self.t_max * n, -1)], labels)

    def choose(self, xs: numpy.ndarray) -> numpy.ndarray:
        return choose(self._predict(xs)[0])

    def _predict(self, xs: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        logs, values = self.model.forward(xs)
        return numpy.asarray(logs), numpy.asarray(values)


def normalized(x: numpy.ndarray) -> numpy.ndarray:
    """With mean 0 and standard deviation 1, which makes one learning rate fit all games."""
    return (x - x.mean()) / (x.std() + 1e-8)
