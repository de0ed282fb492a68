"""Learns to play Pong from its pixels, by policy gradients.

The tutorial "Reinforcement learning with policy gradient".
"""

from __future__ import annotations

from examples.rl import program
from examples.rl.environments import Environments
from examples.rl.games import PONG
from examples.rl.policy_gradient.model import PolicyNetwork
from examples.rl.policy_gradient.solver import RLPolicyGradientSolver


def main(arguments: list[str] | None = None) -> RLPolicyGradientSolver:
    given = program.start(program.parser(__package__, __doc__), arguments)
    solver = RLPolicyGradientSolver(
        PolicyNetwork(),
        Environments(PONG, 1),
        program.total_steps(given, PONG, default=2_000_000),
        update_rule="rmsprop",
        optim_config={"learning_rate": 1e-4, "decay_rate": 0.99},
        **program.settings(given),
    )
    program.train(solver, given)
    return solver


if __name__ == "__main__":
    main()
