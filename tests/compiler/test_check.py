"""``jit(check=True)`` finds faults that are put into the compiler, names the line, and finds no others."""

from __future__ import annotations

import inspect

import gast
import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler import checking, driver, outputs
from minpy.compiler.lowering import expressions, writes
from minpy.core import grad, grad_and_loss
from minpy.errors import CheckError
from minpy.ops import OPS
from tests.corpus.outcome import run
from tests.corpus.registry import ids, programs

X = np.array(numpy.arange(6, dtype="float32").reshape(2, 3))


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


# Programs of the tests, none of which may differ ------------------------------------------------


PROGRAMS = programs()


@pytest.mark.parametrize("program", PROGRAMS, ids=ids(PROGRAMS))
def test_no_false_alarm(program):
    compiled = minpy.jit(program.function, check=True)
    for number in range(len(program.inputs)):
        result = run(compiled, program.arguments(number)).result
        assert not isinstance(result, CheckError), result


def softmax_loss(w, x, labels):
    scores = np.dot(x, w)
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    total = np.log(np.sum(np.exp(shifted), axis=1))
    return np.mean(total - shifted[np.arange(len(labels)), labels])


def batch_norm(w, x, labels):
    h = np.dot(x, w)
    h = (h - np.mean(h, axis=0)) / np.sqrt(np.var(h, axis=0) + 1e-5)
    return np.sum(np.maximum(h, 0) * (labels[:, None] - 1.0))


def cancelling(w, x, labels):
    y = np.sum(x * 1e4) - np.sum(x[::-1] * 1e4)
    return np.sum(w) * y + np.sum(np.sin(x * 1e5)) + np.sum((w - np.mean(w)) * 1e3)


def with_leftover(w, x, labels):
    h = np.tanh(np.dot(x, w))
    print(end="")
    if np.sum(h) > 0:
        h = h * np.sum(h)
    return np.sum(h * h)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("loss", [softmax_loss, batch_norm, cancelling, with_leftover])
@pytest.mark.filterwarnings("ignore:the gradient of")  # that is zero is no fault
def test_rounding_is_no_difference(loss, dtype):
    random = numpy.random.RandomState(7)
    w, x = random.randn(6, 5).astype(dtype), random.randn(40, 6).astype(dtype)
    labels = random.randint(0, 5, 40)
    checked = minpy.jit(loss, check=True)
    for scale in (1, 100):
        args = np.array(w * scale), np.array(x), labels
        with numpy.errstate(all="ignore"):
            checked(*args)
            grad_and_loss(checked, [0, 1])(*args)
            grad(lambda w, args=args: np.sum(grad(checked)(w, *args[1:]) ** 2))(args[0])
            minpy.jit(grad_and_loss(loss), check=True)(*args)


# Faults in the compiler -------------------------------------------------------------------------


def inlined(h):
    a = h - 1
    return a * np.cos(a)


def program(x, w):
    h = np.tanh(x) * 2
    y = h + w
    z = np.exp(y) - 1.5
    for _ in range(2):
        z = z * 0.5
    z = inlined(z)
    return np.sum(z / 3)


def another_value(op):
    """The MXNet column of an op, twice as large."""
    true = op.mx

    def mx(b, out, *operands, **params):
        result = true(b, out, *operands, **params)
        return b.op("_npi_add", out, result, result)

    return mx


def wrong_operation(kind, operation):
    return lambda patch: patch.setitem(expressions.BINARY, kind, operation)


def by_mxnet(patch, name):
    """Let an op of MXNet's give another value."""
    patch.setenv("MINPY_PASSES", "-fuse")
    patch.setattr(OPS[name], "mx", another_value(OPS[name]))


def wrong_op(name):
    return lambda patch: by_mxnet(patch, name)


def in_a_kernel(patch):
    """The same where it stands in a kernel, if there are any."""
    patch.setattr(OPS["tanh"], "mx", another_value(OPS["tanh"]))
    patch.setattr(OPS["tanh"], "scalar", lambda k, dtype, x: k.add(x, x))


def double_the_last(graph):
    """A pass that makes another program of it: the last sum is of twice the values."""
    *eqns, last = graph.eqns
    assert last.op.name == "sum"
    before = eqns[-1]._replace(inputs=(eqns[-1].inputs[0], eqns[-1].inputs[0]), op=OPS["add"], params={})
    return graph._replace(eqns=(*eqns[:-1], before, last))


