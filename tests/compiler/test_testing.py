"""``minpy.testing``, for people's own tests."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler.lowering import expressions
from minpy.testing import assert_compiled, assert_same

X = np.array(numpy.arange(6, dtype="float32").reshape(2, 3))


def compiles(x, n=2):
    """Not a line of code."""
    # Nor is this.
    y = np.tanh(x)
    if n == 2:
        y = y * n

    else:
        y = y + n
    return np.sum(
        y,
    )


def with_print(x):
    y = np.tanh(x)
    print(end="")
    z = y * 2
    return np.sum(z)


def with_loop(x):
    while np.sum(x) > 1:
        x = x / 2
    return x


class Model:
    w = X

    @minpy.jit
    def jitted(self, x):
        return x * self.w

    def plain(self, x):
        return x * self.w


def test_passes_and_returns():
    result = assert_compiled(compiles, (X,))
    numpy.testing.assert_allclose(float(result), float(compiles(X)), rtol=1e-6)
    assert float(assert_compiled(compiles, [X], {"n": 3})) == pytest.approx(float(compiles(X, 3)), rel=1e-6)
    assert float(assert_compiled(lambda: 1.0)) == 1.0


@pytest.mark.parametrize(
    ("function", "args", "compiled", "lines"),
    [(with_print, (X,), 3, 4), (with_loop, (X,), 2, 3), (minpy.grad(with_print), (X,), 3, 4)],
)
def test_counts_lines(function, args, compiled, lines):
    with pytest.raises(
        AssertionError, match=f"^{compiled} of {lines} lines ran compiled, that is "
    ) as caught:
        assert_compiled(function, args)
    assert "left to Python" in str(caught.value)
    assert_compiled(function, args, min_fraction=compiled / lines)
    with pytest.raises(AssertionError, match="80% were to be"):
        assert_compiled(function, args, min_fraction=0.8)


def test_any_callable_and_its_own_counts_stay():
    jitted = minpy.jit(compiles, strict=True)
    model = Model()
    for function in (
        jitted,
        model.jitted,
        model.plain,
        minpy.grad(compiles),
        minpy.grad(jitted),
        minpy.jit(minpy.grad_and_loss(compiles)),
    ):
        assert_compiled(function, (X,))
        assert_same(function, (X,))
    assert jitted.cache_info().misses == 0 and Model.jitted.cache_info().misses == 0
    with_strict = minpy.jit(with_print, strict=True)
    assert_compiled(with_strict, (X,), min_fraction=0.7)
    static = minpy.jit(lambda x, rate: x * rate, static_argnames="rate")
    assert_compiled(static, (X, 0.5))


def test_what_cannot_be_compiled():
    with pytest.raises(AssertionError, match="0 of 0 lines"):
        assert_compiled(numpy.tanh, (X.asnumpy(),))
    with minpy.eager(), pytest.raises(AssertionError, match="0%"):
        assert_compiled(compiles, (X,))
    assert_compiled(numpy.tanh, (X.asnumpy(),), min_fraction=0)
    with pytest.raises(KeyError):
        assert_compiled(lambda x: {}[x], (1,))
    for fraction in (-0.1, 1.5):
        with pytest.raises(ValueError, match="min_fraction"):
            assert_compiled(compiles, (X,), min_fraction=fraction)


def test_assert_same(monkeypatch):
    x = X.copy()

    def f(x):
        x[0] = 1
        y = x + 1
        return y * 2

    numpy.testing.assert_array_equal(assert_same(f, (x,)).asnumpy(), x.asnumpy() * 2 + 2)
    assert float(x[0, 2]) == 1
    add = next(op for op in expressions.BINARY if op.__name__ == "Add")
    monkeypatch.setitem(expressions.BINARY, add, lambda a, b: a - b)
    with pytest.raises(AssertionError, match="y = x \\+ 1"):
        assert_same(f, (x,))
