"""RNN Tutorial."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from examples.utils.data_utils import adding_problem_generator as data_gen
from minpy.nn import layers
from minpy.nn.io import NDArrayIter
from minpy.nn.layers import sigmoid
from minpy.nn.model import ModelBase
from minpy.nn.solver import Solver


def test_adding_problem():
    def adding_problem_generator(N, seq_len=6, high=1):
        X_num = np.random.uniform(low=0, high=high, size=(N, seq_len, 1))
        X_mask = np.zeros((N, seq_len, 1))
        Y = np.ones((N, 1))
        for i in range(N):
            positions = np.random.choice(seq_len, size=2, replace=False)
            X_mask[i, positions] = 1
            Y[i, 0] = np.sum(X_num[i, positions])
        X = np.append(X_num, X_mask, axis=2)
        return X, Y

    X, Y = adding_problem_generator(20)
    numpy.random.seed(0)
    expected_X, expected_Y = data_gen(20)
    numpy.testing.assert_allclose(X.asnumpy(), expected_X, rtol=1e-6)
    numpy.testing.assert_allclose(Y.asnumpy(), expected_Y, rtol=1e-6)
    assert (X.shape, Y.shape) == ((20, 6, 2), (20, 1))
    numpy.testing.assert_allclose(
        (X[:, :, 0] * X[:, :, 1]).sum(axis=1).asnumpy(), Y.asnumpy()[:, 0], rtol=1e-6
    )


class RNNNet(ModelBase):
    def __init__(self, batch_size=100, input_size=2, hidden_size=16, num_classes=1):
        super().__init__()
        self.add_param(name="Wx", shape=(input_size, hidden_size)).add_param(
            name="Wh", shape=(hidden_size, hidden_size)
        ).add_param(name="b", shape=(hidden_size,)).add_param(
            name="Wa", shape=(hidden_size, num_classes)
        ).add_param(name="ba", shape=(num_classes,))

    def forward(self, X, mode):
        seq_len = X.shape[1]
        batch_size = X.shape[0]
        hidden_size = self.params["Wh"].shape[0]
        h = np.zeros((batch_size, hidden_size))
        for t in range(seq_len):
            h = layers.rnn_step(X[:, t, :], h, self.params["Wx"], self.params["Wh"], self.params["b"])
        y = layers.affine(h, self.params["Wa"], self.params["ba"])
        return y

    def loss(self, predict, y):
        return layers.l2_loss(predict, y)


class LSTMNet(ModelBase):
    def __init__(self, batch_size=100, input_size=2, hidden_size=16, num_classes=1):
        super().__init__()
        self.add_param(name="Wx", shape=(input_size, 4 * hidden_size)).add_param(
            name="Wh", shape=(hidden_size, 4 * hidden_size)
        ).add_param(name="b", shape=(4 * hidden_size,)).add_param(
            name="Wa", shape=(hidden_size, num_classes)
        ).add_param(name="ba", shape=(num_classes,))

    def forward(self, X, mode):
        seq_len = X.shape[1]
        batch_size = X.shape[0]
        hidden_size = self.params["Wh"].shape[0]
        h = np.zeros((batch_size, hidden_size))
        c = np.zeros((batch_size, hidden_size))
        for t in range(seq_len):
            h, c = layers.lstm_step(X[:, t, :], h, c, self.params["Wx"], self.params["Wh"], self.params["b"])
        y = layers.affine(h, self.params["Wa"], self.params["ba"])
        return y

    def loss(self, predict, y):
        return layers.l2_loss(predict, y)


class GRUNet(ModelBase):
    def __init__(self, batch_size=100, input_size=2, hidden_size=16, num_classes=1):
        super().__init__()
        self.add_param(name="Wx", shape=(input_size, 2 * hidden_size)).add_param(
            name="Wh", shape=(hidden_size, 2 * hidden_size)
        ).add_param(name="b", shape=(2 * hidden_size,)).add_param(
            name="Wxh", shape=(input_size, hidden_size)
        ).add_param(name="Whh", shape=(hidden_size, hidden_size)).add_param(
            name="bh", shape=(hidden_size,)
        ).add_param(name="Wa", shape=(hidden_size, num_classes)).add_param(name="ba", shape=(num_classes,))

    def forward(self, X, mode):
        seq_len = X.shape[1]
        batch_size = X.shape[0]
        hidden_size = self.params["Wh"].shape[0]
        h = np.zeros((batch_size, hidden_size))
        for t in range(seq_len):
            h = layers.gru_step(
                X[:, t, :],
                h,
                self.params["Wx"],
                self.params["Wh"],
                self.params["b"],
                self.params["Wxh"],
                self.params["Whh"],
                self.params["bh"],
            )
        y = layers.affine(h, self.params["Wa"], self.params["ba"])
        return y

    def loss(self, predict, y):
        return layers.l2_loss(predict, y)


@pytest.mark.parametrize("network", [RNNNet, LSTMNet, GRUNet])
def test_networks_learn_the_adding_problem(network):
    x_train, y_train = data_gen(2000)
    x_test, y_test = data_gen(200)
    train_dataiter = NDArrayIter(x_train, y_train, batch_size=100, shuffle=True)
    test_dataiter = NDArrayIter(x_test, y_test, batch_size=100, shuffle=False)
    solver = Solver(
        network(),
        train_dataiter,
        test_dataiter,
        num_epochs=25,
        init_rule="xavier",
        update_rule="adam",
        optim_config={"learning_rate": 0.01},
        task_type="regression",
        verbose=False,
        print_every=20,
    )
    solver.init()
    solver.train()
    # The baseline of the page: the error of one who always says 1.
    assert numpy.mean(solver.loss_history[:20]) > 0.1
    assert numpy.mean(solver.loss_history[-20:]) < 0.1767
    assert solver.best_val_acc < 0.1
    assert "everything is compiled" in str(minpy.explain(solver.step))


def rnn_step(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    return next_h


def lstm_step(x, prev_h, prev_c, Wx, Wh, b):
    _, H = prev_c.shape
    a = np.dot(x, Wx) + np.dot(prev_h, Wh) + b
    i = sigmoid(a[:, 0:H])
    f = sigmoid(a[:, H : 2 * H])
    o = sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H : 4 * H])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c


def gru_step(x, prev_h, Wx, Wh, b, Wxh, Whh, bh):
    _, H = prev_h.shape
    a = sigmoid(np.dot(x, Wx) + np.dot(prev_h, Wh) + b)
    r = a[:, 0:H]
    z = a[:, H : 2 * H]
    h_m = np.tanh(np.dot(x, Wxh) + np.dot(r * prev_h, Whh) + bh)
    next_h = z * prev_h + (1 - z) * h_m
    return next_h


N, D, H = 4, 3, 5
STEPS = {
    rnn_step: [(N, D), (N, H), (D, H), (H, H), (H,)],
    lstm_step: [(N, D), (N, H), (N, H), (D, 4 * H), (H, 4 * H), (4 * H,)],
    gru_step: [(N, D), (N, H), (D, 2 * H), (H, 2 * H), (2 * H,), (D, H), (H, H), (H,)],
}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_steps(step):
    """Those of ``layers`` are the page's, eager and compiled."""
    arguments = [np.random.standard_normal(shape) for shape in STEPS[step]]
    expected = step(*arguments)
    for found in (getattr(layers, step.__name__)(*arguments), minpy.jit(step)(*arguments)):
        numpy.testing.assert_allclose(numpy.asarray(found), numpy.asarray(expected), rtol=1e-5, atol=1e-6)
