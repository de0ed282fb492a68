"""Factorizations: eigenvalues, QR, singular values, least squares, over leading batch axes.

The gradients are those of Giles 2008 (see ``matrix.py``), Walter and Lehmann 2010, "Algorithmic
differentiation of linear algebra functions", Townsend 2016, "Differentiating the singular value
decomposition", and Wan and Zhang 2019, "Automatic differentiation for complex valued SVD". Gradients of
eigenvectors and singular vectors need values that differ. The phase of complex eigenvectors of Hermitian
matrices and of singular vectors is not determined; what does not depend on it has a gradient.
"""

from __future__ import annotations

from typing import Any

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.aval import Aval, aval_of, real_dtype
from minpy.ops.choosing import take_along_axis
from minpy.ops.elementwise import absolute, real, square, subtract, true_divide
from minpy.ops.indexing import basic_slice
from minpy.ops.linalg import matmul_op
from minpy.ops.logic import not_equal, where_op
from minpy.ops.matrix import (
    _column,
    _eye,
    _float_dtype,
    _h,
    _matrices,
    _matrix_op,
    _symmetric,
    _t,
    conj,
    inv_op,
    is_complex,
    pinv_op,
    solve_op,
    with_conjugates,
)
from minpy.ops.rearrange import tril
from minpy.ops.reduction import argmax_op, sum_op
from minpy.ops.shape import concatenate_op, expand_dims, reshape_op
from minpy.ops.transcendental import imag_op


def _reciprocal(x: Any) -> Any:
    """1 / x, and 0 where x is 0."""
    nonzero = not_equal(x, 0)
    return where_op(nonzero, true_divide(1.0, where_op(nonzero, x, numpy.ones((), aval_of(x).dtype))), 0)


def _differences(values: Any) -> Any:
    """For vectors w the matrices of 1 / (w[j] - w[i]), 0 where these are equal."""
    return _reciprocal(subtract(_row(values), _column(values)))


def _row(x: Any) -> Any:
    return expand_dims.implementation(x, -2)


def _or_zeros(g: tuple, ans: tuple) -> tuple:
    return tuple(y * 0.0 if part is None else part for part, y in zip(g, ans))


# Eigenvalues -----------------------------------------------------------------------------------


@with_conjugates
def _eigh_vjp(g: Any, ans: Any, x: Any, UPLO: str) -> Any:
    values, vectors = ans
    inner = 0.0
    if g[1] is not None:
        inner = _differences(values) * matmul_op(_h(vectors), g[1])
    if g[0] is not None:
        inner = inner + _column(g[0]) * _eye(values)
    return _symmetric(matmul_op(matmul_op(vectors, inner), _h(vectors)))


def _eigh_infer(x: Any, UPLO: str) -> tuple[Aval, Aval]:
    shape, dtype = _matrices(x), _float_dtype(x)
    return Aval(shape[:-1], real_dtype(dtype)), Aval(shape, dtype)


eigh_op = _matrix_op("eigh", _eigh_infer, (_eigh_vjp,))
eigh_op.numpy = lambda x, UPLO: tuple(numpy.linalg.eigh(x, UPLO))


def _eig_infer(x: Any) -> tuple[Aval, Aval]:
    _matrices(x)
    raise UnsupportedError("whether eigenvalues are real or complex depends on the data")


def _eig_vjp(g: Any, ans: Any, x: Any) -> Any:
    """dV = V (F o C) and a part along V itself, for C = inv(V) dA V and F[i, j] = 1 / (w[j] - w[i]).

    That part keeps the norm of an eigenvector 1 and its largest element real, as LAPACK does.
    """
    values, vectors = ans
    g_values, g_vectors = g
    inner = 0.0
    if g_vectors is not None:
        along = sum_op(g_vectors * vectors, axes=(aval_of(x).ndim - 2,), keepdims=True)
        across = g_vectors - real(along) * conj(vectors)
        if is_complex(vectors):
            largest = expand_dims.implementation(argmax_op(absolute(vectors), axis=aval_of(x).ndim - 2), -2)
            is_largest = numpy.arange(aval_of(x).shape[-1])[:, None] == largest
            length = real(take_along_axis.implementation(vectors, largest, -2))
            across = across - where_op(is_largest, 1j * imag_op(along) / length, 0)
        inner = _differences(values) * matmul_op(_t(vectors), across)
    if g_values is not None:
        inner = inner + _column(g_values) * _eye(values)
    return matmul_op(matmul_op(_t(inv_op(vectors)), inner), _t(vectors))


