"""``minpy.nn.functional`` beside loops, formulas and numeric derivatives, in every mode."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections import Counter
from inspect import getdoc, isfunction, signature
from pathlib import Path

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.nn import functional
from minpy.utils.gradient_checker import check_gradients, quick_grad_check

MODES = ("only_numpy", "prefer_mxnet", "compiled")


def draw(*shape, dtype="float64"):
    return numpy.random.standard_normal(shape).astype(dtype)


def in_mode(function, mode):
    minpy.set_global_policy("only_numpy" if mode == "only_numpy" else "prefer_mxnet")
    return minpy.jit(function) if mode == "compiled" else function


def check_twice(function, *arrays):
    """The first derivatives, and the second along a random direction, beside numeric ones."""
    check_gradients(function, *arrays)
    every = list(range(len(arrays)))

    def of_gradients(*arrays):
        gradients = minpy.grad(lambda *a: np.sum(function(*a) ** 3), argnum=every)(*arrays)
        return sum(np.sum(gradient**2) for gradient in gradients)

    for i, array in enumerate(arrays):
        rest = [arrays[k] for k in every if k != i]
        assert quick_grad_check(
            lambda x, *rest, i=i: of_gradients(*rest[:i], x, *rest[i:]), array, rest, verbose=False
        )


def correlation(x, w, b, stride, padding, dilation, groups):
    """Convolution by its definition, one product after the other."""
    x = numpy.pad(x, [(0, 0), (0, 0), *[(p, p) for p in padding]])
    sizes = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], w.shape[2:], stride, dilation)]
    result = numpy.zeros((len(x), len(w), *sizes), x.dtype) + b.reshape(-1, *[1] * len(sizes))
    members, filters = w.shape[1], len(w) // groups
    for f, c in itertools.product(range(len(w)), range(members)):
        channel = x[:, f // filters * members + c]
        for place, at in itertools.product(numpy.ndindex(*sizes), numpy.ndindex(*w.shape[2:])):
            corner = tuple(p * s + k * d for p, s, k, d in zip(place, stride, at, dilation))
            result[(slice(None), f, *place)] += channel[(slice(None), *corner)] * w[(f, c, *at)]
    return result


CONVOLUTIONS = [
    ("conv1d", (2, 3, 9), (4, 3, 3), (1,), (0,), (1,), 1),
    ("conv2d", (2, 2, 4, 5), (3, 2, 3, 2), (1, 1), (1, 1), (1, 1), 1),
    ("conv2d", (1, 4, 5, 5), (2, 2, 3, 2), (2, 3), (0, 2), (1, 1), 2),
    ("conv2d", (1, 2, 8, 7), (2, 2, 2, 3), (2, 1), (2, 0), (3, 2), 1),
    ("conv3d", (1, 2, 3, 4, 3), (2, 2, 2, 3, 1), (1, 2, 1), (1, 1, 0), (1, 1, 1), 1),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CONVOLUTIONS, ids=lambda case: f"{case[0]} {case[3:]}")
def test_convolution(case, mode):
    name, data, weights, *options = case
    x, w, b = draw(*data), draw(*weights), draw(weights[0])

    def conv(x, w, b):
        return getattr(functional, name)(x, w, b, *options)

    conv = in_mode(conv, mode)
    arrays = [np.array(a) for a in (x, w, b)]
    numpy.testing.assert_allclose(conv(*arrays), correlation(x, w, b, *options), rtol=1e-12, atol=1e-12)
    check_twice(conv, *arrays)
    for array, before in zip(arrays, (x, w, b)):  # oneDNN likes to bring weights into an order of its own
        assert array.tolist() == before.tolist()


POOLINGS = [
    ("1d", (2, 3, 7), 2, None, 0),
    ("2d", (2, 2, 6, 5), (2, 3), None, (1, 0)),
    ("2d", (1, 2, 7, 7), 3, 2, 1),
    ("2d", (2, 3, 4, 3), (4, 3), 1, 0),
    ("3d", (1, 1, 4, 3, 4), 2, (1, 1, 2), 0),
    ("1d", (1, 1, 5), 7, 1, 3),
    ("2d", (1, 1, 2, 2), 3, 1, 1),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("case", POOLINGS, ids=str)
def test_pooling(case, kind, mode):
    suffix, shape, size, stride, padding = case
    x = draw(*shape)
    count = len(shape) - 2
    sizes, steps, ends = (
        n if isinstance(n, tuple) else (n,) * count for n in (size, stride or size, padding)
    )
    fill = -numpy.inf if kind == "max" else 0.0
    padded = numpy.pad(x, [(0, 0), (0, 0), *[(p, p) for p in ends]], constant_values=fill)
    places = [(n - k) // s + 1 for n, k, s in zip(padded.shape[2:], sizes, steps)]
    expected = numpy.empty((*shape[:2], *places))
    for place in numpy.ndindex(*places):
        window = padded[(..., *[slice(p * s, p * s + k) for p, s, k in zip(place, steps, sizes)])]
        expected[(..., *place)] = getattr(
            window.reshape(*shape[:2], -1), {"max": "max", "avg": "mean"}[kind]
        )(-1)

    def pool(x):
        return getattr(functional, f"{kind}_pool{suffix}")(x, size, stride, padding)

    pool = in_mode(pool, mode)
    numpy.testing.assert_allclose(pool(np.array(x)), expected, rtol=1e-12)
    check_twice(pool, np.array(x))


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d", "conv2d"])
@pytest.mark.parametrize("size", [(4, 1), (1, 4), (4, 4), (4, 2), (2, 1), (2, 2)], ids=str)
def test_gradients_of_small_images_in_single_precision(size, name):
    """oneDNN takes part in float32 only; windows as large as the images are a case of their own there."""
    arrays = [draw(2, 3, 4, 4), draw(5, 3, *size)][: 2 if name == "conv2d" else 1]
    layer = getattr(functional, name)

    def loss(*arrays):
        return np.sum((layer(*arrays) if name == "conv2d" else layer(arrays[0], size)) ** 3)

    gradient = minpy.grad(loss, [*range(len(arrays))])
    found = minpy.jit(gradient)(*(np.array(a.astype("float32")) for a in arrays))
    with minpy.OnlyNumPyPolicy():
        expected = gradient(*map(np.array, arrays))
    for ours, theirs in zip(found, expected):
        scale = numpy.abs(theirs.asnumpy()).max()
        numpy.testing.assert_allclose(ours.asnumpy(), theirs.asnumpy(), rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize("mode", MODES)
def test_of_equal_elements_the_first_is_the_largest(mode):
    pool = in_mode(lambda x: np.sum(functional.max_pool2d(x, 2)), mode)
    assert minpy.grad(pool)(np.zeros((1, 1, 2, 4))).tolist() == [[[[1, 0, 1, 0], [0, 0, 0, 0]]]]


def test_the_gradient_of_the_mean_of_whole_images_is_no_layer():
    """Behind oneDNN's, in a layout that its normalization has no code for, a step took ten times as long."""
    loss = minpy.jit(lambda x, w: np.sum(functional.avg_pool2d(functional.conv2d(x, w), 6) ** 2))
    minpy.value_and_grad(loss, argnum=[1])(np.array(draw(2, 3, 8, 8)), np.array(draw(4, 3, 3, 3)))
    nodes = json.loads(minpy.explain(loss).symbol(1).tojson())["nodes"]
    assert {"Pooling", "_backward_Convolution"} <= {node["op"] for node in nodes}
    assert "_backward_Pooling" not in {node["op"] for node in nodes}


