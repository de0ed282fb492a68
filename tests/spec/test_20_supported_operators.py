"""Supported GPU operators: each by its name of today, with the gradients that the page promises."""

from __future__ import annotations

import mxnet as mx
import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import Function, grad
from minpy.nn import layers
from minpy.utils.gradient_checker import check_gradients

RANDOM = numpy.random.RandomState(1)
X, Y, POSITIVE = RANDOM.standard_normal((3, 4)), RANDOM.standard_normal((3, 4)), RANDOM.rand(3, 4) + 0.5
ROW, W, IMAGES = (
    RANDOM.standard_normal(4),
    RANDOM.standard_normal((4, 2)),
    RANDOM.standard_normal((2, 1, 4, 4)),
)
BATCH, FACTORS = RANDOM.standard_normal((2, 3, 4)), RANDOM.standard_normal((2, 4, 2))
LABELS = numpy.array([0, 3, 1])

#: name on the page: (in MinPy, the same in NumPy, arguments). All have gradients.
OPERATORS = {
    "abs": (np.abs, numpy.abs, [X]),
    "sign": (np.sign, numpy.sign, [X]),
    "round": (np.round, numpy.round, [X]),
    "ceil": (np.ceil, numpy.ceil, [X]),
    "floor": (np.floor, numpy.floor, [X]),
    "square": (np.square, numpy.square, [X]),
    "square root": (np.sqrt, numpy.sqrt, [POSITIVE]),
    "exponential": (np.exp, numpy.exp, [X]),
    "logarithm": (np.log, numpy.log, [POSITIVE]),
    "cosine": (np.cos, numpy.cos, [X]),
    "sine": (np.sin, numpy.sin, [X]),
    "negation": (np.negative, numpy.negative, [X]),
    "plus": (np.add, numpy.add, [X, Y]),
    "minus": (np.subtract, numpy.subtract, [X, Y]),
    "multiplication": (np.multiply, numpy.multiply, [X, Y]),
    "division": (np.divide, numpy.divide, [X, POSITIVE]),
    "true division": (np.true_divide, numpy.true_divide, [X, POSITIVE]),
    "power": (np.power, numpy.power, [POSITIVE, Y]),
    "maximum": (np.maximum, numpy.maximum, [X, Y]),
    "minimum": (np.minimum, numpy.minimum, [X, Y]),
    "broadcast plus": (np.add, numpy.add, [X, ROW]),
    "broadcast minus": (np.subtract, numpy.subtract, [X, ROW]),
    "broadcast multiplication": (np.multiply, numpy.multiply, [X, ROW]),
    "broadcast division": (np.divide, numpy.divide, [ROW, POSITIVE]),
    "broadcast power": (np.power, numpy.power, [POSITIVE, ROW]),
    "mod": (np.mod, numpy.mod, [X, POSITIVE]),
    "sum": (np.sum, numpy.sum, [X]),
    "sum axis": (lambda x: np.sum(x, axis=1), lambda x: numpy.sum(x, axis=1), [X]),
    "max axis": (lambda x: np.max(x, axis=1), lambda x: numpy.max(x, axis=1), [X]),
    "min axis": (lambda x: np.min(x, axis=1), lambda x: numpy.min(x, axis=1), [X]),
    "norm": (np.linalg.norm, numpy.linalg.norm, [X]),
    "transpose": (np.transpose, numpy.transpose, [X]),
    "expand dims": (lambda x: np.expand_dims(x, 1), lambda x: numpy.expand_dims(x, 1), [X]),
    "reshape": (lambda x: np.reshape(x, (2, 6)), lambda x: numpy.reshape(x, (2, 6)), [X]),
    "crop": (lambda x: x[1:3, 0:2], lambda x: x[1:3, 0:2], [X]),
    "slice axis": (lambda x: np.slice_axis(x, 1, 1, 3), lambda x: x[:, 1:3], [X]),
    "flip": (lambda x: np.flip(x, 0), lambda x: numpy.flip(x, 0), [X]),
    "swap axis": (lambda x: np.swapaxes(x, 0, 2), lambda x: numpy.swapaxes(x, 0, 2), [BATCH]),
    "dot": (np.dot, numpy.dot, [X, W]),
    "batch dot": (np.batch_dot, numpy.matmul, [BATCH, FACTORS]),
    "concatenation": (lambda *x: np.concatenate(x, 1), lambda *x: numpy.concatenate(x, 1), [X, Y]),
    "append": (lambda x, y: np.append(x, y, 0), lambda x, y: numpy.append(x, y, 0), [X, Y]),
    "broadcast to": (lambda x: np.broadcast_to(x, (3, 4)), lambda x: numpy.broadcast_to(x, (3, 4)), [ROW]),
    "sigmoid": (np.sigmoid, lambda x: 1 / (1 + numpy.exp(-x)), [X]),
    "leaky relu": (layers.leaky_relu, lambda x: numpy.where(x > 0, x, 0.01 * x), [X]),
    "softmax": (np.softmax, lambda x: numpy.exp(x) / numpy.sum(numpy.exp(x), axis=1)[:, None], [X]),
    "softmax cross entropy": (
        lambda x: layers.softmax_loss(x, LABELS),
        lambda x: numpy.mean(numpy.log(numpy.exp(x).sum(axis=1)) - x[numpy.arange(3), LABELS]),
        [X],
    ),
    "pooling": (
        lambda x: layers.pooling(x, "max", 2),
        lambda x: x.reshape(2, 1, 2, 2, 2, 2).max(axis=(3, 5)),
        [IMAGES],
    ),
    "smooth L1": (
        lambda x, y: layers.huber_loss(x, y),
        lambda x, y: numpy.sum(numpy.where(abs(x - y) < 1, 0.5 * (x - y) ** 2, abs(x - y) - 0.5)) / len(x),
        [X, Y],
    ),
}


