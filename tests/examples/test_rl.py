"""The agents of ``examples/rl`` see, count, go on and learn as their descriptions say."""

from __future__ import annotations

import re

import numpy
import pytest
from PIL import Image

from examples.rl.environments import Environments
from examples.rl.games import CARTPOLE, PONG, PongPreprocessor
from examples.rl.parallel_actor_critic.__main__ import main as actor_critic
from examples.rl.parallel_actor_critic.__main__ import make, parse
from examples.rl.parallel_actor_critic.model import ActorCritic
from examples.rl.parallel_actor_critic.rollouts import Rollouts, choose, generalized_advantages
from examples.rl.policy_gradient.__main__ import main as policy_gradient
from examples.rl.policy_gradient.model import PolicyNetwork
from examples.rl.solver import PlayingSolver
from minpy import grad


def frame(ball):
    """Of Pong, in its colours: a background, a border and scores outside of the field, a paddle, a ball."""
    image = numpy.full((210, 160, 3), (144, 72, 17), "uint8")
    image[:35] = image[195:] = (236, 236, 236)
    image[100:116, 140:144] = (92, 186, 92)
    row, column = ball
    image[row : row + 4, column : column + 2] = (236, 236, 236)
    return image


def test_preprocessor_sees_what_moves():
    eye = PongPreprocessor()
    assert not eye.preprocess(frame((45, 20))).any()  # nothing has moved yet
    seen = eye.preprocess(frame((55, 30))).reshape(80, 80)
    wanted = numpy.zeros((80, 80), "float32")
    wanted[5:7, 10] = -1  # rows 45 to 48, behind the 35 that are cut off, and every second
    wanted[10:12, 15] = 1
    numpy.testing.assert_array_equal(seen, wanted)
    eye.reset()
    assert not eye.preprocess(frame((45, 20))).any()


def test_advantages_are_the_sums_of_the_paper():
    random = numpy.random.RandomState(0)
    steps, n, gamma, lambda_ = 7, 3, 0.9, 0.8
    rewards, values = random.standard_normal((steps, n)), random.standard_normal((steps + 1, n))
    ends = numpy.zeros((steps, n), bool)
    ends[2, 0] = ends[6, 1] = ends[0, 2] = ends[4, 2] = True
    found = generalized_advantages(rewards, values, ends, gamma, lambda_)
    for i in range(n):
        for t in range(steps):
            last = next((s for s in range(t, steps) if ends[s, i]), steps - 1)
            after = [0.0 if ends[s, i] else values[s + 1, i] for s in range(steps)]
            deltas = [rewards[s, i] + gamma * after[s] - values[s, i] for s in range(t, last + 1)]
            wanted = sum((gamma * lambda_) ** k * delta for k, delta in enumerate(deltas))
            assert found[t, i] == pytest.approx(wanted, rel=1e-12)


def test_actions_come_as_often_as_they_are_likely():
    numpy.random.seed(0)
    chosen = choose(numpy.log(numpy.tile(numpy.float32([[0.2, 0.5, 0.3]]), (20000, 1))))
    numpy.testing.assert_allclose(numpy.bincount(chosen) / 20000, [0.2, 0.5, 0.3], atol=0.015)


@pytest.mark.parametrize("game, steps", [(CARTPOLE, 60), (PONG, 30)])
def test_episodes_under_way_are_restored(game, steps):
    numpy.random.seed(0)
    one, other = Environments(game, 2), Environments(game, 2)
    one.start()
    choices = numpy.random.randint(0, 2, (steps + 5, 2))
    for t in range(steps):
        one.step(choices[t])
    other.restore(one.state())
    for t in range(steps, steps + 5):
        numpy.random.seed(t)
        first = one.step(choices[t])
        numpy.random.seed(t)
        for a, b in zip(first, other.step(choices[t])):
            numpy.testing.assert_array_equal(a, b)
    numpy.testing.assert_array_equal(one.observations, other.observations)
    assert (one.scores, one.ended_at, one.frames) == (other.scores, other.ended_at, other.frames)
    assert one.frames == (steps + 5) * 2 * game.frame_skip


def test_rewards_of_a_rally_are_discounted():
    rs = numpy.float32([0, 0, 1, 0, -1, 0])
    sums = numpy.array([0.25, 0.5, 1, -0.5, -1, 0])  # by halves, and nothing across the end of a rally
    found = PolicyNetwork(gamma=0.5).discount_rewards(rs)
    numpy.testing.assert_allclose(found, (sums - sums.mean()) / sums.std(), 1e-6)
    assert not PolicyNetwork().discount_rewards(numpy.zeros(3, "float32")).any()


