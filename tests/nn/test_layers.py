"""``minpy.nn.layers`` beside the formulas of papers, numeric derivatives and extreme numbers."""

from __future__ import annotations

import re

import mpmath
import numpy
import pytest
import scipy.special

import minpy
import minpy.numpy as np
from minpy.compiler.passes import makes_kernels
from minpy.context import cpu
from minpy.nn import layers
from minpy.utils.gradient_checker import check_gradients

N, D, H, T, C = 4, 3, 2, 3, 5
LABELS = numpy.array([4, 0, 2, 2])
STEPS = numpy.array([[1, 4, 0], [2, 2, 3], [0, 1, 4], [4, 4, 1]])
MASK = numpy.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 1, 1]])
TARGETS = numpy.array([0.3, -1.2, 2.0, 0.1])


def draw(*shape):
    return numpy.random.standard_normal(shape)


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def softmax(x):
    powers = numpy.exp(x)
    return powers / powers.sum(-1, keepdims=True)


def one_hot(labels, count=C):
    return numpy.eye(count)[labels]


def standard(x, axis):
    return (x - x.mean(axis, keepdims=True)) / numpy.sqrt(x.var(axis, keepdims=True) + 1e-5)


def each_margin(x, labels):
    """The loss by its definition, one class after the other."""
    pairs = [(row, label, k) for row, label in zip(x, labels) for k in range(C) if k != label]
    return sum(max(0, row[k] - row[label] + 1) for row, label, k in pairs) / len(x)


def huber(x, y, delta):
    e = abs(x - y)
    return numpy.where(e <= delta, e**2 / 2, delta * (e - delta / 2)).sum() / len(x)


