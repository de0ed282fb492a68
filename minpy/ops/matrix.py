"""Inverses, equations, the factorization of Cholesky, over leading batch axes.

The gradients are those of Giles 2008, "Collected matrix derivative results for forward and reverse
mode algorithmic differentiation". Like NumPy, ``cholesky`` reads the lower triangle only; its gradient
is symmetric, as for a matrix that stays symmetric.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy

from minpy.ops.aval import Aval, aval_of, broadcast_shapes, real_dtype
from minpy.ops.linalg import matmul_op
from minpy.ops.lowering import FLOATS, Builder, Operand, require
from minpy.ops.op import Op, refuse, register
from minpy.ops.shape import expand_dims, swapaxes
from minpy.ops.transcendental import conjugate

# Helpers ---------------------------------------------------------------------------------------


def _t(x: Any) -> Any:
    return swapaxes.implementation(x, -1, -2)


def is_complex(x: Any) -> bool:
    """Whether the elements are complex numbers."""
    return aval_of(x).dtype.kind == "c"


def conj(x: Any) -> Any:
    """The conjugate; real numbers, and a missing cotangent, as they are."""
    return conjugate(x) if x is not None and is_complex(x) else x


def _h(x: Any) -> Any:
    """The conjugate transpose."""
    return conj(_t(x))


def with_conjugates(rule: Callable) -> Callable:
    """A rule for complex matrices in the convention of the literature, where dL = Re(conj(g) dz)."""

    def conjugated(g: Any, *args: Any, **params: Any) -> Any:
        return conj(rule(tuple(map(conj, g)) if isinstance(g, tuple) else conj(g), *args, **params))

    return conjugated


def _column(x: Any) -> Any:
    """A number or a vector for each matrix with one axis more at the end."""
    return expand_dims.implementation(x, -1)


def _half(x: Any) -> Any:
    """The lower triangle with half of the diagonal."""
    n = aval_of(x).shape[-1]
    return x * (numpy.tri(n) - 0.5 * numpy.eye(n)).astype(aval_of(x).dtype)


def _symmetric(x: Any) -> Any:
    return 0.5 * (x + _h(x))


def _eye(x: Any) -> numpy.ndarray:
    """The matrix with 1 for each element of a vector on its diagonal, in the dtype of its real part."""
    *_, n = aval_of(x).shape
    return numpy.eye(n, dtype=real_dtype(aval_of(x).dtype))


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


# Inverse, equations ----------------------------------------------------------------------------

inv_op: Op = _matrix_op(
    "inv",
    _square_infer,
    (lambda g, ans, x: -matmul_op(matmul_op(_t(ans), g), _t(ans)),),
    _by_operator("_npi_inv"),
)


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
    refuse(batch="broadcast" if a.aval.ndim != 2 or y.aval.ndim > 2 else None)
    columns = Aval((*out.shape, 1)[:2], out.dtype)
    found = _by_operator("_npi_solve")(b, columns, a, b.reshape(y, columns.shape))
    return b.reshape(found, out.shape)


solve_op: Op = _matrix_op(
    "solve", _solve_infer, (_solve_vjp_a, lambda g, ans, a, b: solve_op(_t(a), g)), _solve_mx
)

# Cholesky and Moore-Penrose ---------------------------------------------------------------------


@with_conjugates
def _cholesky_vjp(g: Any, ans: Any, x: Any) -> Any:
    inverse = inv_op(ans)
    inner = _half(matmul_op(_h(ans), g))
    return _symmetric(matmul_op(matmul_op(_h(inverse), inner), inverse))


cholesky_op = _matrix_op("cholesky", _square_infer, (_cholesky_vjp,), _by_operator("_npi_cholesky"))


def _pinv_infer(x: Any, rcond: float, hermitian: bool = False) -> Aval:
    *batch, m, n = _matrices(x, square=False)
    return Aval((*batch, n, m), _float_dtype(x))


@with_conjugates
def _pinv_vjp(g: Any, ans: Any, x: Any, rcond: float, hermitian: bool = False) -> Any:
    """Golub and Pereyra 1973, "The differentiation of pseudo-inverses", for constant rank."""
    (m, n), dtype = aval_of(x).shape[-2:], aval_of(ans).dtype
    gt, anst = _h(g), _h(ans)
    result = -matmul_op(matmul_op(anst, g), anst)
    result = result + matmul_op(
        matmul_op(numpy.eye(m, dtype=dtype) - matmul_op(x, ans), gt), matmul_op(ans, anst)
    )
    result = result + matmul_op(
        matmul_op(matmul_op(anst, ans), gt), numpy.eye(n, dtype=dtype) - matmul_op(ans, x)
    )
    return _symmetric(result) if hermitian else result


pinv_op = _matrix_op("pinv", _pinv_infer, (_pinv_vjp,))