@pytest.mark.filterwarnings("ignore:the gradient of .* is zero")  # of steps, such as sign
@pytest.mark.parametrize("name", OPERATORS)
def test_operator(name):
    function, by_numpy, arguments = OPERATORS[name]
    with minpy.PreferMXNetPolicy():
        found = function(*map(np.array, arguments))
        numpy.testing.assert_allclose(numpy.asarray(found), by_numpy(*arguments), rtol=1e-5, atol=1e-6)
    for policy in (minpy.PreferMXNetPolicy(), minpy.OnlyNumPyPolicy()):
        with policy:
            check_gradients(lambda *x: np.sum(np.sin(function(*x))), *arguments)


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "compiled"])
def test_without_gradient(jit):
    """Argmax has none, and what is blocked lets none through."""
    channel = minpy.jit(lambda x: np.argmax(x, axis=1)) if jit else (lambda x: np.argmax(x, axis=1))
    assert channel(np.array(X)).tolist() == numpy.argmax(X, axis=1).tolist()
    blocked = minpy.jit(grad(lambda x: np.sum(x * minpy.stop_gradient(x))))
    numpy.testing.assert_array_equal(blocked(np.array(X)).asnumpy(), X)


def test_cast():
    assert np.array(X).astype("float32").asnumpy().dtype == numpy.float32
    d_x = grad(lambda x: np.sum(x.astype("float32") ** 2))(np.array(X))
    assert d_x.dtype == numpy.float64
    numpy.testing.assert_allclose(d_x.asnumpy(), 2 * X, rtol=1e-6)


def test_samples():
    uniform, normal = np.random.uniform(2, 3, 10000), np.random.normal(2, 3, 10000)
    assert float(uniform.min()) >= 2 and float(uniform.max()) < 3
    assert abs(float(normal.mean()) - 2) < 0.1 and abs(float(normal.std()) - 3) < 0.1


def symbol_of_sequence_mask(x):
    return mx.sym.SequenceMask(x, sequence_length=mx.sym.Variable("lengths"), use_sequence_length=True)


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (
            lambda x: mx.sym.Deconvolution(
                x, mx.sym.Variable("w"), kernel=(2, 2), num_filter=3, no_bias=True
            ),
            {"x": IMAGES, "w": RANDOM.standard_normal((1, 3, 2, 2))},
        ),
        (symbol_of_sequence_mask, {"x": BATCH, "lengths": numpy.array([1, 2, 0])}),
        (lambda x: mx.sym.smooth_l1(x, scalar=1.0), {"x": X}),
        (lambda x: mx.sym.LeakyReLU(x, act_type="leaky", slope=0.1), {"x": X}),
        (
            lambda x: mx.sym.RNN(
                x,
                parameters=mx.sym.Variable("w"),
                state=mx.sym.Variable("h"),
                mode="rnn_tanh",
                state_size=2,
                num_layers=1,
            ),
            {"x": BATCH, "w": RANDOM.standard_normal(16), "h": RANDOM.standard_normal((1, 3, 2))},
        ),
    ],
    ids=["deconvolution", "sequence mask", "smooth L1", "leaky relu", "RNN"],
)
def test_operator_as_a_symbol(make, arguments):
    """Those that have no function in NumPy's words, and any other, through ``Function``."""
    symbol = make(mx.sym.Variable("x"))
    function = Function(symbol, {name: value.shape for name, value in arguments.items()})
    expected = symbol.eval(
        mx.cpu(), **{name: mx.np.array(value, dtype="float32") for name, value in arguments.items()}
    )
    found = function(**{name: np.array(value, dtype="float32") for name, value in arguments.items()})
    numpy.testing.assert_allclose(found.asnumpy(), expected[0].asnumpy(), rtol=1e-5, atol=1e-6)

    def total(*x):
        return np.sum(np.sin(function(**dict(zip(arguments, x)))))

    for wrapped in (total, minpy.jit(total)):
        # Some of MXNet's operators round to float32 inside, so steps of the numeric derivative are long.
        check_gradients(wrapped, *arguments.values(), eps=1e-3, rtol=1e-3, atol=1e-4)
