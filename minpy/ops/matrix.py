"""Linear algebra: inverses, determinants, factorizations, norms, over leading batch axes.

The gradients are those of Giles 2008, "Collected matrix derivative results for forward and reverse
mode algorithmic differentiation"; of the QR factorization and the singular value decomposition see
Townsend 2016, "Differentiating the singular value decomposition", and Walter and Lehmann 2010,
"Algorithmic differentiation of linear algebra functions". Like NumPy, ``cholesky`` and ``eigh`` read
the lower triangle only; their gradients are symmetric, as for a matrix that stays symmetric.
Gradients of eigenvectors and singular vectors need values that differ.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy

from minpy.ops.aval import Aval, aval_of, broadcast_shapes
from minpy.ops.elementwise import square, subtract, true_divide
from minpy.ops.indexing import index
from minpy.ops.keys import WHOLE
from minpy.ops.linalg import matmul_op
from minpy.ops.logic import not_equal, where_op
from minpy.ops.lowering import FLOATS, Builder, Operand, require
from minpy.ops.op import Op, refuse, register
from minpy.ops.rearrange import tril
from minpy.ops.shape import concatenate_op, expand_dims, swapaxes

# Helpers ---------------------------------------------------------------------------------------


def _t(x: Any) -> Any:
    return swapaxes.implementation(x, -1, -2)


def _column(x: Any) -> Any:
    """A number or a vector for each matrix with one axis more at the end."""
    return expand_dims.implementation(x, -1)


def _half(x: Any) -> Any:
    """The lower triangle with half of the diagonal."""
    n = aval_of(x).shape[-1]
    return x * (numpy.tri(n) - 0.5 * numpy.eye(n)).astype(aval_of(x).dtype)


def _symmetric(x: Any) -> Any:
    return 0.5 * (x + _t(x))


def _eye(n: int, dtype: Any) -> numpy.ndarray:
    return numpy.eye(n, dtype=dtype)


def _float_dtype(*xs: Any) -> numpy.dtype:
    """The dtype in which NumPy's linear algebra computes. Raises TypeError for what it refuses."""
    dtypes = [aval_of(x).dtype for x in xs]
    for dtype in dtypes:
        if dtype.kind not in "biufc" or dtype in (numpy.float16, numpy.longdouble, numpy.clongdouble):
            raise TypeError(f"array type {dtype} is unsupported in linalg")
    single = all(dtype in (numpy.float32, numpy.complex64) for dtype in dtypes)
    if any(dtype.kind == "c" for dtype in dtypes):
        return numpy.dtype(numpy.complex64 if single else numpy.complex128)
    return numpy.dtype(numpy.float32 if single else numpy.float64)


def _matrices(x: Any, square: bool = True) -> tuple[int, ...]:
    """The shape of one or more matrices. Raises LinAlgError (a ValueError) as NumPy."""
    shape = aval_of(x).shape
    if len(shape) < 2:
        raise numpy.linalg.LinAlgError(
            f"{len(shape)}-dimensional array given. Array must be at least two-dimensional"
        )
    if square and shape[-1] != shape[-2]:
        raise numpy.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    return shape


def _square_infer(x: Any) -> Aval:
    return Aval(_matrices(x), _float_dtype(x))


def _by_operator(name: str) -> Callable:
    def mx(b: Builder, out: Aval, *operands: Operand) -> Operand:
        require(out.dtype, FLOATS, name)
        return b.op(name, out, *[b.cast(x, out.dtype) for x in operands])

    return mx


def _matrix_op(name: str, infer: Callable, vjp: Any, mx: Callable | None = None) -> Op:
    function = getattr(numpy.linalg, name)
    return register(
        Op(
            f"linalg.{name}",
            numpy=lambda *xs, **params: function(*xs, **params),
            infer=infer,
            mx=mx,
            vjp=vjp,
            family="matrix",
            may_raise=True,
            cost="compute",
            source=None if mx is None else f"np.linalg.{name}({{operands}})",
            doc=function.__doc__,
        )
    )


# Inverse, determinant, equations ---------------------------------------------------------------

inv_op: Op = _matrix_op(
    "inv",
    _square_infer,
    (lambda g, ans, x: -matmul_op(matmul_op(_t(ans), g), _t(ans)),),
    _by_operator("_npi_inv"),
)


