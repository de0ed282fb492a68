"""Small models and algorithms, written as in a notebook."""

from __future__ import annotations

import collections
import dataclasses

import numpy

import minpy
import minpy.numpy as np
from tests.corpus.elsewhere import Affine, layers
from tests.corpus.inputs import V
from tests.corpus.registry import program

_random = numpy.random.RandomState(7)


def rand(*shape):
    """Numbers that are always the same."""
    return np.array(_random.randn(*shape))


DATA = rand(6, 4)
LABELS = numpy.array([0, 2, 1, 1, 0, 2])
W1, W2 = rand(4, 5), rand(5, 3)


@program((DATA, W1, W2, LABELS))
def softmax_classifier(x, w1, w2, labels):
    h = np.maximum(np.dot(x, w1), 0)
    scores = np.dot(h, w2)
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    log_sum = np.log(np.sum(np.exp(shifted), axis=1))
    return np.mean(log_sum - shifted[np.arange(len(labels)), labels])


@program(
    (W2, DATA @ W1, LABELS, 0.1), (W2, DATA @ W1, LABELS, 0.3), no_gradient="the step is what is computed"
)
def training_step(w, x, labels, rate):
    def loss(w):
        p = np.exp(np.dot(x, w))
        p = p / np.sum(p, axis=1, keepdims=True)
        return -np.mean(np.log(p[np.arange(len(labels)), labels]))

    gradient, value = minpy.grad_and_loss(loss)(w)
    return w - rate * gradient, value


@program((rand(7, 2), rand(2, 3), rand(3, 3) * 0.3), (rand(2, 2), rand(2, 3), rand(3, 3)))
def recurrent_network(x, w, u):
    h = np.zeros(3)
    states = []
    for t in range(len(x)):
        h = np.tanh(np.dot(x[t], w) + np.dot(h, u))
        states.append(h)
    return np.stack(states), h


@program((rand(4, 2), rand(2, 8), rand(2, 8)), no_gradient="checked for the simple network")
def lstm(x, w, u):
    h = c = np.zeros((1, 2))
    for row in x:
        i, f, o, g = np.split(row.reshape(1, -1) @ w + h @ u, 4, axis=1)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
    return h, c


