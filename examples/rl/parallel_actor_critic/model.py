"""The agent: a policy, and an estimate of what a state is worth, from one network."""

from __future__ import annotations

from typing import Any

import minpy.numpy as np
from minpy.nn import layers
from minpy.nn.model import ModelBase


class ActorCritic(ModelBase):
    """One hidden layer, from which scores of the actions and the value of the state are computed.

    The loss is that of Mnih et al., "Asynchronous Methods for Deep Reinforcement Learning" (2016), section 4,
    https://arxiv.org/abs/1602.01783, as means over the batch: of the policy, weighted by advantages; of the
    values; and minus the entropy of the policy, which keeps it from settling on one action too early.

    Args:
        size: features of an observation.
        num_actions: actions to choose from.
        hidden_size: units of the hidden layer.
        value_weight: of the loss of the values.
        entropy_weight: of the entropy.
    """

    def __init__(
        self,
        size: int,
        num_actions: int,
        hidden_size: int = 200,
        value_weight: float = 0.5,
        entropy_weight: float = 0.01,
    ):
        super().__init__()
        self.value_weight, self.entropy_weight = value_weight, entropy_weight
        small = {
            "init_rule": "gaussian",
            "init_config": {"stdvar": 0.01},
        }  # at first all actions are as likely
        self.add_param("w", (size, hidden_size)).add_param("b", (hidden_size,), init_rule="constant")
        self.add_param("policy_w", (hidden_size, num_actions), **small)
        self.add_param("policy_b", (num_actions,), init_rule="constant")
        self.add_param("value_w", (hidden_size, 1), **small)
        self.add_param("value_b", (1,), init_rule="constant")

    def forward(self, X: Any) -> tuple[Any, Any]:
        """Of observations (N, D) the logarithms of the actions' probabilities (N, A), and values (N,)."""
        h = layers.relu(layers.affine(X, self.params["w"], self.params["b"]))
        scores = layers.affine(h, self.params["policy_w"], self.params["policy_b"])
        values = layers.affine(h, self.params["value_w"], self.params["value_b"])
        return layers.log_softmax(scores), values[:, 0]

    def loss(self, predict: tuple[Any, Any], actions: Any, returns: Any, advantages: Any) -> Any:
        """Of actions (N,), and the returns and advantages (N,) that they brought."""
        logs, values = predict
        chosen = logs[np.arange(logs.shape[0]), actions]
        policy_loss = -np.mean(chosen * advantages)
        value_loss = 0.5 * np.mean((values - returns) ** 2)
        entropy = -np.mean(np.sum(np.exp(logs) * logs, axis=1))
        return policy_loss + self.value_weight * value_loss - self.entropy_weight * entropy

    def loss_batch(self, batch: Any, predict: Any) -> Any:
        return self.loss(predict, *batch.label)
