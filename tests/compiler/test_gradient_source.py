"""The program that ``explain(fn).gradient_source`` gives runs with NumPy alone, and gives the same."""

from __future__ import annotations

import math
import subprocess
import sys
from inspect import signature

import numpy
import pytest
import scipy.special

import minpy
import minpy.numpy as np
from minpy.compiler.explain.numpy_program import _wrapped
from minpy.compiler.explain.spelling import Text, spelled
from minpy.compiler.ir import Eqn, Literal
from minpy.core import grad_and_loss
from minpy.errors import UnsupportedError
from minpy.nn.functional import max_pool2d
from minpy.ops import OPS
from tests.corpus.elsewhere import negated
from tests.ops.samples import Draw, Sample, samples_of
from tests.ops.tolerances import assert_same

RNG = numpy.random.RandomState(7)
X, W, V = RNG.randn(5, 4), RNG.randn(4, 3), RNG.randn(3)
LABELS = RNG.randint(0, 3, 5)
SHIFT = RNG.randn(5, 1)


def program_of(function):
    """The text, and the function that it defines in a namespace of its own."""
    text = minpy.explain(function).gradient_source
    assert text == minpy.explain(function).gradient_source
    assert "minpy" not in text.split('"""')[2]
    namespace: dict = {}
    exec(text, namespace)
    program = next(value for name, value in namespace.items() if name.endswith("_value_and_gradient"))
    return text, lambda **inputs: program(**{name: inputs[name] for name in signature(program).parameters})


def softmax_loss(w, v, x):
    scores = np.dot(x, w) + v
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    log_sum = np.log(np.sum(np.exp(shifted), axis=1))
    return np.mean(log_sum - shifted[np.arange(len(LABELS)), LABELS])


def layer(x, w, b):
    x = np.dot(x, w)
    return np.tanh(x + b)


def network(w, v, x):
    for _ in range(2):
        x = layer(x, w, v)[:, [0, 1, 2, 0]] * 2
    return np.sum(x**2) / 3


def reused_names(w, v, x):
    w = w * 2
    w = np.concatenate([w, w[::-1]], axis=0)
    v = v - np.mean(v)
    w = w * np.where(w > 0, w, 0.1 * w) + v
    return np.sum(np.exp(-(w**2)))


def many_shapes(w, v, x):
    y = x.reshape(2, 10).T[1:, ::-1]
    z = np.stack([y, y * 3])[None, :, 2] ** 3
    return np.prod(np.abs(z) + 1) + np.sum(w.T @ x.T) - np.max(v) / np.sum(np.arange(4.0) * np.ones(4))


def minimum_and_statistics(w, v, x):
    centered = (x - np.mean(x, axis=0)) / np.sqrt(np.var(x, axis=0) + 1e-5)
    return (
        np.sum(np.minimum(centered, SHIFT) ** 2, axis=(0, 1)) + np.sum(np.dot(v, w.T)) + np.sum(np.cumsum(v))
    )


def activations(w, v, x):
    h = np.relu(np.dot(x, w)) + np.sigmoid(x[:, :3])
    return np.sum(np.log_softmax(h, axis=1)[:, 0] * np.softmax(h, axis=0)[:, 1]) + np.sum(v)


def parameters_with_long_names(w, v, x, *, a_parameter_with_a_rather_long_name=1.5, another_parameter=2.5):
    scale = a_parameter_with_a_rather_long_name * another_parameter
    return (
        np.sum(np.dot(x, w) ** 2) * np.sum(np.concatenate([v, v * 2, np.exp(v), np.tanh(v)], axis=0)) * scale
    )


def long_names(w, v, x):
    the_activations_of_the_hidden_layer = np.exp(np.dot(x, w) * 0.1) + np.tanh(np.dot(x, w)) * np.cos(v)
    another_value_that_has_a_long_name = the_activations_of_the_hidden_layer + np.sin(v)
    return np.sum(another_value_that_has_a_long_name * the_activations_of_the_hidden_layer)


def constants_of_all_kinds(w, v, x):
    y = np.maximum(np.dot(np.dot(x, w), numpy.eye(3)), -1e999) * numpy.array(3.0) + numpy.float64(2)
    return np.sum(y) + np.sum(np.concatenate([v, numpy.zeros(0)]) * numpy.arange(3))


def constants_of_several_lines(w, v, x):
    table = [1.25, 2.5, 3.75, 4.5, 5.25, 6.5, 7.75, 8.25, 9.5, 10.25, 11.5, 12.25, 13.5, 14.75, 15.5, 16.25]
    scale = numpy.array([*table, 17.5, 18.25, 19.5, 20.125])
    y = np.minimum(np.reshape(x, 20), scale) * scale
    return np.sum(np.dot(np.reshape(y, (5, 4)), w) ** 2 + v)


def with_math_and_scipy(w, v, x, *, another_parameter=2.5):
    y = negated(np.dot(x, w)) * math.sqrt(another_parameter)
    return np.sum(y**2) + np.sum(scipy.special.erf(v))


def pooled(w, v, x):
    y = max_pool2d(np.reshape(np.dot(x, w), (1, 1, 5, 3)), (2, 2), (1, 1))
    return np.sum(y**2) + np.sum(v)


PROGRAMS = [
    constants_of_all_kinds,
    with_math_and_scipy,
    parameters_with_long_names,
    long_names,
    softmax_loss,
    network,
    reused_names,
    many_shapes,
    minimum_and_statistics,
    activations,
]


