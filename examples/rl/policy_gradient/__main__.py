"""Learns to play Pong from its pixels, or to balance a pole, by policy gradients.

The tutorial "Reinforcement learning with policy gradient".
"""

from __future__ import annotations

from dataclasses import dataclass

from examples.rl import program
from examples.rl.environments import Environments
from examples.rl.games import CARTPOLE, GAMES, PONG
from examples.rl.policy_gradient.model import PolicyNetwork
from examples.rl.policy_gradient.solver import RLPolicyGradientSolver


@dataclass(frozen=True)
class Settings:
    """What is right for a game."""

    steps: int
    hidden_size: int
    learning_rate: float


SETTINGS = {
    PONG: Settings(2_000_000, 200, learning_rate=1e-4),
    CARTPOLE: Settings(15_000, 32, learning_rate=1e-2),
}


def main(arguments: list[str] | None = None) -> RLPolicyGradientSolver:
    given = program.start(program.parser(__package__, __doc__), arguments)
    game = GAMES[given.game]
    chosen = SETTINGS[game]
    environments = Environments(game, 1)
    solver = RLPolicyGradientSolver(
        PolicyNetwork(
            environments.observations.shape[1], chosen.hidden_size, points_are_ends=game.points_are_ends
        ),
        environments,
        program.total_steps(given, game, chosen.steps),
        update_rule="rmsprop",
        optim_config={"learning_rate": chosen.learning_rate, "decay_rate": 0.99},
        **program.settings(given),
    )
    program.train(solver, given)
    return solver


if __name__ == "__main__":
    main()
