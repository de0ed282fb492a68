"""Factorizations and Fourier transforms: gradients of order 2, conventions, names."""

from __future__ import annotations

import itertools

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.ops import OPS
from minpy.ops.contraction import _chain
from tests.ops.checks import check_gradient, projected_gradient
from tests.ops.tolerances import assert_same

SQUARE = numpy.array([[3.0, 0.5, -0.2], [0.1, 5.0, 0.4], [0.3, -0.6, 8.0]])
TALL = numpy.vstack([SQUARE, [[1.0, 0.3, -0.5]]])
WEIGHTS = numpy.array([1.0, -2.0, 0.5])

SINGULAR = {
    "rank 2": numpy.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 5.0]]),
    "rank 1": numpy.outer([1.0, 2.0, 3.0], [3.0, 1.0, 2.0]),
    "zeros": numpy.zeros((3, 3)),
    "one number": numpy.zeros((1, 1)),
    "empty": numpy.zeros((0, 0)),
    "one of two": numpy.stack([numpy.diag([1.0, -1.0, 0.0]), SQUARE]),
    "rank 2 of 4": numpy.array([[1.0, 2, 3, 4], [2, 4, 6, 8], [0, 1, 0, 1], [0, 2, 0, 2]]),
    "complex": numpy.array([[1, 2j, 3], [1j, -2, 3j], [1, 0, 5 - 1j]]),
}

FUNCTIONS = (
    (lambda x: np.linalg.slogdet(x)[0], SQUARE),
    (lambda x: np.linalg.slogdet(x)[1], SQUARE),
    (lambda x: np.sum(np.linalg.cholesky(x @ x.T) * WEIGHTS), SQUARE),
    (lambda x: np.sum(np.linalg.eigh(x @ x.T)[0] * WEIGHTS), SQUARE),
    (lambda x: np.sum(np.linalg.eigh(x @ x.T)[1] ** 2 * WEIGHTS), SQUARE),
    (lambda x: np.sum(np.linalg.qr(x)[0] ** 2 * WEIGHTS), TALL),
    (lambda x: np.sum(np.linalg.qr(x)[1] ** 2 * WEIGHTS), TALL),
    (lambda x: np.sum(np.linalg.qr(x.T)[1][:, :3] ** 2 * WEIGHTS), TALL),
    (lambda x: np.sum(np.linalg.svd(x, False)[0] ** 2 * WEIGHTS), TALL),
    (lambda x: np.sum(np.linalg.svd(x, False)[2] ** 2 * WEIGHTS), TALL),
    (lambda x: np.sum(np.linalg.svd(x.T, False)[0] ** 2 * WEIGHTS), TALL),
    (lambda x: np.sum(np.linalg.svd(x, compute_uv=False) * WEIGHTS), TALL),
    (lambda x: np.sum(np.linalg.svd(x + x.T, hermitian=True)[0] ** 2 * WEIGHTS), SQUARE),
    (lambda x: np.sum(np.linalg.svd(x + x.T, hermitian=True)[2] ** 2 * WEIGHTS), SQUARE - 5 * numpy.eye(3)),
    (lambda x: np.sum(np.linalg.svd(x + x.T, compute_uv=False, hermitian=True) * WEIGHTS), SQUARE - 5),
    (lambda x: np.sum(np.linalg.pinv(x + x.T, hermitian=True) * WEIGHTS), SQUARE),
    (lambda x: np.sum(np.real(np.fft.fft(np.fft.fft(x) ** 2)) * WEIGHTS), SQUARE),
    (lambda x: np.sum(np.fft.irfft(np.fft.rfft(x) ** 2, 3) * WEIGHTS), SQUARE),
)


@pytest.mark.parametrize("function, x", FUNCTIONS)
def test_gradients(function, x):
    check_gradient(function, x, "order 1")
    check_gradient(projected_gradient(function, x), x, "order 2")


def test_the_gradient_of_a_symmetric_matrix_is_symmetric():
    x = SQUARE @ SQUARE.T
    for function in (np.linalg.cholesky, np.linalg.eigvalsh):
        gradient = numpy.asarray(minpy.grad(lambda x, f=function: np.sum(f(x) * WEIGHTS))(x))
        assert_same(gradient, gradient.T, "symmetric")


def test_the_namespaces_have_all_of_numpy():
    for module in ("linalg", "fft"):
        ours, theirs = getattr(np, module), getattr(numpy, module)
        assert {name for name in dir(theirs) if name[0] != "_"} <= set(dir(ours))
    assert np.linalg.LinAlgError is numpy.linalg.LinAlgError
    assert_same(np.linalg.lstsq(np.array(SQUARE), np.array(WEIGHTS), rcond=None)[0].shape, (3,), "lstsq")
    assert_same(np.fft.fftfreq(4), numpy.fft.fftfreq(4).astype("float32"), "fftfreq")