def test_a_compiled_gradient_is_mxnets_own_and_leaves_out_what_nobody_asks_for():
    @minpy.jit
    def loss(w, b, x):
        hidden = functional.max_pool2d(functional.relu(functional.conv2d(x, w, b, padding=1)), 2)
        return np.sum(functional.avg_pool2d(hidden, 2) ** 2)

    w, b, x = draw(4, 3, 3, 3), draw(4), draw(2, 3, 8, 8)
    arrays = [np.array(a) for a in (w, b, x)]
    value, gradients = minpy.value_and_grad(loss, argnum=[0, 1])(*arrays)
    explained = minpy.explain(loss)
    operators = json.loads(explained.symbol(1).tojson())["nodes"]
    operators = Counter(node["op"] for node in operators)
    assert operators["_backward_Convolution"] == 1 and operators["_backward_Pooling"] == 2
    assert "convolution_data_gradient" not in str(explained.ir(1))
    program: dict = {}
    exec(explained.gradient_source, program)
    again, (grad_w, grad_b) = program["loss_value_and_gradient"](w, b, x)
    numpy.testing.assert_allclose(again, value, rtol=1e-12)
    numpy.testing.assert_allclose(grad_w, gradients[0], rtol=1e-10)
    numpy.testing.assert_allclose(grad_b, gradients[1], rtol=1e-10)