eig_op = _matrix_op("eig", _eig_infer, (_eig_vjp,))
eig_op.numpy = lambda x: tuple(numpy.linalg.eig(x))

# QR --------------------------------------------------------------------------------------------


def _qr_infer(x: Any, complete: bool) -> tuple[Aval, Aval]:
    *batch, m, n = _matrices(x, square=False)
    dtype = _float_dtype(x)
    k = m if complete else min(m, n)
    return Aval((*batch, m, k), dtype), Aval((*batch, k, n), dtype)


def _columns(x: Any, start: int, stop: int) -> Any:
    return basic_slice(x, aval_of(x).ndim - 1, start, stop)


def _rows(x: Any, start: int, stop: int) -> Any:
    return basic_slice(x, aval_of(x).ndim - 2, start, stop)


def _apart_from_rest(g: Any, basis: Any, count: int) -> tuple[Any, Any]:
    """Cotangent and columns of a basis that a factorization filled up, without what it was filled with.

    The rest, which can only be orthogonal to the others, turns with them: dU2 = -U1 dU1^H U2.
    """
    size = aval_of(basis).shape[-1]
    if size == count:
        return g, basis
    first, rest = _columns(basis, 0, count), _columns(basis, count, size)
    if g is None:
        return None, first
    turned = matmul_op(matmul_op(rest, _h(_columns(g, count, size))), first)
    return subtract(_columns(g, 0, count), turned), first


@with_conjugates
def _qr_vjp(g: Any, ans: Any, x: Any, complete: bool) -> Any:
    """For full rank. A wide matrix is a square one beside columns that follow from it."""
    m, n = aval_of(x).shape[-2:]
    k = min(m, n)
    g_q, g_r = _or_zeros(g, ans)
    g_q, q = _apart_from_rest(g_q, ans[0], k)
    g_r, r = (_rows(y, 0, k) for y in (g_r, ans[1])) if aval_of(ans[1]).shape[-2] > k else (g_r, ans[1])
    if m < n:
        g_rest, rest = _columns(g_r, m, n), _columns(x, m, n)
        g_q = g_q + matmul_op(rest, _h(g_rest))
        g_square = _qr_square_vjp(g_q, _columns(g_r, 0, m), q, _columns(r, 0, m))
        return concatenate_op(g_square, matmul_op(q, g_rest), axis=aval_of(x).ndim - 1)
    return _qr_square_vjp(g_q, g_r, q, r)


def _qr_square_vjp(g_q: Any, g_r: Any, q: Any, r: Any) -> Any:
    inner = subtract(matmul_op(r, _h(g_r)), matmul_op(_h(g_q), q))
    lower = tril.implementation(inner, -1)
    copied = lower + _h(lower) + _eye(r) * real(inner)
    return _h(solve_op(r, _h(g_q + matmul_op(q, copied))))


qr_op = _matrix_op("qr", _qr_infer, (_qr_vjp,))
qr_op.numpy = lambda x, complete: tuple(numpy.linalg.qr(x, "complete" if complete else "reduced"))

# Singular values -------------------------------------------------------------------------------


def _svd_infer(x: Any, full: bool) -> tuple[Aval, Aval, Aval]:
    *batch, m, n = _matrices(x, square=False)
    k, dtype = min(m, n), _float_dtype(x)
    left, right = (m, n) if full else (k, k)
    return (
        Aval((*batch, m, left), dtype),
        Aval((*batch, k), real_dtype(dtype)),
        Aval((*batch, right, n), dtype),
    )