def test_singular_matrices():
    for function in (np.linalg.inv, lambda x: np.linalg.solve(x, np.ones(2)), np.linalg.cholesky):
        with pytest.raises(numpy.linalg.LinAlgError):
            function(np.zeros((2, 2)))


@pytest.mark.parametrize("p", [None, 1, -1, 2, -2, numpy.inf, "fro"])
def test_condition_of_singular_matrices(p):
    zeros, unknown = numpy.zeros((2, 2)), numpy.array([[1.0, numpy.nan], [2.0, 3.0]])
    with numpy.errstate(all="ignore"):
        assert numpy.linalg.cond(zeros, p) == np.linalg.cond(np.array(zeros), p) == numpy.inf
        both = numpy.stack([zeros, numpy.diag([2.0, 4.0])])
        assert_same(np.linalg.cond(np.array(both), p), numpy.linalg.cond(both, p), "one of two")
        if p not in (None, 2, -2):
            assert_same(np.linalg.cond(np.array(unknown), p), numpy.linalg.cond(unknown, p), "nan stays")


@pytest.mark.parametrize("x", [TALL, TALL.T, numpy.stack([TALL, TALL]), TALL.astype("float32"), TALL + 1j])
@pytest.mark.parametrize(
    "name, params",
    [
        *[("svd", {"full": full}) for full in (False, True)],
        *[("qr", {"complete": complete}) for complete in (False, True)],
        ("eigh", {"UPLO": "L"}),
        ("slogdet", {}),
    ],
)
def test_shapes_and_dtypes_are_known_before(name, params, x):
    if name in ("eigh", "slogdet"):
        x = x[..., :3, :3]
    op = OPS[f"linalg.{name}"]
    found, expected = op.infer(x, **params), op.numpy(x, **params)
    assert [(aval.shape, aval.dtype) for aval in found] == [(y.shape, y.dtype) for y in expected]


def test_symmetric_matrices_are_numpys():
    x = SQUARE + SQUARE.T - 11 * numpy.eye(3)
    seen = []

    def under_a_gradient(x):
        seen.extend(np.linalg.svd(x, hermitian=True))
        seen.append(np.linalg.pinv(x, hermitian=True))
        return np.sum(x)

    minpy.grad(under_a_gradient)(x)
    expected = (*numpy.linalg.svd(x, hermitian=True), numpy.linalg.pinv(x, hermitian=True))
    for found, own in zip(seen, expected):
        assert_same(found, own, "of a symmetric matrix")


@pytest.mark.parametrize("x", [SQUARE, TALL.T - 2, numpy.stack([TALL, -TALL]), TALL * (1 - 2j), SQUARE[0]])
def test_norms_of_all_orders(x):
    matrix = [None, "fro", "nuc", 1, -1, 2, -2, numpy.inf, -numpy.inf, numpy.array(1)]
    vector = [None, 0, 1, -1, 2, -2, 3, 0.5, numpy.inf, -numpy.inf, numpy.array(numpy.inf)]
    axes = [((-2, -1), matrix), ((-1, 0), matrix)] if x.ndim > 1 else []
    with numpy.errstate(divide="ignore"):
        for axis, orders in (*axes, (0, vector), (-1, vector)):
            for order, keepdims in itertools.product(orders, (False, True)):
                expected = numpy.linalg.norm(x, order, axis, keepdims)
                found = np.linalg.norm(np.array(x, dtype=x.dtype), order, axis, keepdims)
                assert_same(found, expected, f"order {order!r} along {axis}, {keepdims}")


def multiplications(sizes, i, j):
    """The fewest that the product of the matrices i to j takes, all ways of putting brackets tried."""
    ways = [
        multiplications(sizes, i, k)
        + multiplications(sizes, k + 1, j)
        + sizes[i] * sizes[k + 1] * sizes[j + 1]
        for k in range(i, j)
    ]
    return min(ways, default=0)


def test_a_chain_of_matrices_takes_the_fewest_multiplications():
    for sizes in itertools.chain(
        itertools.permutations((2, 3, 5, 7, 11)), itertools.product((1, 4, 9), repeat=6)
    ):
        splits = _chain(sizes)

        def taken(i, j, sizes=sizes, splits=splits):
            if i == j:
                return 0
            k = splits[i, j]
            return taken(i, k) + taken(k + 1, j) + sizes[i] * sizes[k + 1] * sizes[j + 1]

        last = len(sizes) - 2
        assert taken(0, last) == multiplications(sizes, 0, last), sizes


