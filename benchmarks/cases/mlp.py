"""A network with one hidden layer: a full training step."""

from __future__ import annotations

import numpy

from benchmarks.work import Symbol, Work, normal, one_hot, transposed


def write(np):
    def loss(params, x, y):
        w1, b1, w2, b2 = params
        hidden = np.maximum(np.dot(x, w1) + b1, 0)
        scores = np.dot(hidden, w2) + b2
        scores = scores - np.max(scores, axis=1, keepdims=True)
        log_probs = scores - np.log(np.sum(np.exp(scores), axis=1, keepdims=True))
        return -np.mean(np.sum(y * log_probs, axis=1))

    return loss


def torch_loss(params, x, labels):
    import torch

    w1, b1, w2, b2 = params
    hidden = torch.relu(torch.addmm(b1, x, w1))
    return torch.nn.functional.cross_entropy(torch.addmm(b2, hidden, w2), labels)


def symbol(F, params, x, labels):
    w1, b1, w2, b2 = params
    hidden = F.Activation(F.FullyConnected(x, w1, b1, num_hidden=512), act_type="relu")
    scores = F.FullyConnected(hidden, w2, b2, num_hidden=10)
    return -F.mean(F.pick(F.log_softmax(scores), labels))


def by_hand(params, x, y):
    w1, b1, w2, b2 = params
    hidden = numpy.maximum(x @ w1 + b1, 0)
    scores = hidden @ w2 + b2
    scores -= scores.max(1, keepdims=True)
    exp = numpy.exp(scores)
    total = exp.sum(1, keepdims=True)
    loss = -numpy.mean(numpy.sum(y * (scores - numpy.log(total)), axis=1))
    d_scores = (exp / total - y) / len(x)
    d_hidden = (d_scores @ w2.T) * (hidden > 0)
    return [loss, x.T @ d_hidden, d_hidden.sum(0), hidden.T @ d_scores, d_scores.sum(0)]


def mlp(batch: int = 128) -> Work:
    labels = numpy.random.RandomState(0).randint(0, 10, batch)
    x = normal(1, batch, 3072)
    params = [
        normal(2, 3072, 512, scale=0.02),
        normal(3, 512, scale=0.1),
        normal(4, 512, 10, scale=0.05),
        normal(5, 10, scale=0.1),
    ]
    return Work(
        title=f"multilayer perceptron, batch {batch}, 3072-512-10, full step",
        kind="step",
        params=params,
        data=[x, one_hot(labels, 10)],
        numpy=write,
        torch=torch_loss,
        torch_data=[x, labels],
        symbol=Symbol(symbol, [x, labels.astype("float32")], **transposed(0, 2)),
        by_hand=by_hand,
        rate=0.01,
    )


WORKS = {"mlp": mlp}
