"""Softmax regression as in MinPy's first tutorial."""

from __future__ import annotations

import numpy

from benchmarks.work import Symbol, Work, normal, one_hot

COUNT = 10_000


def write(np):
    def function(w, x, y):
        a = np.exp(np.dot(x, w))
        prob = a / np.sum(a, axis=1, keepdims=True)
        return -np.sum(y * np.log(prob)) / COUNT

    return function


def torch_function(w, x, labels):
    import torch

    return torch.nn.functional.cross_entropy(x @ w, labels)


def symbol(F, w, x, labels):
    scores = F.FullyConnected(x, w, num_hidden=5, no_bias=True)
    return -F.mean(F.pick(F.log_softmax(scores), labels))


def by_hand(w, x, y):
    a = numpy.exp(x @ w)
    prob = a / a.sum(1, keepdims=True)
    return [-(y * numpy.log(prob)).sum() / COUNT, x.T @ (prob - y) / COUNT]


def logistic() -> Work:
    x = numpy.random.RandomState(0).rand(COUNT, 500).astype("float32")
    labels = numpy.random.RandomState(1).randint(0, 5, COUNT)
    return Work(
        title="softmax regression, 10,000 x 500 x 5, gradient",
        kind="gradient",
        params=normal(2, 500, 5, scale=0.1),
        data=[x, one_hot(labels, 5)],
        numpy=write,
        torch=torch_function,
        torch_data=[x, labels],
        symbol=Symbol(symbol, [x, labels.astype("float32")], lambda p: [p[0].T.copy()], lambda p: [p[0].T]),
        by_hand=by_hand,
    )


WORKS = {"logistic": logistic}
