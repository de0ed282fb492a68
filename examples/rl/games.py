"""The games: which environment of Gymnasium, what of it the agent sees, and what it may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import gymnasium
import numpy


class Preprocessor(Protocol):
    """Makes the vector that a network sees of what an environment shows."""

    size: int

    def reset(self) -> None:
        """Before the first observation of an episode."""

    def preprocess(self, observation: numpy.ndarray) -> numpy.ndarray:
        """(size,) float32 of the next observation."""


class PongPreprocessor:
    """What moved since the last frame of Pong: (6400,) float32 of -1, 0 and 1.

    The field is cut out, every second pixel of every second row is kept, (80, 80), and paddles and ball are
    1 on a background of 0. The result is the difference to the frame before; zeros for the first one.
    Source: Karpathy, "Deep Reinforcement Learning: Pong from Pixels" (2016),
    http://karpathy.github.io/2016/05/31/rl/
    """

    size = 80 * 80
    #: the red of the two backgrounds that Pong has
    BACKGROUNDS = (144, 109)

    def __init__(self) -> None:
        self._previous: numpy.ndarray | None = None

    def reset(self) -> None:
        self._previous = None

    def preprocess(self, observation: numpy.ndarray) -> numpy.ndarray:
        """Args: observation: (210, 160, 3) uint8, a frame in RGB."""
        red = observation[35:195:2, ::2, 0]
        first, second = self.BACKGROUNDS
        current = ((red != 0) & (red != first) & (red != second)).astype(numpy.float32).ravel()
        previous, self._previous = self._previous, current
        return numpy.zeros_like(current) if previous is None else current - previous


class AsItIs:
    """Observations that are vectors already."""

    def __init__(self, size: int) -> None:
        self.size = size

    def reset(self) -> None:
        pass

    def preprocess(self, observation: numpy.ndarray) -> numpy.ndarray:
        return observation.astype(numpy.float32)


@dataclass(frozen=True, eq=False)
class Game:
    """A game.

    Attributes:
        environment: its name in Gymnasium.
        preprocessor: makes one; each environment gets its own.
        actions: those that the agent chooses from, as the environment numbers them.
        settings: further arguments of ``gymnasium.make``.
        frame_skip: frames of the emulator in one step of the agent.
        points_are_ends: whether what happens before a reward has nothing to do with what comes after it, as
            in Pong, where each point starts anew: returns are not added up across.
        reward_scale: what rewards are multiplied by before the agent learns from them. Scores are not.
    """

    environment: str
    preprocessor: Callable[[], Preprocessor]
    actions: tuple[int, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    frame_skip: int = 1
    points_are_ends: bool = False
    reward_scale: float = 1.0

    def make(self, **settings: Any) -> gymnasium.Env:
        """An environment of the game."""
        if self.environment.startswith("ALE/"):
            import ale_py

            ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
            gymnasium.register_envs(ale_py)
        return gymnasium.make(self.environment, **{**self.settings, **settings})


#: Pong of the Arcade Learning Environment: four frames for each step, and actions that are always done, as
#: the game that was "PongDeterministic". The agent moves up, action 2, or down, action 3.
PONG = Game(
    "ALE/Pong-v5",
    PongPreprocessor,
    actions=(2, 3),
    settings={"frameskip": 4, "repeat_action_probability": 0.0},
    frame_skip=4,
    points_are_ends=True,
)
#: A pole on a cart: Barto, Sutton and Anderson (1983). At most 500 steps, each of which counts one.
CARTPOLE = Game("CartPole-v1", lambda: AsItIs(4), actions=(0, 1), reward_scale=0.05)

GAMES = {"pong": PONG, "cartpole": CARTPOLE}
