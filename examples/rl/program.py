"""What the programs of this folder share: their options, and what they do with them."""

from __future__ import annotations

import argparse
import os
import sys

import numpy

import minpy
from examples.rl import pictures
from examples.rl.games import GAMES, Game
from examples.rl.solver import PlayingSolver
from minpy.context import gpu, set_context

#: of the files that ``--plot`` writes
PLOTS = (".png", ".svg", ".pdf", ".jpg")


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """The options that all programs have. Of the docstring ``description`` the first paragraph is shown."""
    options = argparse.ArgumentParser(f"python -m {module}", description=(description or "").split("\n\n")[0])
    options.add_argument("--game", choices=GAMES, default="pong", help="default: pong")
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
    if not 0 <= given.seed < 2**32:
        options.error(f"argument --seed: must be from 0 to 2**32 - 1, but is {given.seed}")
    # What is written at the end of hours; a checkpoint's folder is looked at by the solver.
    for name, endings in (("plot", PLOTS), ("render", (".gif",))):
        path = getattr(given, name)
        if path is not None and os.path.splitext(path)[1].lower() not in endings:
            options.error(f"argument --{name}: the name has to end with {' or '.join(endings)}, not {path!r}")
        if path is not None and not os.path.isdir(os.path.dirname(path) or "."):
            options.error(f"argument --{name}: there is no folder {os.path.dirname(path)}")
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
