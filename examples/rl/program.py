"""What the programs of this folder share: their options, and what they do with them."""

from __future__ import annotations

import argparse
import sys

import numpy

import minpy
from examples.rl import pictures
from examples.rl.games import Game
from examples.rl.solver import PlayingSolver
from minpy.context import gpu, set_context


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all programs have. ``description`` is a docstring; its first paragraph is shown."""
    options = argparse.ArgumentParser(description=(description or "").split("\n\n")[0])
    length = options.add_mutually_exclusive_group()
    length.add_argument(
        "--steps", type=int, metavar="N", help="play so many steps, of all environments together"
    )
    length.add_argument("--frames", type=int, metavar="N", help="the same in frames: a step of Pong has four")
    options.add_argument("--seed", type=int, default=0, metavar="N", help="of all random numbers; default: 0")
    options.add_argument(
        "--checkpoint", metavar="FILE", help="write all that is needed to go on, now and then"
    )
    options.add_argument("--resume", action="store_true", help="go on from the checkpoint, if it is there")
    options.add_argument(
        "--plot", metavar="FILE", help="write a curve of the running reward, such as reward.png"
    )
    options.add_argument("--render", metavar="FILE", help="play an episode at the end and write it as a GIF")
    options.add_argument("--eager", action="store_true", help="do not compile")
    options.add_argument("--gpu", type=int, metavar="N", help="compute on GPU number N")
    return options


def start(options: argparse.ArgumentParser, arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line, choose the device, and seed the random numbers."""
    given = options.parse_args(arguments)
    if given.resume and given.checkpoint is None:
        options.error("--resume needs --checkpoint FILE, the file to go on from")
    for name in ("steps", "frames", "envs"):
        count = getattr(given, name, None)
        if count is not None and count < 1:
            options.error(f"argument --{name}: must be at least 1, but is {count}")
    if given.gpu is not None:
        try:
            set_context(gpu(given.gpu))
        except minpy.errors.ContextError as error:
            sys.exit(f"{options.prog}: {error}")
    numpy.random.seed(given.seed)
    return given


def total_steps(given: argparse.Namespace, game: Game, default: int) -> int:
    """How many steps ``--steps`` or ``--frames`` mean."""
    if given.frames is not None:
        return -(-given.frames // game.frame_skip)
    return default if given.steps is None else given.steps


def settings(given: argparse.Namespace) -> dict:
    """The arguments of ``Solver`` that come from the command line."""
    return {"jit": not given.eager, "seed": given.seed, "checkpoint": given.checkpoint}


def train(solver: PlayingSolver, given: argparse.Namespace) -> None:
    """Train, and write what was asked for."""
    solver.init()
    solver.train(resume=given.resume)
    games = solver.environments
    print(f"{len(games.scores)} episodes in {games.steps} steps; running reward: {games.running_reward:.2f}")
    if given.plot is not None:
        pictures.plot(games, given.plot)
    if given.render is not None:
        score = pictures.render(solver.train_dataiter, given.render)
        print(f"{given.render}: an episode with the score {score:g}")
    if not given.eager:
        print(minpy.explain(solver.step))