def _cofactors(x: Any, determinant: Any) -> Any:
    """The derivative of the determinant, for regular matrices."""
    return _column(_column(determinant)) * _t(inv_op(x))


det_op: Op = _matrix_op(
    "det",
    lambda x: Aval(_matrices(x)[:-2], _float_dtype(x)),
    (lambda g, ans, x: _column(_column(g)) * _cofactors(x, ans),),
    _by_operator("_npi_det"),
)


def _slogdet_vjp(g: Any, ans: Any, x: Any) -> Any:
    """The sign is constant."""
    return _column(_column(g[1])) * _t(inv_op(x)) if g[1] is not None else x * 0.0


slogdet_op = _matrix_op("slogdet", lambda x: (Aval(_matrices(x)[:-2], _float_dtype(x)),) * 2, (_slogdet_vjp,))
slogdet_op.numpy = lambda x: tuple(numpy.linalg.slogdet(x))


def _is_vector(a: Any, b: Any) -> bool:
    """Whether NumPy 1 takes the right side of an equation for vectors."""
    return aval_of(b).ndim == aval_of(a).ndim - 1


def _solve_infer(a: Any, b: Any) -> Aval:
    left, right = _matrices(a), aval_of(b).shape
    vector = _is_vector(a, b)
    if not vector and len(right) < 2:
        _matrices(b)
    core = right[-1:] if vector else right[-2:]
    if left[-1] != core[0]:
        raise ValueError(f"solve: sizes differ, shapes {left} and {right}")
    batch = broadcast_shapes(left[:-2], right[: -len(core)])
    return Aval((*batch, *core), _float_dtype(a, b))


def _solve_vjp_a(g: Any, ans: Any, a: Any, b: Any) -> Any:
    back = solve_op(_t(a), g)
    if _is_vector(a, b):
        return -(_column(back) * expand_dims.implementation(ans, -2))
    return -matmul_op(back, _t(ans))


def _solve_mx(b: Builder, out: Aval, a: Operand, y: Operand) -> Operand:
    refuse(batch="broadcast" if a.aval.ndim != 2 or y.aval.ndim != 2 else None)
    return _by_operator("_npi_solve")(b, out, a, y)


solve_op: Op = _matrix_op(
    "solve", _solve_infer, (_solve_vjp_a, lambda g, ans, a, b: solve_op(_t(a), g)), _solve_mx
)

# Factorizations --------------------------------------------------------------------------------


def _cholesky_vjp(g: Any, ans: Any, x: Any) -> Any:
    inverse = inv_op(ans)
    inner = _half(matmul_op(_t(ans), g))
    return _symmetric(matmul_op(matmul_op(_t(inverse), inner), inverse))


cholesky_op = _matrix_op("cholesky", _square_infer, (_cholesky_vjp,), _by_operator("_npi_cholesky"))


def _reciprocal(x: Any) -> Any:
    """1 / x, and 0 where x is 0."""
    zero = not_equal(x, 0)
    return where_op(zero, true_divide(1.0, where_op(zero, x, numpy.ones((), aval_of(x).dtype))), 0)


def _differences(values: Any) -> Any:
    """For vectors w the matrices of 1 / (w[j] - w[i]), 0 where these are equal."""
    return _reciprocal(subtract(expand_dims.implementation(values, -2), _column(values)))


def _eigh_vjp(g: Any, ans: Any, x: Any, UPLO: str) -> Any:
    values, vectors = ans
    inner = 0.0
    if g[1] is not None:
        inner = _differences(values) * matmul_op(_t(vectors), g[1])
    if g[0] is not None:
        inner = inner + _column(g[0]) * _eye(aval_of(x).shape[-1], aval_of(values).dtype)
    return _symmetric(matmul_op(matmul_op(vectors, inner), _t(vectors)))


def _eigh_infer(x: Any, UPLO: str) -> tuple[Aval, Aval]:
    shape, dtype = _matrices(x), _float_dtype(x)
    return Aval(shape[:-1], dtype), Aval(shape, dtype)


eigh_op = _matrix_op("eigh", _eigh_infer, (_eigh_vjp,))
eigh_op.numpy = lambda x, UPLO: tuple(numpy.linalg.eigh(x, UPLO))


def _qr_infer(x: Any) -> tuple[Aval, Aval]:
    shape, dtype = _matrices(x, square=False), _float_dtype(x)
    *batch, m, n = shape
    k = min(m, n)
    return Aval((*batch, m, k), dtype), Aval((*batch, k, n), dtype)


