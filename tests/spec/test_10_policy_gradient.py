"""Reinforcement learning with policy gradient."""

from __future__ import annotations

import numpy

import minpy
import minpy.numpy as np
from minpy.core import grad_and_loss
from minpy.nn import optim
from minpy.nn.model import ModelBase
from minpy.utils.gradient_checker import check_gradients


class PolicyNetwork(ModelBase):
    def __init__(self, preprocessor=None, input_size=80 * 80, hidden_size=200, gamma=0.99):
        super().__init__()
        self.preprocessor = preprocessor
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.gamma = gamma
        self.add_param("w1", (hidden_size, input_size))
        self.add_param("w2", (1, hidden_size))

    def forward(self, X, mode="train"):
        a = np.dot(self.params["w1"], X.T)
        h = np.maximum(0, a)
        logits = np.dot(h.T, self.params["w2"].T)
        p = 1.0 / (1.0 + np.exp(-logits))
        return p

    def choose_action(self, p):
        a = 2 if numpy.random.uniform() < p else 3
        y = 1 if a == 2 else 0
        return a, y

    def loss(self, ps, ys, rs):
        step_losses = ys * np.log(ps) + (1.0 - ys) * np.log(1.0 - ps)
        return -np.sum(step_losses * rs)

    def discount_rewards(self, rs):
        drs = np.zeros_like(rs).asnumpy()
        s = 0
        for t in reversed(range(0, len(rs))):
            # Reset the running sum at a game boundary.
            if rs[t] != 0:
                s = 0
            s = s * self.gamma + rs[t]
            drs[t] = s
        drs -= np.mean(drs)
        drs /= np.std(drs)
        return drs


def network(preprocessor=None):
    model = PolicyNetwork(preprocessor, input_size=12, hidden_size=8)
    for name, config in model.param_configs.items():
        model.params[name] = np.random.normal(0, 0.3, config["shape"])
    return model


def test_probabilities_and_actions():
    model = network()
    p = model.forward(np.random.standard_normal((5, 12)))
    assert p.shape == (5, 1) and bool(np.all((p > 0) & (p < 1)))
    chosen = [model.choose_action(np.array([0.75])) for _ in range(1000)]
    assert set(chosen) == {(2, 1), (3, 0)}
    assert 0.7 < sum(y for _, y in chosen) / 1000 < 0.8


def test_discounted_rewards():
    """The sum of what comes until the next point of the game, then with mean 0 and deviation 1."""
    rs = [0.0, 0.0, 1.0, 0.0, -1.0]
    for rewards in (numpy.array(rs), np.array(rs)):
        drs = network().discount_rewards(rewards)
        plain = numpy.array([0.99**2, 0.99, 1, -0.99, -1])
        assert type(drs) is numpy.ndarray
        numpy.testing.assert_allclose(drs, (plain - plain.mean()) / plain.std(), rtol=1e-5)


def test_gradient_of_the_loss_of_a_policy():
    model = network()
    X, ys, rs = (
        np.random.standard_normal((6, 12)),
        np.array([[1.0], [0], [1], [1], [0], [0]]),
        np.ones((6, 1)),
    )

    def loss(w1, w2, X):
        model.params.update(w1=w1, w2=w2)
        return model.loss(model.forward(X), ys, rs)

    check_gradients(loss, model.params["w1"], model.params["w2"], X, argnum=[0, 1])


class PongPreprocessor:
    """What stays of a picture: what is new in it."""

    def __init__(self):
        self.before = numpy.zeros(12)

    def preprocess(self, img):
        img = img.astype(float).ravel()
        diff = img - self.before
        self.before = img
        return diff


def test_training_on_a_game_of_one_picture():
    """The cross-entropy weighted by rewards makes actions likelier that were rewarded."""
    model = network(PongPreprocessor())
    images = [numpy.random.randint(0, 2, (3, 4)) for _ in range(40)]
    X = np.array(numpy.stack([model.preprocessor.preprocess(image) for image in images]))
    wanted = X[:, 0].asnumpy() > 0  # up, where a pixel appears

    @minpy.jit
    def loss(w1, w2, X, ys, rs):
        model.params.update(w1=w1, w2=w2)
        return model.loss(model.forward(X), ys, rs)

    configs = {"w1": {"learning_rate": 0.03}, "w2": {"learning_rate": 0.03}}
    history = []
    for _ in range(50):
        ps = model.forward(X)
        ys = numpy.array([[model.choose_action(p)[1]] for p in ps])
        rewards = numpy.where(ys[:, 0] == wanted, 1.0, -1.0)
        history.append(rewards.mean())
        if history[-1] == 1:  # all are right, and rewards without deviation are no advice
            break
        rs = model.discount_rewards(rewards)[:, None]
        w1, w2 = model.params["w1"], model.params["w2"]
        grads, _ = grad_and_loss(loss, [0, 1])(w1, w2, X, ys, rs)
        for name, w, dw in zip(("w1", "w2"), (w1, w2), grads):
            model.params[name], configs[name] = optim.rmsprop(w, dw, configs[name])
    assert history[0] < 0.5 < 0.8 < history[-1]
