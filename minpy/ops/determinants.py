"""Determinants and their derivatives, which also singular matrices have.

The derivative of the determinant is the matrix of cofactors. It is multiplicative, so with the singular
values s of ``x = u @ diag(s) @ vt`` it is that of ``diag(s)``, whose elements are the products of the other
singular values, between those of ``u`` and ``vt`` (Stewart 1998, "On the adjugate matrix"). So is the second
derivative. Where the matrix is regular, its inverse gives the same for less.
"""

from __future__ import annotations

from typing import Any

import numpy

from minpy.ops.aval import Aval, aval_of, real_dtype
from minpy.ops.elementwise import subtract
from minpy.ops.linalg import matmul_op
from minpy.ops.lowering import FLOATS, Builder, Operand, require
from minpy.ops.matrix import (
    _by_operator,
    _column,
    _float_dtype,
    _matrices,
    _matrix_op,
    _square_infer,
    _t,
    inv_op,
    is_complex,
)
from minpy.ops.op import Op, register
from minpy.ops.reduction import sum_op
from minpy.ops.transcendental import imag_op


def _numbers(x: Any) -> Any:
    """A number for each matrix with two axes more at the end."""
    return _column(_column(x))


# In NumPy; programs that ``explain`` prints call these functions, so they use nothing else of MinPy's.


def products_of_others(s):
    """For each element the product of all others along the last axis."""
    before, after = numpy.ones_like(s), numpy.ones_like(s)
    numpy.cumprod(s[..., :-1], -1, out=before[..., 1:])
    numpy.cumprod(s[..., :0:-1], -1, out=after[..., -2::-1])
    return before * after


def cofactors(x):
    """The derivative of the determinant: by the inverse, or by singular values where there is none."""
    try:
        return numpy.linalg.det(x)[..., None, None] * numpy.linalg.inv(x).swapaxes(-1, -2)
    except numpy.linalg.LinAlgError:
        u, s, vt = numpy.linalg.svd(x)
    sign = (numpy.linalg.det(u) * numpy.linalg.det(vt))[..., None, None]
    return sign * (u.conj() * products_of_others(s)[..., None, :]) @ vt.conj()


def cofactors_change(x, g):
    """The change of the cofactors of x in the direction g.

    Of ``diag(s)`` and a direction m it has at i, j the product of the singular values without those of i and
    j, times ``-m[j, i]``, and on the diagonal what these products give with the rest of the diagonal of m.
    """
    try:
        y = numpy.linalg.inv(x).swapaxes(-1, -2)
        along = (y * g).sum((-2, -1), keepdims=True)
        return numpy.linalg.det(x)[..., None, None] * (along * y - y @ g.swapaxes(-1, -2) @ y)
    except numpy.linalg.LinAlgError:
        u, s, vt = numpy.linalg.svd(x)
    m = u.conj().swapaxes(-1, -2) @ g @ vt.conj().swapaxes(-1, -2)
    n = s.shape[-1]
    products = numpy.zeros((*s.shape, n), s.dtype)
    for i in range(n):
        products[..., i, numpy.arange(n) != i] = products_of_others(numpy.delete(s, i, -1))
    inner = -products * m.swapaxes(-1, -2)
    diagonal = numpy.diagonal(m, axis1=-2, axis2=-1)
    inner[..., range(n), range(n)] = (products @ diagonal[..., None])[..., 0]
    sign = (numpy.linalg.det(u) * numpy.linalg.det(vt))[..., None, None]
    return sign * (u.conj() @ inner @ vt.conj())


# Cofactors -------------------------------------------------------------------------------------


def _cofactors_mx(b: Builder, out: Aval, x: Operand) -> Operand:
    require(out.dtype, FLOATS, "linalg.cofactors")
    x = b.cast(x, out.dtype)
    batch = out.shape[:-2]
    axes = (*range(len(batch)), len(batch) + 1, len(batch))
    inverse = b.op("transpose", out, b.op("_npi_inv", out, x), axes=axes)
    determinant = b.op("_npi_det", Aval(batch, out.dtype), x)
    return b.op("_npi_multiply", out, b.reshape(determinant, (*batch, 1, 1)), inverse)


def _along(y: Any, g: Any) -> Any:
    """The sum of products of elements for each matrix."""
    n = aval_of(y).ndim
    return _numbers(sum_op(y * g, axes=(n - 2, n - 1), keepdims=False))


def _turned(y: Any, g: Any) -> Any:
    return matmul_op(matmul_op(y, _t(g)), y)


def _change_vjp_x(h: Any, ans: Any, x: Any, g: Any) -> Any:
    """The third derivative of the determinant, for regular matrices."""
    y = _t(inv_op(x))
    turned = _turned(y, g)
    total = subtract(_along(y, g) * _along(y, h), _along(turned, h))
    inner = subtract(
        g * _along(y, h) + h * _along(y, g),
        matmul_op(matmul_op(h, _t(y)), g) + matmul_op(matmul_op(g, _t(y)), h),
    )
    return _numbers(det_op(x)) * subtract(total * y, _turned(y, inner))


#: the change of the cofactors of x in the direction g; as a second derivative it is its own adjoint
_change_op: Op = register(
    Op(
        "linalg.cofactors_change",
        numpy=cofactors_change,
        infer=lambda x, g: Aval(_matrices(x), _float_dtype(x, g)),
        vjp=(_change_vjp_x, lambda h, ans, x, g: _change_op(x, h)),
        family="matrix",
        source="cofactors_change({0}, {1})",
        cost="compute",
    )
)

cofactors_op: Op = register(
    Op(
        "linalg.cofactors",
        numpy=cofactors,
        infer=_square_infer,
        mx=_cofactors_mx,
        vjp=(lambda g, ans, x: _change_op(x, g),),
        family="matrix",
        source="cofactors({0})",
        may_raise=True,  # by MXNet, of singular matrices
        cost="compute",
    )
)
_change_op.helpers = products_of_others, cofactors_change
cofactors_op.helpers = products_of_others, cofactors

# Determinants ----------------------------------------------------------------------------------

det_op: Op = _matrix_op(
    "det",
    lambda x: Aval(_matrices(x)[:-2], _float_dtype(x)),
    (lambda g, ans, x: _numbers(g) * cofactors_op(x),),
    _by_operator("_npi_det"),
)


def _slogdet_vjp(g: Any, ans: Any, x: Any) -> Any:
    """A real sign is constant; a complex one turns by the imaginary part of the logarithm's change."""
    g_sign, g_log = g
    factor = 0.0 if g_log is None else g_log
    if g_sign is not None and is_complex(x):
        factor = factor + 1j * imag_op(g_sign * ans[0])
    elif g_log is None:
        return x * 0.0
    return _numbers(factor) * _t(inv_op(x))


def _slogdet_infer(x: Any) -> tuple[Aval, Aval]:
    shape, dtype = _matrices(x)[:-2], _float_dtype(x)
    return Aval(shape, dtype), Aval(shape, real_dtype(dtype))


slogdet_op = _matrix_op("slogdet", _slogdet_infer, (_slogdet_vjp,))
slogdet_op.numpy = lambda x: tuple(numpy.linalg.slogdet(x))