def test_gradient_of_the_loss_is_the_policy_gradient():
    random = numpy.random.RandomState(0)
    scores, rs = random.standard_normal((2, 6, 1))
    actions = numpy.array([[0], [1], [0], [0], [1], [1]])
    model = PolicyNetwork()
    found = grad(lambda z: model.loss(1 / (1 + numpy.exp(-z)), actions, rs))(scores)
    # of log(probability of what was done) by the score of going up: 1 - p, or -p where it went down
    p = 1 / (1 + numpy.exp(-scores))
    numpy.testing.assert_allclose(found, -((actions == 0) - p) * rs, 1e-6)


def test_policy_gradient_plays_pong(capsys):
    solver = policy_gradient(["--steps=1", "--seed=2"])
    assert "train_step: everything is compiled" in capsys.readouterr().out
    (score,) = solver.environments.scores
    assert solver.train_acc_history == [score] and -21 <= score < 0
    assert len(solver.loss_history) == 1 and solver.environments.steps == solver.environments.ended_at[0]


#: a few updates of the pole: with 2 environments and 64 steps for each, 128 steps are one
POLE = ["--game=cartpole", "--envs=2", "--seed=5"]


def test_resumed_run_is_the_run_without_a_break(tmp_path, capsys):
    file = f"--checkpoint={tmp_path / 'run.safetensors'}"
    length = "--steps=5120"
    whole = actor_critic([*POLE, length])
    part = make(parse([*POLE, length, file]))
    part.train_dataiter.total = 17 * 128  # in the middle of episodes
    part.init()
    part.train()
    rest = actor_critic([*POLE, length, file, "--resume"])
    assert len(whole.loss_history) == 40
    assert rest.loss_history == whole.loss_history
    assert rest.environments.scores == whole.environments.scores
    for name, value in whole.model.params.items():
        numpy.testing.assert_array_equal(rest.model.params[name], value)


def test_policy_gradient_holds_a_pole_up(capsys):
    solver = policy_gradient(["--game=cartpole", "--steps=6000"])
    assert "train_step: everything is compiled" in capsys.readouterr().out
    scores = solver.environments.scores
    assert numpy.mean(scores[-20:]) > 3 * numpy.mean(scores[:20])


def test_bar_shows_steps_and_rewards(capsys):
    agent, environments = ActorCritic(4, 2), Environments(CARTPOLE, 2)
    solver = PlayingSolver(Rollouts(agent, environments, 3000, 3), progress=True, seed=0)
    solver.init()
    solver.train()
    shown = capsys.readouterr()
    assert environments.steps == 3072 and "3000/3000" in shown.err and "reward=" in shown.err
    assert len(re.findall(r"^\(Step \d+ / 3000\) episodes: \d+; running reward: \d", shown.out, re.M)) == 8


def test_compiled_and_eager_learn_the_same(capsys):
    compiled = actor_critic([*POLE, "--steps=384"])
    assert "train_step: everything is compiled" in capsys.readouterr().out
    eager = actor_critic([*POLE, "--steps=384", "--eager"])
    assert "compiled" not in capsys.readouterr().out
    assert len(compiled.loss_history) == 3
    numpy.testing.assert_allclose(compiled.loss_history, eager.loss_history, 1e-5)
    for name, value in compiled.model.params.items():
        numpy.testing.assert_allclose(value, eager.model.params[name], 1e-4, 1e-6)


def test_pole_is_held_up_longer_after_some_practice(capsys):
    solver = actor_critic([*POLE, "--envs=8", "--steps=40000"])
    scores = solver.environments.scores
    assert numpy.mean(scores[-50:]) > 3 * numpy.mean(scores[:50])


def test_pictures(tmp_path, capsys):
    plot, film = tmp_path / "reward.png", tmp_path / "episode.gif"
    actor_critic([*POLE, "--steps=512", f"--plot={plot}", f"--render={film}"])
    assert f"{film}: an episode with the score" in capsys.readouterr().out
    with Image.open(plot) as image:
        assert image.size == (840, 480)
    with Image.open(film) as image:
        assert image.size == (600, 400) and image.n_frames > 2


def test_options_that_are_none(capsys):
    for arguments, message in (
        (["--resume"], "--resume needs --checkpoint FILE"),
        (["--envs=0"], "argument --envs: must be at least 1, but is 0"),
        (["--steps=1", "--frames=4"], "not allowed with argument"),
        (["--seed=-1"], "argument --seed: must be from 0 to 2**32 - 1, but is -1"),
        (["--plot=nowhere/reward.png"], "argument --plot: there is no folder nowhere"),
        (["--render=game.mp4"], "argument --render: the name has to end with .gif, not 'game.mp4'"),
    ):
        with pytest.raises(SystemExit):
            actor_critic(arguments)
        assert message in capsys.readouterr().err
