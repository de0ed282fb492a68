"""The public functions of ``numpy.linalg``, with its signatures, written in the ops of ``matrix.py``."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy

from minpy.ops import matrix
from minpy.ops.aval import aval_of, normalize_axis, real_dtype
from minpy.ops.choosing import number
from minpy.ops.elementwise import absolute, astype, copy, real, root, square
from minpy.ops.linalg import matmul_op
from minpy.ops.logic import not_equal
from minpy.ops.op import numpy_function, refuse
from minpy.ops.reduction import max_op, min_op, sum_op
from minpy.ops.shape import expand_dims, moveaxis, reshape_op
from minpy.ops.transcendental import imag_op


def _like(function: Any, parts: tuple) -> Any:
    """Several results as NumPy gives them: a tuple, or from NumPy 1.25 on a named one."""
    kind = type(function(numpy.eye(1)))
    return kind(*parts) if hasattr(kind, "_fields") else tuple(parts)


def _real(a: Any) -> Any:
    """``a``, which has to be real: the rules for factorizations are."""
    refuse(dtype="complex" if aval_of(a).dtype.kind == "c" else None)
    return a


@numpy_function(numpy.linalg.inv, name="linalg.inv")
def inv(a):
    """The inverse of a matrix."""
    return matrix.inv_op(a)


@numpy_function(numpy.linalg.det, name="linalg.det")
def det(a):
    """The determinant; its gradient is that of regular matrices."""
    return matrix.det_op(a)


@numpy_function(numpy.linalg.slogdet, name="linalg.slogdet", mxnet=False)
def slogdet(a):
    """The sign of the determinant and the logarithm of its size."""
    return _like(numpy.linalg.slogdet, matrix.slogdet_op(_real(a)))


@numpy_function(numpy.linalg.solve, name="linalg.solve", arrays=2)
def solve(a, b):
    """x of ``a @ x = b``."""
    return matrix.solve_op(a, b)


@numpy_function(numpy.linalg.cholesky, name="linalg.cholesky")
def cholesky(a):
    """The lower triangular L of ``a = L @ L.T``."""
    return matrix.cholesky_op(_real(a))


@numpy_function(numpy.linalg.eigh, name="linalg.eigh", mxnet=False)
def eigh(a, UPLO="L"):
    """Eigenvalues, ascending, and eigenvectors of a symmetric matrix."""
    return _like(numpy.linalg.eigh, matrix.eigh_op(_real(a), UPLO=UPLO))


@numpy_function(numpy.linalg.eigvalsh, name="linalg.eigvalsh", mxnet=False)
def eigvalsh(a, UPLO="L"):
    """Eigenvalues of a symmetric matrix, ascending."""
    return matrix.eigh_op(_real(a), UPLO=UPLO)[0]


@numpy_function(numpy.linalg.qr, name="linalg.qr", mxnet=False)
def qr(a, mode="reduced"):
    """Orthonormal columns Q and an upper triangle R with ``a = Q @ R``."""
    refuse(mode=None if mode in ("reduced", "r") else mode, ndim="3" if aval_of(a).ndim > 2 else None)
    q, r = matrix.qr_op(_real(a))
    return r if mode == "r" else _like(numpy.linalg.qr, (q, r))


@numpy_function(numpy.linalg.svd, name="linalg.svd", mxnet=False)
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    """The singular value decomposition ``a = U @ diag(s) @ Vh``; the full one of square matrices only."""
    refuse(hermitian=hermitian or None)
    shape = aval_of(a).shape
    if not compute_uv:
        return matrix.svd_op(_real(a))[1]
    refuse(full_matrices=True if full_matrices and shape[-1:] != shape[-2:-1] else None)
    return _like(numpy.linalg.svd, matrix.svd_op(_real(a)))


@numpy_function(numpy.linalg.pinv, name="linalg.pinv", mxnet=False)
def pinv(a, rcond=1e-15, hermitian=False):
    """The Moore-Penrose inverse."""
    refuse(hermitian=hermitian or None, rcond=None if isinstance(rcond, float) else "an array")
    return matrix.pinv_op(_real(a), rcond=rcond)


@numpy_function(numpy.linalg.matrix_power, name="linalg.matrix_power")
def matrix_power(a, n):
    """The matrix multiplied with itself, by repeated squaring; of the inverse for a negative ``n``."""
    n = operator.index(n)
    matrix._matrices(a)
    if not n:
        shape, dtype = aval_of(a)
        return copy(numpy.broadcast_to(numpy.eye(shape[-1], dtype=dtype), shape))
    if n < 0:
        a, n = matrix.inv_op(a), -n
    result = None
    while n:
        if n % 2:
            result = a if result is None else matmul_op(result, a)
        n //= 2
        if n:
            a = matmul_op(a, a)
    return result


def _squares(x: Any) -> Any:
    return square(real(x)) + square(imag_op(x)) if aval_of(x).dtype.kind == "c" else square(x)


def _root_of_squares(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    return root(sum_op(_squares(x), axes=axes, keepdims=keepdims))


@functools.lru_cache(maxsize=64)
def _norm_dtype(dtype: numpy.dtype) -> numpy.dtype:
    """In which NumPy takes the last root of a norm: older ones make float64 of a float32 number."""
    return numpy.linalg.norm(numpy.ones(1, dtype), 3).dtype


def _vector_norm(x: Any, order: Any, axis: int, keepdims: bool) -> Any:
    if order in (None, 2):
        return _root_of_squares(x, (axis,), keepdims)
    if order in (numpy.inf, -numpy.inf):
        return (max_op if order > 0 else min_op)(absolute(x), axes=(axis,), keepdims=keepdims)
    if order == 1:
        return sum_op(absolute(x), axes=(axis,), keepdims=keepdims)
    refuse(ord=order if isinstance(order, str) else None)
    if order == 0:
        return sum_op(
            astype(not_equal(x, 0), dtype=real_dtype(aval_of(x).dtype)), axes=(axis,), keepdims=keepdims
        )
    total = sum_op(absolute(x) ** order, axes=(axis,), keepdims=keepdims)
    return total ** numpy.asarray(1.0 / order, _norm_dtype(aval_of(x).dtype))


def _matrix_norm(x: Any, order: Any, rows: int, columns: int, keepdims: bool) -> Any:
    if order in (None, "fro", "f"):
        return _root_of_squares(x, tuple(sorted((rows, columns))), keepdims)
    if order in (2, -2, "nuc"):
        values = matrix.svd_op(moveaxis.implementation(x, (rows, columns), (-2, -1)))[1]
        reduce = {2: max_op, -2: min_op, "nuc": sum_op}[order]
        found = reduce(values, axes=(aval_of(values).ndim - 1,), keepdims=False)
    elif order in (1, -1, numpy.inf, -numpy.inf):
        inner, outer = (rows, columns) if abs(order) == 1 else (columns, rows)
        sums = sum_op(absolute(x), axes=(inner,), keepdims=True)
        found = (max_op if order > 0 else min_op)(sums, axes=(outer,), keepdims=True)
        left = tuple(n for i, n in enumerate(aval_of(x).shape) if i not in (rows, columns))
        found = number(reshape_op(found, shape=left))
    else:
        raise ValueError("Invalid norm order for matrices.")
    return expand_dims.implementation(found, tuple(sorted((rows, columns)))) if keepdims else found


@numpy_function(numpy.linalg.norm, name="linalg.norm")
def norm(x, ord=None, axis=None, keepdims=False):
    """The norm of vectors or matrices; the gradient of a 2-norm is 0 where the norm is."""
    dtype, ndim = aval_of(x).dtype, aval_of(x).ndim
    refuse(dtype="of objects" if dtype.kind not in "biufc" else None)
    x = x if dtype.kind in "fc" else astype(x, dtype=numpy.dtype(numpy.float64))
    if axis is None:
        if ord is None:
            return _root_of_squares(x, tuple(range(ndim)), bool(keepdims))
        axis = tuple(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(normalize_axis(i, ndim) for i in axes)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], bool(keepdims))
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    if axes[0] == axes[1]:
        raise ValueError("Duplicate axes given.")
    return _matrix_norm(x, ord, *axes, bool(keepdims))