#: what is wrong -> how to make it so, the line that has to be named and its function
FAULTS = {
    "tanh": (wrong_op("tanh"), "h = np.tanh", program),
    "kernel": (in_a_kernel, "h = np.tanh", program),
    "exp": (wrong_op("exp"), "z = np.exp", program),
    "cos": (wrong_op("cos"), "return a * np.cos", inlined),
    "sum": (wrong_op("sum"), "return np.sum", program),
    "addition": (wrong_op("add"), "y = h + w", program),
    "a pass": (lambda p: p.setattr(driver, "PASSES", {"wrong": double_the_last}), "return np.sum", program),
    "lowering of +": (wrong_operation(gast.Add, lambda a, b: a - b), "y = h + w", program),
    "lowering of /": (wrong_operation(gast.Div, lambda a, b: a * b), "return np.sum", program),
    "lowering of *": (wrong_operation(gast.Mult, lambda a, b: a + b), "h = np.tanh", program),
    "lowering of -": (wrong_operation(gast.Sub, lambda a, b: b - a), "z = np.exp", program),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_its_line_named(name, monkeypatch):
    make, text, function = FAULTS[name]
    w = np.array(numpy.array([0.3, -0.2, 0.1], "float32"))
    x = np.array(numpy.array([[0.1, 0.7, -0.3], [0.2, 0.5, -0.9]], "float32"))
    checked = minpy.jit(program, check=True)
    checked(x, w)
    make(monkeypatch)
    checked.cache_clear()
    with pytest.raises(CheckError, match="compiled code differs from plain Python") as caught:
        checked(x, w)
    assert f"{__file__}:{line_of(function, text)} in {function.__name__}" in str(caught.value)
    assert isinstance(caught.value, AssertionError)


def loss(w, x):
    h = np.dot(x, w)
    a = np.log1p(h * h)
    return np.sum(np.sqrt(a + 1))


@pytest.mark.parametrize("call", [grad, grad_and_loss, lambda f: minpy.jit(grad(f), check=True)])
def test_a_fault_in_a_gradient(call, monkeypatch):
    w, x = np.array([0.5, 0.25]), np.array([[1.0, 2.0], [3.0, -1.0]])
    by_mxnet(monkeypatch, "true_divide")
    checked = minpy.jit(loss, check=True)
    checked(w, x)
    with pytest.raises(CheckError, match="its gradient: true_divide") as caught:
        call(checked)(w, x)
    assert f"{__file__}:{line_of(loss, 'np.sqrt')}" in str(caught.value)


def test_a_fault_in_the_gradient_of_a_region(monkeypatch):
    def with_print(w, x):
        h = np.dot(x, w)
        print(end="")
        return np.sum(np.sqrt(h * h + 1))

    w, x = np.array([0.5, 0.25]), np.array([[1.0, 2.0], [3.0, -1.0]])
    by_mxnet(monkeypatch, "true_divide")
    checked = minpy.jit(with_print, check=True)
    checked(w, x)
    with pytest.raises(CheckError, match="its gradient: true_divide") as caught:
        grad(checked)(w, x)
    assert f"{__file__}:{line_of(with_print, 'np.sqrt')}" in str(caught.value)


def test_a_lost_gradient(monkeypatch):
    """The values are right, and only the gradient is not: it stops where it must not."""
    true = expressions.BINARY[gast.Mult]
    monkeypatch.setitem(
        expressions.BINARY, gast.Mult, lambda a, b: true(minpy.stop_gradient(a), b) if a is b else true(a, b)
    )
    checked = minpy.jit(lambda w: np.sum(w * w), check=True)
    w = np.array([0.5, 0.25])
    checked(w)
    with pytest.raises(CheckError, match=r"0\.5 compiled, 1\.0 by NumPy"):
        grad(checked)(w)


def test_a_write_that_is_lost(monkeypatch):
    def f(x):
        x[0] = 5.0
        return np.sum(x)

    checked = minpy.jit(f, check=True)
    checked(np.ones(3))
    monkeypatch.setattr(outputs.Epilogue, "store_arrays", lambda self: None)
    with pytest.raises(CheckError, match=r"x: 1\.0 compiled, 5\.0 by NumPy"):
        minpy.jit(f, check=True)(np.ones(3))


def test_other_kinds_of_differences(monkeypatch):
    """An error that is not raised, another type, another dtype, another structure."""

    def f(x, n):
        assert n > 0, "not positive"
        return x, n

    monkeypatch.setattr(writes.Writes, "_Assert_statement", lambda self, node: None)
    checked = minpy.jit(f, check=True)
    checked(X, 1)
    with pytest.raises(CheckError, match="plain Python raises AssertionError: not positive") as caught:
        checked(X, 0)
    assert f":{line_of(f, 'assert')} in f" in str(caught.value)

    monkeypatch.setattr(
        expressions.Expressions, "_Tuple", lambda self, node: list(self._elements_of(node.elts))
    )
    with pytest.raises(CheckError, match="plain Python gives a tuple, compiled code a list"):
        minpy.jit(lambda x: (x, 1), check=True)(X)
    monkeypatch.setitem(expressions.BINARY, gast.Add, lambda a, b: (a + b).astype("float64"))
    with pytest.raises(
        CheckError, match=r"plain Python gives float32\[2, 3\], compiled code float64\[2, 3\]"
    ):
        minpy.jit(lambda x: x + x, check=True)(X)
    monkeypatch.setattr(expressions.Expressions, "_Constant", lambda self, node: "another")
    with pytest.raises(CheckError, match="plain Python gives 'a', compiled code 'another'"):
        minpy.jit(lambda x: {"k": [x, "a"]}["k"], check=True)(X)


# What checking does to the user's objects --------------------------------------------------------


def test_objects_are_changed_once():
    class Counter:
        def __init__(self):
            self.w = np.zeros(3)
            self.seen = []

        @minpy.jit(check=True)
        def step(self, x):
            self.w += x
            self.w[0] = 7.0
            self.seen.append(x.shape)
            return self.w * 2

    counter = Counter()
    for turn in range(1, 4):
        result = counter.step(np.ones(3))
        numpy.testing.assert_array_equal(counter.w.asnumpy(), [7, turn, turn])
        numpy.testing.assert_array_equal(result.asnumpy(), [14, 2 * turn, 2 * turn])
        assert counter.seen == [(3,)] * turn


def test_objects_are_changed_once_by_a_gradient():
    seen = []

    @minpy.jit(check=True)
    def loss(w):
        seen.append(w.shape)
        return np.sum(w**2)

    for turn in range(1, 4):
        numpy.testing.assert_array_equal(grad(loss)(np.full(3, turn)).asnumpy(), [2 * turn] * 3)
        assert seen == [(3,)] * turn


def test_each_signature_is_checked_once(monkeypatch):
    calls = []
    true = checking.outcome
    monkeypatch.setattr(checking, "outcome", lambda *args: calls.append(1) or true(*args))
    checked = minpy.jit(lambda x, n: np.tanh(x) * n, check=True)
    for size, n in ((2, 1), (2, 1), (3, 1), (3, 2), (2, 1), (3, 2)):
        checked(np.ones(size), n)
    assert len(calls) == 3
    checked.cache_clear()
    checked(np.ones(2), 1)
    assert len(calls) == 4
    unchecked = minpy.jit(lambda x: x + 1)
    unchecked(X)
    assert len(calls) == 4


def test_globals_that_are_written_are_written_once():
    checked = minpy.jit(write_to_global, check=True, strict=True)
    for turn in range(1, 4):
        checked(X.asnumpy())
        numpy.testing.assert_array_equal(TOTAL, turn * X.asnumpy())


TOTAL = numpy.zeros((2, 3), "float32")


def write_to_global(x):
    TOTAL[:] = TOTAL + x
    return numpy.sum(x)


def test_random_numbers_are_drawn_once():
    def f(x):
        return x * numpy.random.rand()

    numpy.random.seed(3)
    expected = [numpy.random.rand() for _ in range(3)]
    numpy.random.seed(3)
    checked = minpy.jit(f, check=True)
    found = [float(checked(np.ones(1, dtype="float64"))[0]) for _ in range(3)]
    numpy.testing.assert_allclose(found, expected)


def test_errors_of_the_program_come_through():
    checked = minpy.jit(lambda x, i: x[i] * 2, check=True)
    for _ in range(2):
        with pytest.raises(IndexError):
            checked(X, numpy.array([0, 7]))
        numpy.testing.assert_array_equal(checked(X, numpy.array([0])).asnumpy(), X.asnumpy()[[0]] * 2)
    with pytest.raises(ValueError, match="inner sizes"):
        minpy.jit(lambda x: np.dot(x, x), check=True)(X)


def _partly_filled(x):
    row = numpy.empty(5)
    row[1:3] = x
    table = numpy.empty_like(row, dtype=int)
    return {"row": row * 2, "mean": numpy.mean(row)}, [table[:2], table], np.sum(row[1:3])


def test_what_nobody_wrote_into_an_array_is_not_compared():
    junk = [numpy.full(5, 7.5) for _ in range(50)]  # so that the memory holds something
    del junk
    found = minpy.jit(_partly_filled, check=True)(numpy.array([1.0, 2.0]))
    assert found[0]["row"][1:3].tolist() == [2.0, 4.0] and found[2] == 3.0


def test_what_was_written_into_the_same_array_is(monkeypatch):
    monkeypatch.setitem(expressions.BINARY, gast.Mult, lambda a, b: a * b * 2)
    with pytest.raises(CheckError, match=r"8\.0 compiled, 4\.0 by NumPy at \(2,\)"):
        minpy.jit(_partly_filled, check=True)(numpy.array([0.5, 2.0]))
