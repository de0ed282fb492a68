"""The policy: how likely it is to go up, given what moved on the screen."""

from __future__ import annotations

from typing import Any

import numpy

import minpy.numpy as np
from minpy.nn import layers
from minpy.nn.model import ModelBase


class PolicyNetwork(ModelBase):
    """A network with one hidden layer, the source of which is Karpathy, "Pong from Pixels" (2016).

    Args:
        input_size: features of an observation.
        hidden_size: units of the hidden layer.
        gamma: how much of a reward counts for the step before it.
        points_are_ends: whether nothing counts across a reward, as in Pong; see ``Game``.
    """

    def __init__(
        self,
        input_size: int = 80 * 80,
        hidden_size: int = 200,
        gamma: float = 0.99,
        points_are_ends: bool = True,
    ):
        super().__init__()
        self.gamma, self.points_are_ends = gamma, points_are_ends
        self.add_param("w1", (input_size, hidden_size))
        self.add_param("w2", (hidden_size, 1))

    def forward(self, X: Any) -> Any:
        """The probabilities of going up, (N, 1), for observations (N, input_size)."""
        h = layers.relu(np.dot(X, self.params["w1"]))
        return layers.sigmoid(np.dot(h, self.params["w2"]))

    def choose_action(self, p: float) -> int:
        """0, up, with the probability p; else 1."""
        return 0 if numpy.random.uniform() < p else 1

    def loss(self, ps: Any, actions: Any, rs: Any) -> Any:
        """The cross entropy of what was done, (N, 1), weighted by what came of it, (N, 1).

        Its gradient is the policy gradient: Williams, "Simple statistical gradient-following algorithms for
        connectionist reinforcement learning" (1992), section 4.
        """
        ps = np.clip(ps, 1e-5, 1 - 1e-5)  # whose logarithms are finite
        step_losses = (1 - actions) * np.log(ps) + actions * np.log(1 - ps)
        return -np.sum(step_losses * rs)

    def loss_batch(self, batch: Any, predict: Any) -> Any:
        return self.loss(predict, *batch.label)

    def discount_rewards(self, rs: numpy.ndarray) -> numpy.ndarray:
        """Of (N,) rewards for each the sum of those from there on, discounted, with mean 0, deviation 1."""
        discounted = numpy.zeros(len(rs), "float32")
        following = 0.0
        for t in reversed(range(len(rs))):
            if self.points_are_ends and rs[t]:
                following = 0.0  # a new rally begins behind it
            following = float(rs[t]) + self.gamma * following
            discounted[t] = following
        deviation = discounted.std()
        return (discounted - discounted.mean()) / (deviation if deviation else 1)