def _qr_vjp(g: Any, ans: Any, x: Any) -> Any:
    """For full rank. A wide matrix is a square one beside columns that follow from it."""
    q, r = ans
    m, n = aval_of(x).shape[-2:]
    g_q, g_r = (y * 0.0 if part is None else part for part, y in zip(g, ans))
    if m < n:
        left = (Ellipsis, WHOLE, ("slice", 0, m, None))
        right = (Ellipsis, WHOLE, ("slice", m, n, None))
        g_rest, rest = index(g_r, template=right), index(x, template=right)
        g_q = g_q + matmul_op(rest, _t(g_rest))
        g_square = _qr_square_vjp(g_q, index(g_r, template=left), q, index(r, template=left))
        return concatenate_op(g_square, matmul_op(q, g_rest), axis=aval_of(x).ndim - 1)
    return _qr_square_vjp(g_q, g_r, q, r)


def _qr_square_vjp(g_q: Any, g_r: Any, q: Any, r: Any) -> Any:
    inner = subtract(matmul_op(r, _t(g_r)), matmul_op(_t(g_q), q))
    lower = tril.implementation(inner, -1)
    copied = lower + _t(lower) + _eye(aval_of(r).shape[-1], aval_of(r).dtype) * inner
    return _t(solve_op(r, _t(g_q + matmul_op(q, copied))))


qr_op = _matrix_op("qr", _qr_infer, (_qr_vjp,))
qr_op.numpy = lambda x: tuple(numpy.linalg.qr(x))


def _svd_infer(x: Any) -> tuple[Aval, Aval, Aval]:
    *batch, m, n = _matrices(x, square=False)
    k, dtype = min(m, n), _float_dtype(x)
    return Aval((*batch, m, k), dtype), Aval((*batch, k), dtype), Aval((*batch, k, n), dtype)


def _svd_vjp(g: Any, ans: Any, x: Any) -> Any:
    """Of the thin decomposition; parts of the cotangents outside of its spaces go back by 1 / s."""
    u, s, vt = ans
    g_u, g_s, g_vt = g
    m, n = aval_of(x).shape[-2:]
    row = expand_dims.implementation(s, -2)
    gaps = _reciprocal(subtract(square(row), square(_column(s))))
    inner, more = _column(s * 0.0 if g_s is None else g_s) * _eye(min(m, n), aval_of(s).dtype), []
    if g_u is not None:
        spin = gaps * matmul_op(_t(u), g_u)
        inner = inner + (spin + _t(spin)) * row
        if m > n:
            apart = g_u - matmul_op(u, matmul_op(_t(u), g_u))
            more.append(matmul_op(apart * _reciprocal(row), vt))
    if g_vt is not None:
        spin = gaps * matmul_op(vt, _t(g_vt))
        inner = inner + _column(s) * (spin + _t(spin))
        if n > m:
            apart = g_vt - matmul_op(matmul_op(g_vt, _t(vt)), vt)
            more.append(matmul_op(u, _column(_reciprocal(s)) * apart))
    result = matmul_op(matmul_op(u, inner), vt)
    for part in more:
        result = result + part
    return result


svd_op = _matrix_op("svd", _svd_infer, (_svd_vjp,))
svd_op.numpy = lambda x: tuple(numpy.linalg.svd(x, full_matrices=False))


def _pinv_infer(x: Any, rcond: float) -> Aval:
    *batch, m, n = _matrices(x, square=False)
    return Aval((*batch, n, m), _float_dtype(x))


def _pinv_vjp(g: Any, ans: Any, x: Any, rcond: float) -> Any:
    """Golub and Pereyra 1973, "The differentiation of pseudo-inverses", for constant rank."""
    (m, n), dtype = aval_of(x).shape[-2:], aval_of(ans).dtype
    gt, anst = _t(g), _t(ans)
    result = -matmul_op(matmul_op(anst, g), anst)
    result = result + matmul_op(
        matmul_op(numpy.eye(m, dtype=dtype) - matmul_op(x, ans), gt), matmul_op(ans, anst)
    )
    return result + matmul_op(
        matmul_op(matmul_op(anst, ans), gt), numpy.eye(n, dtype=dtype) - matmul_op(ans, x)
    )


pinv_op = _matrix_op("pinv", _pinv_infer, (_pinv_vjp,))
