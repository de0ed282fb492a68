"""An agent that plays, in MinPy and in PyTorch: ``python -m benchmarks.playing --game pong``.

Both play the same environments by the code of ``examples/rl``, have networks of the same sizes, and do the
same updates. What is measured is frames for each second of the processor's time, in a process for each and in
turns, so that other work on the machine is no part of it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy

from examples.rl.games import GAMES
from examples.rl.parallel_actor_critic.__main__ import SETTINGS, make, parse
from examples.rl.solver import PlayingSolver

PEERS = ("minpy", "torch")
ROUNDS = 3
WARMUP = 3  # updates before the clock runs, which compile
UPDATES = {"pong": 15, "cartpole": 100}


def torch_step(solver: PlayingSolver) -> Callable[[], None]:
    """A function that plays and updates as ``solver`` does, with its network in PyTorch."""
    import torch

    model, sizes, rate = solver.model, solver.model.param_configs, solver.optimizer.learning_rate
    hidden, policy, value = (torch.nn.Linear(*sizes[w]["shape"]) for w in ("w", "policy_w", "value_w"))
    parameters = [p for layer in (hidden, policy, value) for p in layer.parameters()]
    adam = torch.optim.Adam(parameters, lr=rate)
    play = solver.train_dataiter

    def forward(xs):
        h = torch.relu(hidden(xs))
        return torch.log_softmax(policy(h), 1), value(h)[:, 0]

    def predict(xs: numpy.ndarray) -> list[numpy.ndarray]:
        with torch.inference_mode():
            return [x.numpy() for x in forward(torch.from_numpy(xs))]

    def step() -> None:
        batch = play.play()
        xs, actions, returns, advantages = map(torch.from_numpy, [*batch.data, *batch.label])
        logs, values = forward(xs)
        policy_loss = -(logs[torch.arange(len(xs)), actions.long()] * advantages).mean()
        value_loss = 0.5 * ((values - returns) ** 2).mean()
        entropy = -(logs.exp() * logs).sum(1).mean()
        loss = policy_loss + model.value_weight * value_loss - model.entropy_weight * entropy
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 0.5)
        adam.step()
        assert numpy.isfinite(loss.item())

    model.forward = predict
    return step


def frames_per_second(peer: str, game: str) -> float:
    """Frames for each second of the processor's time, once everything is compiled."""
    chosen = SETTINGS[GAMES[game]]
    each = chosen.envs * chosen.t_max
    solver = make(parse([f"--game={game}", f"--steps={(WARMUP + UPDATES[game]) * each}"]))
    games = solver.environments
    begun = []

    def count() -> None:
        if games.steps == WARMUP * each:
            begun.append((time.process_time(), games.frames))

    solver.init()
    if peer == "torch":
        step = torch_step(solver)
        games.start()
        for _ in range(WARMUP + UPDATES[game]):
            step()
            count()
    else:
        solver.callbacks[0].on_step = lambda solver: count()
        solver.train()
    seconds, frames = time.process_time() - begun[0][0], games.frames - begun[0][1]
    return frames / seconds


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--game", choices=GAMES, default="pong")
    options.add_argument("--peer", choices=PEERS, help="only this one, in this process")
    given = options.parse_args()
    if given.peer:
        print(f"{frames_per_second(given.peer, given.game):.0f}")
        return
    command = [sys.executable, "-m", "benchmarks.playing", f"--game={given.game}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    found: dict[str, list[float]] = {peer: [] for peer in PEERS}
    for _ in range(ROUNDS):
        for peer, rates in found.items():
            run = [*command, f"--peer={peer}"]
            output = subprocess.run(run, env=environment, check=True, capture_output=True, text=True).stdout
            rates.append(float(output.split()[-1]))
    for peer, rates in found.items():
        print(f"{peer}: {statistics.median(rates):.0f} frames/s, of {', '.join(f'{r:.0f}' for r in rates)}")


if __name__ == "__main__":
    main()