@pytest.mark.parametrize("shape, subscripts", [((1, 3), "ii"), ((3, 1), "ii->i"), ((1, 3, 3), "iii->i")])
def test_a_diagonal_of_axes_of_two_sizes(shape, subscripts):
    x = numpy.arange(numpy.prod(shape)).reshape(shape) + 1.0
    try:
        expected = numpy.einsum(subscripts, x)
    except ValueError:
        with pytest.raises(ValueError):
            np.einsum(subscripts, np.array(x))
    else:
        assert_same(np.einsum(subscripts, np.array(x, dtype=x.dtype)), expected, subscripts)


def cofactors(x):
    """By their definition: a determinant of what is left without a row and a column."""
    found = numpy.zeros_like(x)
    for (*batch, i, j), _ in numpy.ndenumerate(x):
        rest = numpy.delete(numpy.delete(x[tuple(batch)], i, 0), j, 1)
        found[(*batch, i, j)] = (-1) ** (i + j) * numpy.linalg.det(rest)
    return found


@pytest.mark.parametrize("name", SINGULAR)
@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "jit"])
def test_det_of_singular_matrices(name, wrap):
    x, step = SINGULAR[name], 1e-5
    real = (x.real, x.imag) if name == "complex" else (x,)

    def first(*parts):
        z = parts[0] + 1j * parts[1] if len(parts) > 1 else parts[0]
        return np.sum(np.real(np.linalg.det(z) * (1 + 2j)))

    def second(*parts):
        gradients = minpy.grad(first, list(range(len(parts))))(*parts)
        return sum(np.sum(g * numpy.cos(numpy.arange(g.size).reshape(g.shape))) for g in gradients)

    derivative = cofactors(x) * (1 + 2j) if name == "complex" else cofactors(x)
    expected = (derivative.real, -derivative.imag)[: len(real)]
    for found, want in zip(minpy.grad(wrap(first), list(range(len(real))))(*real), expected):
        numpy.testing.assert_allclose(found.asnumpy(), want, atol=1e-12)
    for place, found in enumerate(minpy.grad(wrap(second), list(range(len(real))))(*real)):
        for where in numpy.ndindex(x.shape):
            ends = []
            for sign in (1, -1):
                moved = [part.copy() for part in real]
                moved[place][where] += sign * step
                ends.append(float(second(*moved)))
            assert abs((ends[0] - ends[1]) / (2 * step) - float(found[where])) < 1e-6


ROW, ONES = numpy.ones(3), numpy.ones((3, 3))
#: What is no chain, not square, not regular, not definite, not finite, or of other sizes or axes.
MISTAKES = (
    (lambda np, x: np.linalg.multi_dot([x, x[0], x]), ONES),
    (lambda np, x: np.linalg.multi_dot([x, x[None], x]), ONES),
    (lambda np, x: np.linalg.multi_dot([x[None], x, x]), ONES),
    *(
        (lambda np, x, f=name: getattr(np.linalg, f)(x), TALL)
        for name in ("inv", "det", "slogdet", "cholesky")
    ),
    *(
        (lambda np, x, f=name: getattr(np.linalg, f)(x), TALL)
        for name in ("eig", "eigvals", "eigh", "eigvalsh")
    ),
    *(
        (lambda np, x, f=name: getattr(np.linalg, f)(x), ROW)
        for name in ("inv", "det", "slogdet", "cholesky")
    ),
    *(
        (lambda np, x, f=name: getattr(np.linalg, f)(x), ROW)
        for name in ("eigvals", "svd", "qr", "pinv", "cond")
    ),
    (lambda np, x: np.linalg.inv(x), ONES),
    (lambda np, x: np.linalg.cholesky(x), -ONES),
    (lambda np, x: np.linalg.eig(x * numpy.nan), ONES),
    (lambda np, x: np.linalg.solve(x, x), ONES),
    (lambda np, x: np.linalg.solve(x, x), TALL),
    (lambda np, x: np.linalg.lstsq(x, x[:2], rcond=None), ONES),
    (lambda np, x: np.linalg.lstsq(x, x, rcond=None), ROW),
    (lambda np, x: np.linalg.matrix_power(x, 2), TALL),
    (lambda np, x: np.linalg.matrix_power(x, -1), ONES),
    (lambda np, x: np.linalg.cond(x[:0]), ONES),
    (lambda np, x: np.linalg.tensorinv(x), ONES),
)


@pytest.mark.parametrize("policy", [minpy.PreferMXNetPolicy(), minpy.OnlyNumPyPolicy()], ids=repr)
def test_numpys_errors_in_its_words(policy):
    for number, (function, x) in enumerate(MISTAKES):
        with pytest.raises(numpy.linalg.LinAlgError) as expected:
            function(numpy, x)
        with policy, pytest.raises(numpy.linalg.LinAlgError) as found:
            function(np, np.array(x))
        text = str(found.value).partition("\n")[0].strip()
        assert text == str(expected.value), f"mistake {number}"