PROGRAM = """
import numpy, minpy, minpy.numpy as np
from minpy.nn.functional import batch_norm, conv2d, max_pool2d

ones, zeros = np.ones(4), np.zeros(4)
def plain(w, x):
    y, _, _ = batch_norm(max_pool2d(conv2d(x, w), 2), ones, zeros, zeros, ones)
    return np.sum(y ** 3)
loss = minpy.jit(plain)
w, x = (np.array(numpy.random.RandomState(0).randn(*s).astype("f")) for s in ((4, 3, 3, 3), (2, 3, 8, 8)))
print(minpy.grad(loss)(w, x).tolist())
with minpy.OnlyNumPyPolicy():
    print(minpy.grad(plain)(w, x).tolist())
"""


@pytest.mark.parametrize("fast", ["0", "1"])
def test_graphs_may_have_to_compute_outputs_that_nobody_uses(fast):
    run = [sys.executable, "-W", "error", "-c", PROGRAM]
    env = {**os.environ, "MINPY_FAST": fast}
    compiled, numpys = subprocess.run(
        run, env=env, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    numpy.testing.assert_allclose(json.loads(compiled), json.loads(numpys), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: functional.conv2d(np.zeros((1, 3, 4, 4)), np.zeros((2, 2, 3, 3))), "3 channels and weights"),
        (lambda: functional.conv2d(np.zeros((1, 3, 4, 4)), np.zeros((2, 3, 5, 5))), "larger than"),
        (lambda: functional.conv2d(np.zeros((3, 4, 4)), np.zeros((2, 3, 3, 3))), "with 4 axes each"),
        (lambda: functional.conv1d(np.zeros((1, 1, 4)), np.zeros((2, 1, 3)), np.zeros(3)), "the bias of 2"),
        (lambda: functional.conv2d(np.zeros((1, 1, 4, 4)), np.zeros((2, 1, 3, 3)), stride=0), "stride is an"),
        (
            lambda: functional.conv2d(np.zeros((1, 1, 4, 4)), np.zeros((2, 1, 3, 3)), padding=(1,)),
            "2 of them",
        ),
        (lambda: functional.max_pool2d(np.zeros((1, 1, 4, 4)), 2, padding=2), "more than half"),
        (lambda: functional.avg_pool2d(np.zeros((1, 1, 1, 4)), 2), "larger than"),
        (lambda: functional.dropout(np.zeros(3), 1.0), "less than 1"),
        (lambda: functional.dropout(np.zeros(3), 0.5, "traiin"), "'train' or 'test'"),
    ],
)
@pytest.mark.parametrize("policy", ["only_numpy", "prefer_mxnet"])
def test_what_does_not_fit_is_refused(policy, call, message):
    minpy.set_global_policy(policy)
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("policy", ["only_numpy", "prefer_mxnet"])
def test_pooling_takes_floats(policy):
    minpy.set_global_policy(policy)
    with pytest.raises(TypeError, match="int32"):
        functional.max_pool2d(np.zeros((1, 1, 4, 4), dtype="int32"), 2)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_batch_norm(shape, mode):
    gamma, beta, mean, var = draw(3), draw(3), draw(3), draw(3) ** 2
    x = draw(*shape) * 3 + 1

    def normalize(x, gamma, beta, mean, var):
        return functional.batch_norm(x, gamma, beta, mean, var, eps=0.0)

    normalize = in_mode(normalize, mode)
    arrays = [np.array(a) for a in (x, gamma, beta, mean, var)]
    y, new_mean, new_var = map(numpy.asarray, normalize(*arrays))
    axes = tuple(axis for axis in range(x.ndim) if axis != 1)
    numpy.testing.assert_allclose(y.mean(axes), beta, rtol=1e-10, atol=1e-10)
    numpy.testing.assert_allclose(y.std(axes), abs(gamma), rtol=1e-10)
    numpy.testing.assert_allclose(new_mean, 0.9 * mean + 0.1 * x.mean(axes), rtol=1e-10)
    numpy.testing.assert_allclose(new_var, 0.9 * var + 0.1 * x.var(axes), rtol=1e-10)
    check_twice(lambda x, gamma, beta: normalize(x, gamma, beta, *arrays[3:])[0] ** 2, *arrays[:3])
    tested, same, _ = functional.batch_norm(*arrays, mode="test", eps=0.0)
    column = (1, 3) + (1,) * (x.ndim - 2)
    expected = (x - mean.reshape(column)) / numpy.sqrt(var.reshape(column)) * gamma.reshape(column)
    numpy.testing.assert_allclose(tested, expected + beta.reshape(column), rtol=1e-8, atol=1e-8)
    assert same is arrays[3]