@with_conjugates
def _svd_vjp(g: Any, ans: Any, x: Any, full: bool) -> Any:
    """Parts of the cotangents outside of the spaces of the thin decomposition go back by 1 / s."""
    s = ans[1]
    m, n = aval_of(x).shape[-2:]
    k = min(m, n)
    g_u, u = _apart_from_rest(g[0], ans[0], k)
    g_v, v = _apart_from_rest(None if g[2] is None else _h(g[2]), _h(ans[2]), k)
    row = _row(s)
    gaps = _reciprocal(subtract(square(row), square(_column(s))))
    eye = _eye(s)
    inner, more = _column(s * 0.0 if g[1] is None else g[1]) * eye, []
    if g_u is not None:
        spin = matmul_op(_h(u), g_u)
        if is_complex(spin):
            inner = inner + 1j * imag_op(spin) * eye * _reciprocal(row)
        spin = gaps * spin
        inner = inner + (spin + _h(spin)) * row
        if m > k:
            apart = subtract(g_u, matmul_op(u, matmul_op(_h(u), g_u)))
            more.append(matmul_op(apart * _reciprocal(row), _h(v)))
    if g_v is not None:
        spin = gaps * matmul_op(_h(v), g_v)
        inner = inner + _column(s) * (spin + _h(spin))
        if n > k:
            apart = subtract(g_v, matmul_op(v, matmul_op(_h(v), g_v)))
            more.append(matmul_op(u, _h(apart * _reciprocal(row))))
    result = matmul_op(matmul_op(u, inner), _h(v))
    for part in more:
        result = result + part
    return result


svd_op = _matrix_op("svd", _svd_infer, (_svd_vjp,))
svd_op.numpy = lambda x, full: tuple(numpy.linalg.svd(x, full_matrices=full))

# Least squares ---------------------------------------------------------------------------------


def _lstsq_infer(a: Any, b: Any, rcond: Any) -> tuple[Aval, ...]:
    raise UnsupportedError("whether there are residuals depends on the data")


def _cutoff(a: Any, rcond: Any) -> float:
    """Below which part of the largest one singular values count as 0."""
    precise = rcond is not None and rcond != "warn" and rcond >= 0
    return rcond if precise else float(numpy.finfo(_float_dtype(a)).eps) * max(aval_of(a).shape)


def _lstsq_parts(g: Any, ans: Any, a: Any, b: Any, rcond: Any) -> tuple[Any, Any]:
    """The cotangents of a and b: x is pinv(a) @ b, and the residuals are orthogonal to what a gives."""
    is_vector = aval_of(b).ndim == 1
    x, b = (_column(y) if is_vector else y for y in (ans[0], b))
    by_a, by_b = a * 0.0, b * 0.0
    if g[0] is not None:
        g_x = _column(g[0]) if is_vector else g[0]
        inverse = pinv_op(a, rcond=_cutoff(a, rcond))
        by_b = matmul_op(_t(inverse), g_x)
        rule: Any = pinv_op.rule(0)
        by_a = rule(matmul_op(g_x, _t(b)), inverse, a, rcond=_cutoff(a, rcond))
    if g[1] is not None and aval_of(g[1]).size:
        left = 2.0 * g[1] * conj(subtract(b, matmul_op(a, x)))
        by_a, by_b = by_a - matmul_op(left, _t(x)), by_b + left
    if g[3] is not None:
        u, _, vt = svd_op(a, full=False)
        by_a = by_a + matmul_op(conj(u) * g[3], conj(vt))
    return by_a, by_b


def _lstsq_vjp_b(g: Any, ans: Any, a: Any, b: Any, rcond: Any) -> Any:
    by_b = _lstsq_parts(g, ans, a, b, rcond)[1]
    return reshape_op(by_b, shape=aval_of(b).shape)


lstsq_op = _matrix_op(
    "lstsq", _lstsq_infer, (lambda g, ans, a, b, rcond: _lstsq_parts(g, ans, a, b, rcond)[0], _lstsq_vjp_b)
)
lstsq_op.numpy = lambda a, b, rcond: tuple(numpy.linalg.lstsq(a, b, rcond))