@program((rand(2, 3, 4), rand(4, 4), rand(4, 4), 2), (rand(1, 5, 4), rand(4, 4), rand(4, 4), 1))
def attention(x, wq, wk, heads):
    batch, steps, size = x.shape
    q, k = ((x @ w).reshape(batch, steps, heads, size // heads).transpose(0, 2, 1, 3) for w in (wq, wk))
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(size // heads)
    mask = numpy.tril(numpy.ones((steps, steps), bool))
    scores = np.where(mask, scores, -1e9)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return (weights @ q).transpose(0, 2, 1, 3).reshape(x.shape)


class BatchNorm:
    def __init__(self, size):
        self.gamma, self.beta = numpy.ones(size), numpy.zeros(size)
        self.running = {"mean": numpy.zeros(size), "var": numpy.ones(size)}

    def forward(self, x, mode="train", momentum=0.9):
        if mode == "train":  # flow
            mean, var = x.mean(axis=0), x.var(axis=0)
            for name, value in (("mean", mean), ("var", var)):
                self.running[name] = momentum * self.running[name] + (1 - momentum) * value
        elif mode == "test":  # flow
            mean, var = self.running["mean"], self.running["var"]
        else:
            raise ValueError(f"unknown mode {mode!r}")  # leftover
        return (x - mean) / np.sqrt(var + 1e-5) * self.gamma + self.beta


NORM = BatchNorm(4)
program((DATA,), (2 * DATA, "train"), (DATA, "test"), (DATA, "other"))(NORM.forward)


@dataclasses.dataclass
class Adam:
    rate: float = 0.1
    betas: tuple = (0.9, 0.99)
    step: int = 0
    moments: dict = dataclasses.field(default_factory=dict)

    def update(self, params, gradients):
        self.step += 1
        for name, gradient in gradients.items():
            m, v = self.moments.get(name, (0.0, 0.0))
            m = self.betas[0] * m + (1 - self.betas[0]) * gradient
            v = self.betas[1] * v + (1 - self.betas[1]) * gradient**2
            self.moments[name] = m, v
            m, v = m / (1 - self.betas[0] ** self.step), v / (1 - self.betas[1] ** self.step)
            params[name] = params[name] - self.rate * m / (np.sqrt(v) + 1e-8)
        return params


ADAM = Adam()
program(({"w": V, "b": 2 * V}, {"w": V * 0.5, "b": V}), no_gradient="each step is another one")(ADAM.update)


@program(
    (rand(8, 2), numpy.array([[0.0, 0.0], [1.0, 1.0]])), no_gradient="it jumps where points change sides"
)
def k_means(points, centers):
    for _ in range(3):  # flow
        distances = np.sum((points[:, None] - centers[None]) ** 2, axis=2)
        nearest = np.argmin(distances, axis=1)
        centers = np.stack([np.mean(points[nearest == k], axis=0) for k in range(len(centers))])  # leftover
    return centers, nearest


@program((np.array([[4.0, 1.0], [1.0, 3.0]]), np.array([1.0, 2.0])))
def conjugate_gradients(a, b):
    x = np.zeros(b.shape, dtype=b.dtype)
    r = p = b
    for _ in range(len(b)):  # flow
        ap = np.dot(a, p)
        alpha = np.dot(r, r) / np.dot(p, ap)
        x = x + alpha * p
        new = r - alpha * ap
        if np.sqrt(np.dot(new, new)) < 1e-9:
            break
        p = new + np.dot(new, new) / np.dot(r, r) * p
        r = new
    return x


@program((np.array([2.0, 9.0, 100.0]),), (np.array([1.0]),))
def newton_square_roots(x):
    guess = x
    steps = 0
    while np.max(np.abs(guess * guess - x)) > 1e-9:  # flow
        guess = 0.5 * (guess + x / guess)
        steps += 1
        if steps >= 30:  # flow
            raise ArithmeticError("no root")  # leftover
    return guess, steps


@program(("kitten", "sitting"), ("", "abc"), no_gradient="of letters")
def edit_distance(a, b):
    table = np.zeros((len(a) + 1, len(b) + 1))
    table[:, 0] = np.arange(len(a) + 1)
    table[0, :] = np.arange(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            change = table[i - 1, j - 1] + (a[i - 1] != b[j - 1])
            table[i, j] = np.minimum(np.minimum(table[i - 1, j], table[i, j - 1]) + 1, change)
    return table[len(a), len(b)]


@program((rand(5, 2), rand(5), 0.3, 2), (rand(4, 3), rand(4), 0.0, 1))
def ridge_regression(x, y, decay, degree):
    features = np.concatenate([x**k for k in range(1, degree + 1)], axis=1)
    gram = features.T @ features + (decay + 1) * np.eye(features.shape[1], dtype="float64")
    for _ in range(2):
        gram = gram * 0.5
    residual = y - features @ (features.T @ y) / np.trace(gram)
    return np.sum(residual**2) / len(y)


@program((rand(3, 6, 6), rand(2, 3, 3, 3)), (rand(1, 4, 4), rand(1, 1, 2, 2)))
def convolution_by_hand(image, kernels):
    count, channels, height, width = kernels.shape
    rows, columns = image.shape[1] - height + 1, image.shape[2] - width + 1
    out = np.zeros((count, rows, columns))
    for i in range(height):
        for j in range(width):
            patch = image[:, i : i + rows, j : j + columns].reshape(channels, -1)
            out += (kernels[:, :, i, j] @ patch).reshape(count, rows, columns)
    return np.maximum(out, 0)


Params = collections.namedtuple("Params", "w b scale")


@program((Params(W1, np.zeros(5, dtype="float64"), 2.0), DATA), (Params(W1, rand(5), 0.5), DATA[:2]))
def parameters_in_a_namedtuple(params, x):
    h = np.tanh(x @ params.w + params.b) * params.scale
    return params._replace(b=params.b - 0.1 * np.mean(h, axis=0)), h


@program((DATA, [W1, W2]), (DATA, [W1]), (DATA, []))
def layers_of_another_module(x, weights):
    hidden = list(layers(x, *weights))
    last = Affine(hidden[-1].T)(hidden[-1]) if hidden else x
    return last, len(hidden)


@program((rand(6), rand(3)), (rand(3), rand(3)))
def moving_average(x, weights):
    n, k = len(x), len(weights)
    windows = [x[i : i + k] for i in range(n - k + 1)]
    smooth = np.array([np.dot(w, weights) for w in windows])
    trend = np.cumsum(smooth) / numpy.arange(1, n - k + 2)
    return smooth - trend


@program((DATA, 3), (DATA, 1))
def mini_batches(x, size):
    total = 0.0
    sums = []
    for start in range(0, len(x), size):
        batch = x[start : start + size]
        loss = np.mean(batch * batch)
        total += loss * len(batch)
        sums.append(loss)
    return total / len(x), sums


@program((np.array([0.3, 0.6, 0.1]), 20), (np.array([0.5, 0.5]), 3))
def markov_chain(p, steps):
    n = len(p)
    move = 0.9 * np.eye(n, dtype="float64") + 0.1 / n
    entropy = []
    for _ in range(steps):
        p = p @ move
        p /= p.sum()
        entropy.append(-np.sum(p * np.log(p)))
    return p, entropy[-1], min(len(entropy), 7)