@pytest.mark.parametrize("function", [*PROGRAMS, constants_of_several_lines, pooled])
@pytest.mark.filterwarnings("ignore:the gradient of")  # that is zero is no fault
def test_runs_alone_and_gives_the_same(function):
    compiled = minpy.jit(function)
    gradients, value = grad_and_loss(compiled, [0, 1, 2])(W, V, X)
    _, program = program_of(compiled)
    found_value, found = program(
        **{"w": W, "v": V, "x": X, "LABELS": LABELS, "SHIFT": SHIFT},
        **{"a_parameter_with_a_rather_long_name": 1.5, "another_parameter": 2.5},
    )
    numpy.testing.assert_allclose(found_value, float(value), rtol=1e-12)
    found = found if isinstance(found, tuple) else (found,)
    nonzero = [g.asnumpy() for g in gradients if g.asnumpy().any()]
    assert len(found) == len(nonzero)
    for expected, gradient in zip(nonzero, found):
        assert gradient.shape == expected.shape and gradient.dtype == expected.dtype
        numpy.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("function", PROGRAMS)
def test_is_formatted(function):
    compiled = minpy.jit(function)
    compiled(W, V, X)
    text = minpy.explain(compiled).gradient_source
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--quiet", "--line-length=88", "-"]
    assert subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout == text


def test_reads_like_the_function():
    compiled = minpy.jit(network)
    grad_and_loss(compiled)(W, V, X)
    text, _ = program_of(compiled)
    first = network.__code__.co_firstlineno
    assert f"# line {layer.__code__.co_firstlineno + 2}, in layer: return np.tanh(x + b)" in text
    assert f"# gradient of line {first + 3}: return np.sum(x**2) / 3" in text
    assert "    return value, w_bar\n" in text


def test_without_a_gradient_taken_it_is_of_all_float_arguments():
    class Model:
        def __init__(self):
            self.params = {"w": np.array(W)}

        def loss(self, x, rate, count):
            return np.sum(np.dot(x, self.params["w"]) ** 2) * rate * count

    model = Model()
    f = minpy.jit(Model.loss)
    value = f(model, X, 0.5, 3)
    text, program = program_of(f)
    assert "self_params_w: float64[4,3], which is self.params['w']" in text
    found, (x_bar, w_bar, rate_bar) = program(x=X, self_params_w=W, rate=0.5)
    numpy.testing.assert_allclose(found, float(value))
    product = X @ W
    numpy.testing.assert_allclose(x_bar, 3 * product @ W.T)
    numpy.testing.assert_allclose(w_bar, 3 * X.T @ product)
    numpy.testing.assert_allclose(rate_bar, 3 * numpy.sum(product**2))


def test_the_gradient_of_the_value_itself():
    def plus_one(x):
        return x + 1

    f = minpy.jit(plus_one)
    grad_and_loss(f)(numpy.float64(2.0) * np.ones(()))
    _, program = program_of(f)
    assert program(x=2.0) == (3.0, 1.0)


def test_says_what_it_cannot_do():
    f = minpy.jit(lambda x: (x, x * 2))
    f(X)
    with pytest.raises(UnsupportedError, match="does not return an array of floats"):
        minpy.explain(f).gradient_source  # noqa: B018

    @minpy.jit
    def in_parts(x):
        print(end="")
        return np.sum(x)

    in_parts(X)
    with pytest.raises(UnsupportedError, match="not compiled as a whole"):
        minpy.explain(in_parts).gradient_source  # noqa: B018


SYMMETRIC = numpy.array([[4.0, 1.0], [1.0, 3.0]])
#: for ops of which the samples have no entry
MORE_SAMPLES = {
    "linalg.cholesky": [Sample((SYMMETRIC,))],
    "shares": [
        Sample((Draw((3, 4)), numpy.ones((3, 1))), {"axes": (1,)}, ("float32", "float64")),
        Sample((numpy.array([[1.0, 2.0], [2.0, 0.0]]), numpy.array([[2.0]])), {"axes": (0, 1)}),
    ],
}
#: those that can be part of a graph
COMPILED = {name: op for name, op in OPS.items() if op.mx is not None}


@pytest.mark.parametrize("op", COMPILED.values(), ids=COMPILED.keys())
def test_every_op_is_spelled_as_it_computes(op):
    for sample in MORE_SAMPLES.get(op.name) or samples_of(op):
        for dtype in sample.dtypes:
            args = sample.draw(dtype)
            try:
                with numpy.errstate(all="ignore"):
                    expected = op.numpy(*args, **sample.params)
            except (TypeError, ValueError):
                continue
            names = [f"x{i}" for i in range(len(args))]
            eqn = Eqn(op, tuple(map(Literal, args)), sample.params, (), None)
            text = spelled(eqn, [Text(name, 5) for name in names])
            statements = text.text if text.is_statement else f"{{out}} = {text.text}"
            helpers = {helper.__name__: helper for helper in op.helpers}
            namespace = {"np": numpy, "scipy": scipy, **helpers, **dict(zip(names, args))}
            with numpy.errstate(all="ignore"):
                exec(statements.replace("{out}", "out"), namespace)
            for a, b in zip(*[x if isinstance(x, tuple) else (x,) for x in (namespace["out"], expected)]):
                assert_same(numpy.asarray(a), numpy.asarray(b), text.text)


def test_a_bracket_in_a_string_is_no_bracket_to_close():
    line = "y = np.where(" + "x, " * 40 + "'(')"
    assert "".join(part.strip() for part in _wrapped(line)) == line.replace("= ", "= (") + ")"