def lstm(x, h, c, wx, wh, b):
    i, f, o, g = numpy.split(x @ wx + h @ wh + b, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * numpy.tanh(g)
    return sigmoid(o) * numpy.tanh(c), c


def gru(x, h, wx, wh, b, wxh, whh, bh):
    r, z = numpy.split(sigmoid(x @ wx + h @ wh + b), 2, axis=1)
    return z * h + (1 - z) * numpy.tanh(x @ wxh + (r * h) @ whh + bh)


def rnn(x, h, wx, wh, b):
    return numpy.tanh(x @ wx + h @ wh + b)


def over_steps(step):
    def run(x, h, *weights):
        states = []
        for t in range(x.shape[1]):
            h = step(x[:, t], h, *weights)
            states.append(h)
        return numpy.stack(states, 1)

    return run


def lstm_states(x, h, *weights):
    c, states = numpy.zeros_like(h), []
    for t in range(x.shape[1]):
        h, c = lstm(x[:, t], h, c, *weights)
        states.append(h)
    return numpy.stack(states, 1)


def windows(reduction):
    return lambda x: reduction(x.reshape(2, 2, 3, 2, 3, 2), (3, 5))


def attended(q, k, v):
    scores = q @ k.swapaxes(1, 2) / D**0.5
    return softmax(numpy.where(numpy.tri(T), scores, -1e30)) @ v


ONE = [(N, D), (N, H), (D, H), (H, H), (H,)]
#: (N, D), (N, H), and weights for some gates
GATES = {k: [(D, k * H), (H, k * H), (k * H,)] for k in (1, 2, 4)}
CASES = {
    "tanh": (layers.tanh, numpy.tanh, [(N, D)]),
    "sigmoid": (layers.sigmoid, sigmoid, [(N, D)]),
    "relu": (layers.relu, lambda x: x * (x > 0), [(N, D)]),
    "leaky_relu": (lambda x: layers.leaky_relu(x, 0.1), lambda x: x * (0.1 + 0.9 * (x > 0)), [(N, D)]),
    "elu": (
        lambda x: layers.elu(x, 0.7),
        lambda x: numpy.where(x > 0, x, 0.7 * (numpy.exp(x) - 1)),
        [(N, D)],
    ),
    "gelu": (layers.gelu, lambda x: x / 2 * (1 + scipy.special.erf(x / 2**0.5)), [(N, D)]),
    "softmax": (layers.softmax, softmax, [(N, D)]),
    "affine": (layers.affine, lambda x, w, b: x @ w + b, [(N, D), (D, H), (H,)]),
    "affine of images": (
        layers.affine,
        lambda x, w, b: x.reshape(N, 6) @ w + b,
        [(N, D, 2), (6, H), (H,)],
    ),
    "affine without bias": (layers.affine, lambda x, w: x @ w, [(N, D), (D, H)]),
    "temporal_affine": (layers.temporal_affine, lambda x, w, b: x @ w + b, [(N, T, D), (D, H), (H,)]),
    "embedding": (lambda w: layers.embedding(STEPS, w), lambda w: w[STEPS], [(C, D)]),
    "embedding of floats": (lambda w: layers.embedding(STEPS * 1.0, w), lambda w: w[STEPS], [(C, D)]),
    "layer_norm": (layers.layer_norm, lambda x, g, b: standard(x, 1) * g + b, [(N, D), (D,), (D,)]),
    "group_norm": (
        lambda x, g, b: layers.group_norm(x, g, b, 2),
        lambda x, g, b: (
            standard(x.reshape(2, 2, 8), 2).reshape(2, 4, 2, 2) * g[:, None, None] + b[:, None, None]
        ),
        [(2, 4, 2, 2), (4,), (4,)],
    ),
    "batchnorm": (
        lambda x, g, b: layers.batchnorm(x, g, b)[0],
        lambda x, g, b: standard(x, 0) * g + b,
        [(N, D), (D,), (D,)],
    ),
    "batchnorm of images": (
        lambda x, g, b: layers.batchnorm(x, g, b)[0],
        lambda x, g, b: standard(x, (0, 2, 3)) * g[:, None, None] + b[:, None, None],
        [(2, 3, 2, 2), (3,), (3,)],
    ),
    "max pooling": (lambda x: layers.pooling(x, "max", 2), windows(numpy.max), [(2, 2, 6, 6)]),
    "avg pooling": (lambda x: layers.pooling(x, "avg", (2, 2), (2, 2)), windows(numpy.mean), [(2, 2, 6, 6)]),
    "convolution": (
        lambda x, w, b: layers.convolution(x, w, b, padding=1),
        lambda x, w, b: numpy.stack(
            [
                sum(
                    numpy.pad(x, [(0, 0), (0, 0), (1, 1)])[:, :, k : k + 5] * w[f, :, k : k + 1]
                    for k in range(3)
                ).sum(1)
                + b[f]
                for f in range(2)
            ],
            1,
        ),
        [(2, 3, 5), (2, 3, 3), (2,)],
    ),
    "attention": (
        lambda *a: layers.attention(*a, mask=numpy.tri(T)),
        attended,
        [(N, T, D), (N, T, D), (N, T, H)],
    ),
    "rnn_step": (layers.rnn_step, rnn, ONE),
    "lstm_step h": (
        lambda *a: layers.lstm_step(*a)[0],
        lambda *a: lstm(*a)[0],
        [*ONE[:2], (N, H), *GATES[4]],
    ),
    "lstm_step c": (
        lambda *a: layers.lstm_step(*a)[1],
        lambda *a: lstm(*a)[1],
        [*ONE[:2], (N, H), *GATES[4]],
    ),
    "gru_step": (layers.gru_step, gru, [*ONE[:2], *GATES[2], *GATES[1]]),
    "rnn_temporal": (layers.rnn_temporal, over_steps(rnn), [(N, T, D), (N, H), *GATES[1]]),
    "lstm_temporal": (layers.lstm_temporal, lstm_states, [(N, T, D), (N, H), *GATES[4]]),
    "gru_temporal": (layers.gru_temporal, over_steps(gru), [(N, T, D), (N, H), *GATES[2], *GATES[1]]),
    "softmax_loss": (
        lambda x: layers.softmax_loss(x, LABELS),
        lambda x: -(one_hot(LABELS) * numpy.log(softmax(x))).sum() / N,
        [(N, C)],
    ),
    "softmax_cross_entropy": (
        lambda x: layers.softmax_cross_entropy(layers.softmax(x), LABELS),
        lambda x: -(one_hot(LABELS) * numpy.log(softmax(x))).sum() / N,
        [(N, C)],
    ),
    "svm_loss": (lambda x: layers.svm_loss(x, LABELS), lambda x: each_margin(x, LABELS), [(N, C)]),
    "logistic_loss": (
        lambda x: layers.logistic_loss(x, LABELS > 1),
        lambda x: (
            -(numpy.log(sigmoid(x[LABELS > 1])).sum() + numpy.log(1 - sigmoid(x[LABELS <= 1])).sum()) / N
        ),
        [(N,)],
    ),
    "l2_loss": (
        lambda x: layers.l2_loss(x, TARGETS),
        lambda x: ((x[:, 0] - TARGETS) ** 2).sum() / N,
        [(N, 1)],
    ),
    "l2_loss of labels": (
        lambda x: layers.l2_loss(x, LABELS),
        lambda x: ((x - one_hot(LABELS)) ** 2).sum() / N,
        [(N, C)],
    ),
    "l1_loss": (lambda x: layers.l1_loss(x, TARGETS), lambda x: abs(x - TARGETS).sum() / N, [(N,)]),
    "huber_loss": (lambda x: layers.huber_loss(x, TARGETS, 0.8), lambda x: huber(x, TARGETS, 0.8), [(N,)]),
    "temporal_softmax_loss": (
        lambda x: layers.temporal_softmax_loss(x, STEPS, MASK),
        lambda x: -(one_hot(STEPS) * numpy.log(softmax(x)) * MASK[..., None]).sum() / N,
        [(N, T, C)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_layer(name):
    layer, formula, shapes = CASES[name]
    arrays = [draw(*shape) for shape in shapes]
    expected, boxes = formula(*arrays), [np.array(a) for a in arrays]
    with minpy.OnlyNumPyPolicy():
        numpy.testing.assert_allclose(layer(*boxes), expected, rtol=1e-10, atol=1e-12)
    numpy.testing.assert_allclose(layer(*boxes), expected, rtol=1e-10, atol=1e-12)
    compiled = minpy.jit(lambda *arrays: layer(*arrays), strict=True)
    numpy.testing.assert_allclose(compiled(*boxes), expected, rtol=1e-10, atol=1e-12)
    check_gradients(compiled, *boxes)
    singles = [a.astype("float32") for a in boxes]
    every, power = [*range(len(boxes))], lambda f: lambda *a: np.sum(f(*a) ** 3)
    found = minpy.testing.assert_compiled(minpy.grad(power(layer), every), singles)
    for ours, theirs in zip(found, minpy.grad(power(layer), every)(*boxes)):
        assert ours.dtype == numpy.float32
        scale = float(abs(theirs).max())
        numpy.testing.assert_allclose(ours.asnumpy(), theirs.asnumpy(), rtol=1e-4, atol=1e-5 * scale)


LOSSES = (layers.softmax_loss, layers.softmax_cross_entropy, layers.svm_loss, layers.l2_loss, layers.l1_loss)


@pytest.mark.parametrize("loss", LOSSES)
def test_labels_are_numbers_or_rows(loss):
    x = np.array(abs(draw(N, C)))
    expected = loss(x, LABELS)
    others = [LABELS.astype(dtype) for dtype in ("int8", "uint8", "int32", "float32", "float64")]
    for labels in [*others, LABELS.tolist(), one_hot(LABELS), one_hot(LABELS).astype("int64")]:
        for function in (loss, minpy.jit(loss)):
            numpy.testing.assert_allclose(function(x, np.array(labels)), expected, rtol=1e-12)


@pytest.mark.parametrize("bad", [5, -1, 1.5, numpy.nan, -1.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_labels_that_there_are_not(loss, bad):
    x, labels = np.array(draw(N, C)), numpy.array([4, bad, 2, 2])
    message = re.escape(f"whole numbers from 0 to 4, and that at [1] is {bad}")
    for function in (loss, minpy.jit(loss), minpy.grad(minpy.jit(loss))):
        with pytest.raises(IndexError, match=message):
            function(x, labels)


@pytest.mark.parametrize("bad", [5, 1.5, -1.0])
def test_words_that_there_are_not(bad):
    for function in (layers.embedding, minpy.jit(layers.embedding)):
        with pytest.raises(IndexError):
            function(numpy.array([[0, bad]]), np.array(draw(C, D)))


def test_a_loss_with_its_gradient_and_an_update_is_one_kernel():
    """Where there are kernels, so that it runs without MXNet; also of an unused loss labels are looked at."""

    @minpy.jit
    def step(w, config, x, labels):
        gradient = minpy.grad(lambda w: layers.softmax_loss(layers.affine(x, w), labels))(w)
        (clipped,), _ = minpy.nn.optim.clip_by_global_norm([gradient], 1.0)
        return minpy.nn.optim.adam(w, clipped, config)

    x, w = np.array(draw(N, D).astype("float32")), np.array(draw(D, C).astype("float32"))
    config = minpy.nn.optim.start("adam", w)
    after, _ = step(w, config, x, LABELS)
    expected, _ = step.function(w, config, x, LABELS)
    numpy.testing.assert_allclose(after.asnumpy(), expected.asnumpy(), rtol=1e-5)
    assert ("MXNet:" not in str(minpy.explain(step))) == makes_kernels(cpu())
    unused = minpy.jit(lambda x, labels: (layers.softmax_loss(x, labels), x)[1], strict=True)
    assert unused(np.array(draw(N, C)), LABELS).shape == (N, C)
    for function in (
        lambda labels: step(w, config, x, labels),
        lambda labels: unused(np.zeros((N, C)), labels),
    ):
        with pytest.raises(IndexError, match=r"at \[3\] is 2"):
            function(LABELS + numpy.array([0, 0, 0, 18]))


def test_losses_of_extreme_scores():
    """The exact numbers, by 60 digits, and gradients that are finite."""
    x = numpy.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4], [88, -104, 3], [0, -numpy.inf, 1]], "float32")
    labels = numpy.array([1, 2, 1, 0])
    with mpmath.workdps(60):
        rows = [[mpmath.mpf(float(v)) for v in row] for row in x]
        sums = [mpmath.log(sum(map(mpmath.exp, row))) for row in rows]
        exact = float(sum(total - row[label] for total, row, label in zip(sums, rows, labels)) / len(x))
    loss = layers.softmax_loss
    for function in (loss, minpy.jit(loss)):
        for given in (labels, labels.astype("float32"), one_hot(labels, 3).astype("float32")):
            numpy.testing.assert_allclose(function(np.array(x), given), exact, rtol=1e-6)
            gradient = minpy.grad(function)(np.array(x), given)
            expected = (scipy.special.softmax(x.astype("float64"), 1) - one_hot(labels, 3)) / len(x)
            numpy.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "function, x, expected, slope",
    [
        (layers.sigmoid, [-1e4, -80, 0, 1e4], [0, 1.8048513e-35, 0.5, 1], [0, 1.8048513e-35, 0.25, 0]),
        (layers.elu, [-1e4, 0, 1e-6, 1e4], [-1, 0, 1e-6, 1e4], [0, 0.5, 1, 1]),
        (layers.gelu, [-1e4, 0, 1e4], [0, 0, 1e4], [0, 0.5, 1]),
        (lambda x: layers.logistic_loss(x, np.array([1.0, 0.0])) * 2, [-1e4, 1e4], 2e4, [-1, 1]),
        (lambda x: layers.logistic_loss(x, np.array([0.0, 1.0])) * 2, [-1e4, 1e4], 0, [0, 0]),
        (lambda p: layers.softmax_cross_entropy(p[None], np.array([0])), [0, 1], 87.336544, None),
        (lambda x: layers.huber_loss(x, np.zeros(2)), [-1e30, 1e30], 1e30, [-0.5, 0.5]),
    ],
)
def test_extreme_numbers(function, x, expected, slope):
    x = np.array(x, dtype="float32")
    for f in (function, minpy.jit(function)):
        numpy.testing.assert_allclose(f(x), expected, rtol=2e-6, atol=1e-44)
        gradient = minpy.grad(lambda x, f=f: np.sum(f(x)))(x).asnumpy()
        assert numpy.isfinite(gradient).all()
        if slope is not None and function is not layers.elu:
            numpy.testing.assert_allclose(gradient, slope, rtol=2e-6, atol=1e-44)


def test_running_statistics():
    x, gamma, beta = (np.array(a) for a in (draw(6, D) * 2 + 1, numpy.ones(D), numpy.zeros(D)))
    mean, var = x.asnumpy().mean(0), x.asnumpy().var(0)

    def train(x, old_mean, old_var):
        return layers.batchnorm(x, gamma, beta, running_mean=old_mean, running_var=old_var)

    for step in (train, minpy.jit(train, strict=True)):
        _, new_mean, new_var = step(x, None, None)
        numpy.testing.assert_allclose(new_mean, 0.1 * mean, rtol=1e-10)
        numpy.testing.assert_allclose(new_var, 0.9 + 0.1 * var, rtol=1e-10)
        for _ in range(200):
            _, new_mean, new_var = step(x, new_mean, new_var)
        y, same_mean, same_var = layers.batchnorm(
            x, gamma, beta, "test", running_mean=new_mean, running_var=new_var
        )
        numpy.testing.assert_allclose(y, standard(x.asnumpy(), 0), rtol=1e-6, atol=1e-6)
        assert same_mean is new_mean and same_var is new_var


def test_dropout():
    x = np.ones((300, 100))
    drop = minpy.jit(lambda x, mode: layers.dropout(x, 0.25, mode), strict=True)
    assert abs(float(np.mean(drop(x, "train"))) - float(np.mean(drop(x, "test")))) < 0.02
    seeded = minpy.jit(lambda x: layers.dropout(x, 0.25, seed=3), strict=True)
    same = layers.dropout(x, 0.25, seed=3).tolist()
    assert seeded(x).tolist() == seeded(x).tolist() == same != layers.dropout(x, 0.25, seed=4).tolist()
    check_gradients(seeded, draw(3, 4))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: layers.affine(draw(N, D), draw(D + 1, H), draw(H)), r"x is \(N, 4\)"),
        (lambda: layers.affine(draw(N, T, D), draw(D, H), draw(H)), "temporal_affine"),
        (lambda: layers.affine(draw(N, D), draw(D, H), draw(D)), r"\(M,\)"),
        (lambda: layers.temporal_affine(draw(N, D), draw(D, H)), r"\(N, T, D\)"),
        (
            lambda: layers.rnn_step(draw(N, D), draw(N, H), draw(D, H), draw(H, D), draw(H)),
            r"\(N, D\), \(N, H\)",
        ),
        (lambda: layers.lstm_step(*[draw(*s) for s in [*ONE[:2], (N, H), *GATES[2]]]), "4H"),
        (lambda: layers.gru_temporal(*[draw(*s) for s in [(N, T, D), (N, H), *GATES[1], *GATES[1]]]), "2H"),
        (lambda: layers.softmax_loss(draw(N, C), LABELS[:3]), r"\(4, 5\) and \(3,\)"),
        (lambda: layers.softmax_loss(draw(N), LABELS), "scores are"),
        (lambda: layers.l2_loss(draw(N, C), draw(N, D)), "do not fit"),
        (lambda: layers.temporal_softmax_loss(draw(N, T, C), STEPS, MASK[:2]), r"\(2, 3\)"),
        (lambda: layers.batchnorm(draw(N, D), numpy.ones(N), numpy.zeros(N)), "batchnorm: x"),
        (lambda: layers.group_norm(draw(N, D), numpy.ones(D), numpy.zeros(D), 2), "2 groups"),
        (lambda: layers.pooling(draw(2, 6), "max", 2), "spatial"),
        (lambda: layers.pooling(draw(2, 2, 6), "min", 2), "'max' or 'avg', not 'min'"),
        (lambda: layers.convolution(draw(2, 3, 5), draw(2, 4, 3)), "3 channels"),
        (lambda: layers.batchnorm(draw(N, D), numpy.ones(D), numpy.zeros(D), "trian"), "not 'trian'"),
        (lambda: layers.dropout(draw(N), 1.5), "less than 1"),
        (lambda: layers.dropout(draw(N), "0.5"), "less than 1, not '0.5'"),
        (
            lambda: layers.rnn_temporal(draw(N, D), draw(N, H), *[draw(*s) for s in GATES[1]]),
            r"rnn_temporal: x is \(N, T, D\)",
        ),
        (
            lambda: layers.batchnorm(draw(N, D), numpy.ones(D), numpy.zeros(D), running_mean=numpy.zeros(N)),
            "running_mean",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    for function in (call, minpy.jit(call)):
        with pytest.raises(ValueError, match=message):
            function()