@pytest.mark.parametrize("mode", MODES)
def test_layer_norm(mode):
    x, gamma, beta = draw(2, 3, 5), draw(5), draw(5)
    normalize = in_mode(functional.layer_norm, mode)
    arrays = [np.array(a) for a in (x, gamma, beta)]
    expected = (x - x.mean(-1, keepdims=True)) / numpy.sqrt(x.var(-1, keepdims=True) + 1e-5) * gamma + beta
    numpy.testing.assert_allclose(normalize(*arrays), expected, rtol=1e-10)
    check_twice(normalize, *arrays)
    short = [a.astype("float32") for a in arrays]
    numpy.testing.assert_allclose(normalize(*short), expected, rtol=1e-5, atol=1e-5)

    def value(*arrays):
        return np.sum(normalize(*arrays) ** 3)

    def slope(*arrays):
        return np.sum(minpy.grad(value)(*arrays) ** 2)

    for function in (value, slope):  # float64 is composed, float32 MXNet's operator
        found, wanted = (minpy.grad(function)(*a) for a in (short, arrays))
        numpy.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("mode", MODES)
def test_dropout_keeps_the_mean(mode):
    drop = in_mode(lambda x, how: functional.dropout(x, 0.25, how), mode)
    x = np.ones((200, 100), dtype="float32")
    np.random.seed(7)
    found = numpy.asarray(drop(x, "train"))
    assert set(numpy.unique(found)) == {numpy.float32(0), numpy.float32(1 / 0.75)}
    assert abs((found == 0).mean() - 0.25) < 0.01 and found.dtype == numpy.float32
    np.random.seed(7)
    gradient = minpy.grad(lambda x: np.sum(drop(x, "train")))(x)
    assert gradient.tolist() == found.tolist()
    assert drop(x, "test").tolist() == x.tolist()


@pytest.mark.parametrize("mode", MODES)
def test_embedding(mode):
    look_up = in_mode(lambda i, w: np.sum(functional.embedding(i, w) * 2.0), mode)
    weights, indices = np.array(draw(5, 3)), np.array([[1, 1], [4, 1]])
    numpy.testing.assert_allclose(look_up(indices, weights), 2 * weights.asnumpy()[[1, 1, 4, 1]].sum())
    counted = minpy.grad(look_up, argnum=1)(indices, weights)
    assert counted.tolist() == [[0] * 3, [6] * 3, [0] * 3, [0] * 3, [2] * 3]


def test_the_page_of_the_interface_has_what_is_made_at_import():
    page = (Path(__file__).parents[2] / "docs/api/nn_functions.md").read_text("utf-8")
    shown = re.findall(r"^\| `(\w+)(\(.*?\))` \| (.*) \|$", page, re.M)
    made = [name for name in functional.__all__ if not isfunction(getattr(functional, name))]
    assert [name for name, *_ in shown] == made
    for name, arguments, text in shown:
        function = getattr(functional, name)
        assert arguments == str(signature(function))
        assert text == " ".join(getdoc(function).split("\n\n")[0].split())
