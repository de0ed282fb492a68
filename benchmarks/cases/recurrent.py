"""Recurrent networks over a batch of sequences, as in the documentation's tutorial: value and gradient.

GRU is the form in which the reset gate comes after the hidden product, which cuDNN, PyTorch and MXNet have.
PyTorch and MXNet run their own operator for whole sequences, which is what one writes there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy

from benchmarks.work import Symbol, Work, normal, one_hot

BATCH, INPUTS, CLASSES = 100, 28, 10
GATES = {"rnn": 1, "lstm": 4, "gru": 3}  # in MXNet's and PyTorch's order: LSTM i f g o, GRU r z n


def sigmoid(np, x):
    return 1 / (1 + np.exp(-x))


def rnn_cell(np, state, x, wx, wh, b):
    (h,) = state
    return (np.tanh(np.dot(x, wx) + np.dot(h, wh) + b),)


def lstm_cell(np, state, x, wx, wh, b):
    h, c = state
    a = np.dot(x, wx) + np.dot(h, wh) + b
    n = h.shape[1]
    i, f, o = sigmoid(np, a[:, :n]), sigmoid(np, a[:, n : 2 * n]), sigmoid(np, a[:, 3 * n :])
    c = f * c + i * np.tanh(a[:, 2 * n : 3 * n])
    return o * np.tanh(c), c


def gru_cell(np, state, x, wx, wh, b):
    (h,) = state
    n = h.shape[1]
    a, u = np.dot(x, wx) + b, np.dot(h, wh)
    r, z = sigmoid(np, a[:, :n] + u[:, :n]), sigmoid(np, a[:, n : 2 * n] + u[:, n : 2 * n])
    return ((1 - z) * np.tanh(a[:, 2 * n :] + r * u[:, 2 * n :]) + z * h,)


CELLS = {"rnn": rnn_cell, "lstm": lstm_cell, "gru": gru_cell}


def cross_entropy(np, scores, y):
    scores = scores - np.max(scores, axis=1, keepdims=True)
    return -np.mean(np.sum(y * (scores - np.log(np.sum(np.exp(scores), axis=1, keepdims=True))), axis=1))


def write(mode: str) -> Callable:
    cell, states = CELLS[mode], 2 if mode == "lstm" else 1

    def program(np):
        def loss(params, x, y):
            wx, wh, b, w, c = params
            state = (np.zeros((x.shape[1], wh.shape[0]), dtype="float32"),) * states
            for t in range(x.shape[0]):
                state = cell(np, state, x[t], wx, wh, b)
            return cross_entropy(np, np.dot(state[0], w) + c, y)

        return loss

    return program


def write_scan(mode: str) -> Callable:
    cell, states = CELLS[mode], 2 if mode == "lstm" else 1

    def program(np):
        import jax

        def loss(params, x, y):
            wx, wh, b, w, c = params
            start = (np.zeros((x.shape[1], wh.shape[0]), dtype="float32"),) * states
            state, _ = jax.lax.scan(lambda s, row: (cell(np, s, row, wx, wh, b), None), start, x)
            return cross_entropy(np, np.dot(state[0], w) + c, y)

        return loss

    return program


def torch_loss(mode: str) -> Callable:
    def loss(params, x, labels, zeros, state):
        import torch

        wx, wh, b, w, c = params
        run = {"rnn": torch.rnn_tanh, "lstm": torch.lstm, "gru": torch.gru}[mode]
        start = (state, state) if mode == "lstm" else state
        # has_biases, num_layers, dropout, train, bidirectional, batch_first
        output = run(x, start, [wx.t(), wh.t(), b, zeros], True, 1, 0.0, True, False, False)[0]
        return torch.nn.functional.cross_entropy(torch.addmm(c, output[-1], w), labels)

    return loss


def symbol(mode: str, hidden: int) -> Symbol:
    gates = GATES[mode]
    shapes = [(gates * hidden, INPUTS), (gates * hidden, hidden), (gates * hidden,), (gates * hidden,)]
    kind = "rnn_tanh" if mode == "rnn" else mode
    splits = numpy.cumsum([numpy.prod(s) for s in shapes])[:-1]

    def function(F, params, x, labels, state):
        weights, w, c = params
        states = {"state_cell": state} if mode == "lstm" else {}
        output = F.RNN(x, weights, state, state_size=hidden, num_layers=1, mode=kind, **states)
        last = F.reshape(F.slice_axis(output, axis=0, begin=-1, end=None), shape=(BATCH, hidden))
        scores = F.FullyConnected(last, w, c, num_hidden=CLASSES)
        return -F.mean(F.pick(F.log_softmax(scores), labels))

    def pack(params):
        wx, wh, b, w, c = params
        return [numpy.concatenate([wx.T.ravel(), wh.T.ravel(), b, b * 0]), w.T.copy(), c]

    def unpack(arrays):
        wx, wh, b, _ = (a.reshape(s) for a, s in zip(numpy.split(arrays[0], splits), shapes))
        return [wx.T, wh.T, b, arrays[1].T, arrays[2]]

    return Symbol(function, pack=pack, unpack=unpack)


def recurrent(mode: str, steps: int, hidden: int) -> Work:
    gates = GATES[mode]
    labels = numpy.random.RandomState(0).randint(0, CLASSES, BATCH)
    x = normal(1, steps, BATCH, INPUTS)
    params = [
        normal(2, INPUTS, gates * hidden, scale=0.1),
        normal(3, hidden, gates * hidden, scale=0.5 / hidden**0.5),
        normal(4, gates * hidden, scale=0.1),
        normal(5, hidden, CLASSES, scale=0.3),
        normal(6, CLASSES, scale=0.1),
    ]
    state = numpy.zeros((1, BATCH, hidden), "float32")
    program = symbol(mode, hidden)
    program.data = [x, labels.astype("float32"), state]
    # The reasons were seen on a machine with two busy cores.
    leave_out = {
        "torch.compile": "fails on torch.lstm" if mode == "lstm" else "compiles for more than two minutes"
    }
    if steps > 28 and mode != "rnn":
        leave_out["jax jit"] = "unrolls the steps and compiles for minutes"
    return Work(
        title=f"{mode.upper()}, batch {BATCH}, {steps} steps, {INPUTS} inputs, {hidden} hidden, gradient",
        kind="gradient",
        params=params,
        data=[x, one_hot(labels, CLASSES)],
        numpy=write(mode),
        jax_scan=write_scan(mode),
        torch=torch_loss(mode),
        torch_data=[x, labels, numpy.zeros(gates * hidden, "float32"), state],
        symbol=program,
        leave_out=leave_out,
    )


def _works() -> dict[str, Callable[[], Work]]:
    sizes = [(28, 64), (112, 100)]
    return {f"{m} {t}x{h}": (lambda m=m, t=t, h=h: recurrent(m, t, h)) for m in GATES for t, h in sizes}


WORKS = _works()
