"""The public functions of ``numpy.linalg``, written in the ops of ``matrix.py`` and its kin."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy

from minpy.errors import UnsupportedError
from minpy.ops import determinants, factorizations, matrix
from minpy.ops.aval import aval_of, normalize_axis, product, real_dtype
from minpy.ops.choosing import number, take_along_axis
from minpy.ops.elementwise import absolute, astype, copy, multiply, real, root, sign, square, true_divide
from minpy.ops.indexing import index
from minpy.ops.linalg import matmul_op
from minpy.ops.logic import equal, isnan, logical_and, not_equal, where_op
from minpy.ops.op import numpy_function, refuse
from minpy.ops.rearrange import flip
from minpy.ops.reduction import all_op, cast, max_op, min_op, sum_op
from minpy.ops.shape import expand_dims, moveaxis, reshape_op, resolve_shape
from minpy.ops.sorting import argsort_op
from minpy.ops.transcendental import imag_op


def _like(function: Any, parts: tuple) -> Any:
    """Several results as NumPy gives them: a tuple, mostly a named one."""
    kind = type(function(numpy.eye(1)))
    return kind(*parts) if hasattr(kind, "_fields") else tuple(parts)


@numpy_function(numpy.linalg.inv, name="linalg.inv")
def inv(a):
    """The inverse of a matrix."""
    return matrix.inv_op(a)


@numpy_function(numpy.linalg.det, name="linalg.det")
def det(a):
    """The determinant. Singular matrices have a gradient too, the matrix of cofactors."""
    return determinants.det_op(a)


@numpy_function(numpy.linalg.slogdet, name="linalg.slogdet", mxnet=False)
def slogdet(a):
    """The sign of the determinant and the logarithm of its size."""
    return _like(numpy.linalg.slogdet, determinants.slogdet_op(a))


@numpy_function(numpy.linalg.solve, name="linalg.solve", arrays=2)
def solve(a, b):
    """x of ``a @ x = b``."""
    return matrix.solve_op(a, b)


@numpy_function(numpy.linalg.cholesky, name="linalg.cholesky")
def cholesky(a):
    """The lower triangular L of ``a = L @ L.T``."""
    return matrix.cholesky_op(a)


@numpy_function(numpy.linalg.eigh, name="linalg.eigh", mxnet=False)
def eigh(a, UPLO="L"):
    """Eigenvalues, ascending, and eigenvectors of a symmetric or Hermitian matrix."""
    return _like(numpy.linalg.eigh, factorizations.eigh_op(a, UPLO=UPLO))


@numpy_function(numpy.linalg.eigvalsh, name="linalg.eigvalsh", mxnet=False)
def eigvalsh(a, UPLO="L"):
    """Eigenvalues of a symmetric or Hermitian matrix, ascending."""
    return factorizations.eigh_op(a, UPLO=UPLO)[0]


@numpy_function(numpy.linalg.eig, name="linalg.eig", mxnet=False)
def eig(a):
    """Eigenvalues and eigenvectors of any square matrix; complex, if some are."""
    return _like(numpy.linalg.eig, factorizations.eig_op(a))


@numpy_function(numpy.linalg.eigvals, name="linalg.eigvals", mxnet=False)
def eigvals(a):
    """Eigenvalues of any square matrix; complex, if some are."""
    return factorizations.eig_op(a)[0]


@numpy_function(numpy.linalg.qr, name="linalg.qr", mxnet=False)
def qr(a, mode="reduced"):
    """Orthonormal columns Q and an upper triangle R with ``a = Q @ R``."""
    refuse(mode=None if mode in ("reduced", "complete", "r") else mode)
    q, r = factorizations.qr_op(a, complete=mode == "complete")
    return r if mode == "r" else _like(numpy.linalg.qr, (q, r))


def _hermitian_svd(a: Any) -> tuple[Any, Any, Any]:
    """By eigenvalues, of which the singular values are the size."""
    values, vectors = factorizations.eigh_op(a, UPLO="L")
    places = flip.implementation(argsort_op(absolute(values), axis=aval_of(values).ndim - 1, kind=None), -1)
    sizes, signs = (take_along_axis.implementation(f(values), places, -1) for f in (absolute, sign))
    columns, signs = (expand_dims.implementation(x, -2) for x in (places, signs))
    u = take_along_axis.implementation(vectors, columns, -1)
    return u, sizes, matrix._h(multiply(u, signs))


@numpy_function(numpy.linalg.svd, name="linalg.svd", mxnet=False)
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    """The singular value decomposition ``a = U @ diag(s) @ Vh``."""
    if hermitian:
        parts = _hermitian_svd(a)
    else:
        parts = factorizations.svd_op(a, full=bool(full_matrices and compute_uv))
    return _like(numpy.linalg.svd, parts) if compute_uv else parts[1]


@numpy_function(numpy.linalg.lstsq, name="linalg.lstsq", arrays=2, mxnet=False)
def lstsq(a, b, rcond="warn"):
    """x of the least ``norm(b - a @ x)``, with the squares of residuals, the rank, the singular values."""
    x, residuals, rank, values = factorizations.lstsq_op(a, b, rcond=rcond)
    return x, residuals, int(rank), values


@numpy_function(numpy.linalg.pinv, name="linalg.pinv", mxnet=False)
def pinv(a, rcond=1e-15, hermitian=False):
    """The Moore-Penrose inverse."""
    refuse(rcond=None if isinstance(rcond, float) else "an array")
    return matrix.pinv_op(a, rcond=rcond, hermitian=bool(hermitian))


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


def _vector_norm(x: Any, order: Any, axis: int, keepdims: bool) -> Any:
    if order in (None, 2):
        return _root_of_squares(x, (axis,), keepdims)
    if order in (numpy.inf, -numpy.inf):
        reduce = {numpy.inf: max_op, -numpy.inf: min_op}[float(order)]
        return reduce(absolute(x), axes=(axis,), keepdims=keepdims)
    if order == 1:
        return sum_op(absolute(x), axes=(axis,), keepdims=keepdims)
    refuse(ord=order if isinstance(order, str) else None)
    if order == 0:
        return sum_op(
            astype(not_equal(x, 0), dtype=real_dtype(aval_of(x).dtype)), axes=(axis,), keepdims=keepdims
        )
    total = sum_op(absolute(x) ** order, axes=(axis,), keepdims=keepdims)
    return total ** numpy.asarray(1.0 / order, aval_of(total).dtype)


def _matrix_norm(x: Any, order: Any, rows: int, columns: int, keepdims: bool) -> Any:
    if order in (None, "fro", "f"):
        return _root_of_squares(x, tuple(sorted((rows, columns))), keepdims)
    if order in (2, -2, "nuc"):
        values = factorizations.svd_op(moveaxis.implementation(x, (rows, columns), (-2, -1)), full=False)[1]
        reduce = {2: max_op, -2: min_op, "nuc": sum_op}[order]
        found = reduce(values, axes=(aval_of(values).ndim - 1,), keepdims=False)
    elif order in (1, -1, numpy.inf, -numpy.inf):
        inner, outer, reduce = {
            1: (rows, columns, max_op),
            -1: (rows, columns, min_op),
            numpy.inf: (columns, rows, max_op),
            -numpy.inf: (columns, rows, min_op),
        }[float(order)]
        sums = sum_op(absolute(x), axes=(inner,), keepdims=True)
        found = reduce(sums, axes=(outer,), keepdims=True)
        left = tuple(n for i, n in enumerate(aval_of(x).shape) if i not in (rows, columns))
        found = number(reshape_op(found, shape=left))
    else:
        raise ValueError("Invalid norm order for matrices.")
    return expand_dims.implementation(found, tuple(sorted((rows, columns)))) if keepdims else found


def _floats(x: Any) -> Any:
    return x if aval_of(x).dtype.kind in "fc" else astype(x, dtype=numpy.dtype(numpy.float64))


@numpy_function(numpy.linalg.norm, name="linalg.norm")
def norm(x, ord=None, axis=None, keepdims=False):
    """The norm of vectors or matrices; the gradient of a 2-norm is 0 where the norm is."""
    dtype, ndim = aval_of(x).dtype, aval_of(x).ndim
    refuse(dtype="of objects" if dtype.kind not in "biufc" else None)
    x = _floats(x)
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


@numpy_function(numpy.linalg.cond, name="linalg.cond")
def cond(x, p=None):
    """The condition number of matrices, in the norm of order ``p``; infinite for singular ones."""
    shape = matrix._matrices(x, square=False)
    refuse(x="empty" if 0 in shape[-2:] else None)
    axes = len(shape) - 2, len(shape) - 1
    if p in (None, 2, -2):
        values = factorizations.svd_op(x, full=False)[1]
        first, last = (index(values, template=(Ellipsis, i)) for i in (0, -1))
        found = true_divide(last, first) if p == -2 else true_divide(first, last)
        is_singular = logical_and(isnan(found), all_op(equal(x, x), axes=axes, keepdims=False))
        return number(where_op(is_singular, numpy.asarray(math.inf, aval_of(found).dtype), found))
    try:
        inverse = matrix.inv_op(x)
    except numpy.linalg.LinAlgError:
        raise UnsupportedError("a singular matrix is left to NumPy") from None
    found = multiply(*(_matrix_norm(_floats(y), p, *axes, False) for y in (x, inverse)))
    return cast(found, matrix._float_dtype(x))  # complex for complex matrices, as NumPy has it


@numpy_function(numpy.linalg.tensorsolve, name="linalg.tensorsolve", arrays=2)
def tensorsolve(a, b, axes=None):
    """x of ``tensordot(a, x, x.ndim) = b``."""
    shape, ndim = aval_of(a).shape, aval_of(a).ndim
    if axes is not None:
        a = moveaxis.implementation(a, axes, tuple(range(ndim - len(axes), ndim)))
        shape = aval_of(a).shape
    found = shape[ndim - (ndim - aval_of(b).ndim) :]
    size = product(found)
    if aval_of(a).size != size**2:
        raise numpy.linalg.LinAlgError(
            "Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])"
        )
    x = matrix.solve_op(reshape_op(a, shape=(size, size)), reshape_op(b, shape=(aval_of(b).size,)))
    return reshape_op(x, shape=found)


@numpy_function(numpy.linalg.tensorinv, name="linalg.tensorinv")
def tensorinv(a, ind=2):
    """The inverse with respect to ``tensordot(a, b, ind)``."""
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = aval_of(a).shape
    rows = product(shape[ind:])
    flat = reshape_op(a, shape=resolve_shape((rows, -1), aval_of(a).size))
    return reshape_op(matrix.inv_op(flat), shape=(*shape[ind:], *shape[:ind]))
