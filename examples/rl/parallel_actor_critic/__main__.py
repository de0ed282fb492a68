"""Learns to play Pong from its pixels, or to balance a pole: many environments, one network.

The tutorial "Parallel advantage actor-critic".
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from examples.rl import program
from examples.rl.environments import Environments
from examples.rl.games import CARTPOLE, GAMES, PONG
from examples.rl.parallel_actor_critic.model import ActorCritic
from examples.rl.parallel_actor_critic.rollouts import Rollouts
from examples.rl.solver import PlayingSolver


@dataclass(frozen=True)
class Settings:
    """What is right for a game, found by trying.

    Attributes:
        falls: whether the learning rate falls to 0 along a line, as in Mnih et al. (2016), or stays.
    """

    steps: int
    envs: int
    t_max: int
    hidden_size: int
    learning_rate: float
    falls: bool
    lambda_: float
    entropy_weight: float


SETTINGS = {
    PONG: Settings(750_000, 16, 64, 200, learning_rate=1e-3, falls=False, lambda_=1.0, entropy_weight=0.03),
    CARTPOLE: Settings(
        500_000, 8, 64, 128, learning_rate=5e-3, falls=True, lambda_=0.98, entropy_weight=0.01
    ),
}


def main(arguments: list[str] | None = None) -> PlayingSolver:
    given = parse(arguments)
    solver = make(given)
    program.train(solver, given)
    return solver


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    options = program.parser(__package__, __doc__)
    options.add_argument(
        "--envs", type=int, metavar="N", help="environments; default: 16 for Pong, 8 for CartPole"
    )
    return program.start(options, arguments)


def make(given: argparse.Namespace) -> PlayingSolver:
    """The agent and its solver."""
    game = GAMES[given.game]
    chosen = SETTINGS[game]
    total = program.total_steps(given, game, chosen.steps)
    environments = Environments(game, given.envs or chosen.envs)
    model = ActorCritic(
        environments.observations.shape[1],
        len(game.actions),
        chosen.hidden_size,
        entropy_weight=chosen.entropy_weight,
    )
    play = Rollouts(model, environments, total, t_max=chosen.t_max, lambda_=chosen.lambda_)
    updates = -(-total // (environments.count * chosen.t_max))
    return PlayingSolver(
        play,
        update_rule="adam",
        optim_config={"learning_rate": chosen.learning_rate},
        lr_schedule=(lambda update: max(1 - update / updates, 0.0)) if chosen.falls else None,
        clip_norm=0.5,
        **program.settings(given),
    )


if __name__ == "__main__":
    main()
