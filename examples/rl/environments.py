"""n environments of a game side by side, which a run can leave and come back to exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy

from examples.rl.games import Game

#: how many episodes the running reward is the mean of
WINDOW = 100


class Outcome(NamedTuple):
    """What a step brought, for each of n environments.

    Attributes:
        rewards: (n,) float32.
        ends: (n,) bool: the episode is over.
        is_cut: (n,) bool: it is over because time was up, not by what happened in the game.
        last: (n, size) float32: what the environments showed after it, before new episodes began.
    """

    rewards: numpy.ndarray
    ends: numpy.ndarray
    is_cut: numpy.ndarray
    last: numpy.ndarray


class Environments:
    """n environments of one game. Where an episode ends, the next one begins.

    Each episode starts from a seed that NumPy's global generator draws. An episode is its seed and the
    actions so far, which is what ``state`` keeps of one that is under way; ``restore`` plays it again.

    Args:
        game: which one.
        count: how many, n.

    Attributes:
        observations: (n, size) float32: what they show now.
        steps: how many steps they have done, all together.
        scores: the sum of rewards of each episode that ended.
        ended_at: at which of ``steps`` it did.
    """

    def __init__(self, game: Game, count: int):
        if count < 1:
            raise ValueError(f"there is at least one environment, not {count}")
        self.game, self.count = game, count
        self._environments = [game.make() for _ in range(count)]
        self._preprocessors = [game.preprocessor() for _ in range(count)]
        self.observations = numpy.zeros((count, self._preprocessors[0].size), "float32")
        self._seeds = [-1] * count  # no episode has begun
        self._actions: list[list[int]] = [[] for _ in range(count)]
        self._sums = [0.0] * count
        self.steps = 0
        self.scores: list[float] = []
        self.ended_at: list[int] = []

    @property
    def frames(self) -> int:
        """How many frames the emulators have shown, all together: ``frame_skip`` in each step."""
        return self.steps * self.game.frame_skip

    @property
    def running_reward(self) -> float:
        """The mean score of the last 100 episodes; nan before the first one ends."""
        return float(numpy.mean(self.scores[-WINDOW:])) if self.scores else numpy.nan

    def start(self) -> None:
        """Begin an episode in each; where they are under way already, nothing happens."""
        for i in range(self.count):
            if self._seeds[i] < 0:
                self._begin(i, int(numpy.random.randint(2**31)))

    def step(self, choices: numpy.ndarray) -> Outcome:
        """Do one step in each.

        Args:
            choices: (n,), which of the game's actions each does: 0 for the first.
        """
        rewards = numpy.zeros(self.count, "float32")
        ends, is_cut = numpy.zeros(self.count, bool), numpy.zeros(self.count, bool)
        last = numpy.empty_like(self.observations)
        self.steps += self.count
        for i, choice in enumerate(choices.tolist()):
            rewards[i], ends[i], is_cut[i] = self._step(i, choice)
            last[i] = self.observations[i]
            if ends[i]:
                self.scores.append(self._sums[i])
                self.ended_at.append(self.steps)
                self._begin(i, int(numpy.random.randint(2**31)))
        return Outcome(rewards, ends, is_cut, last)

    def _begin(self, i: int, seed: int) -> None:
        self._seeds[i], self._actions[i], self._sums[i] = seed, [], 0.0
        self._preprocessors[i].reset()
        observation, _ = self._environments[i].reset(seed=seed)
        self.observations[i] = self._preprocessors[i].preprocess(observation)

    def _step(self, i: int, choice: int) -> tuple[float, bool, bool]:
        action = self.game.actions[choice]
        observation, reward, is_over, is_cut, _ = self._environments[i].step(action)
        self._actions[i].append(choice)
        self._sums[i] += float(reward)
        self.observations[i] = self._preprocessors[i].preprocess(observation)
        return float(reward), is_over or is_cut, is_cut and not is_over

    def state(self) -> dict[str, Any]:
        """Where they stand, as arrays and numbers."""
        return {
            "steps": self.steps,
            "scores": numpy.array(self.scores),
            "ended_at": numpy.array(self.ended_at, "int64"),
            "seeds": list(self._seeds),
            "actions": [numpy.array(actions, "uint8") for actions in self._actions],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go where they stood, by doing all actions of the episodes under way once more.

        Raises:
            ValueError: it is the state of another number of environments.
        """
        if len(state["seeds"]) != self.count:
            raise ValueError(
                f"the run had {len(state['seeds'])} environments, not {self.count}: give --envs as then"
            )
        self.steps = state["steps"]
        self.scores, self.ended_at = state["scores"].tolist(), state["ended_at"].tolist()
        for i, (seed, choices) in enumerate(zip(state["seeds"], state["actions"])):
            self._seeds[i] = seed
            if seed >= 0:
                self._begin(i, seed)
                for choice in choices.tolist():
                    self._step(i, choice)
