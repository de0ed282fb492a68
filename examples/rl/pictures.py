"""A curve of the rewards, and an episode to look at."""

from __future__ import annotations

import os
from typing import Any

import numpy

from examples.rl.environments import WINDOW, Environments

#: of an episode that is played for a GIF: it stops there, so that the file does not grow without end
LONGEST = 2000


def plot(environments: Environments, path: str | os.PathLike[str], *, title: str | None = None) -> None:
    """Write the running reward by frames of the emulators, and the score of each episode behind it."""
    from matplotlib.figure import Figure

    skip = environments.game.frame_skip
    frames, scores = numpy.array(environments.ended_at) * skip, numpy.array(environments.scores)
    sums = numpy.cumsum(numpy.concatenate([[0.0], scores]))
    first = numpy.maximum(numpy.arange(1, len(scores) + 1) - WINDOW, 0)
    running = (sums[1:] - sums[first]) / (numpy.arange(1, len(scores) + 1) - first)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(frames, scores, ".", color="0.8", markersize=3, label="score of an episode")
    axes.plot(frames, running, color="C0", label=f"mean of the last {WINDOW}")
    axes.set(
        xlabel="frames" if skip > 1 else "steps",
        ylabel="reward",
        title=title or environments.game.environment,
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="best")
    figure.savefig(path, dpi=120)


def render(player: Any, path: str | os.PathLike[str], every: int = 2) -> float:
    """Play an episode, write what is seen as a GIF, and return its score.

    Args:
        player: has ``environments``, whose game is played, and ``choose(xs)``, which gives the actions for
            observations (n, size).
        every: so many steps for each picture.
    """
    from PIL import Image

    game = player.environments.game
    environment, preprocessor = game.make(render_mode="rgb_array"), game.preprocessor()
    preprocessor.reset()
    observation, _ = environment.reset(seed=int(numpy.random.randint(2**31)))
    pictures, score, is_over = [], 0.0, False
    for step in range(LONGEST):
        if step % every == 0:
            pictures.append(Image.fromarray(environment.render()).quantize(64))
        if is_over:
            break
        choice = int(player.choose(preprocessor.preprocess(observation)[numpy.newaxis])[0])
        observation, reward, ended, is_cut, _ = environment.step(game.actions[choice])
        score, is_over = score + float(reward), ended or is_cut
    environment.close()
    milliseconds = 1000 * every * game.frame_skip // 60  # the emulators show 60 frames a second, a pole 50
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=max(milliseconds, 20), loop=0)
    return score
