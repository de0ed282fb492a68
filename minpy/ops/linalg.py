"""Products of matrices: ``dot``, ``matmul``, ``inner``, ``outer``, ``tensordot``, ``trace``."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy

from minpy.ops.aval import Aval, aval_of, broadcast_shapes, normalize_axis, product
from minpy.ops.choosing import number
from minpy.ops.elementwise import astype, multiply
from minpy.ops.lowering import FLOATS, Builder, Operand, require
from minpy.ops.op import ZERO, Op, numpy_function, refuse, register
from minpy.ops.shape import as_shape, expand_dims, is_sequence, ravel, reshape_op, swapaxes, transpose_op


def _matmul_infer(x: Any, y: Any) -> Aval:
    a, b = aval_of(x), aval_of(y)
    for position, aval in enumerate((a, b)):
        if not aval.ndim:
            raise ValueError(
                f"matmul: Input operand {position} does not have enough dimensions "
                "(has 0, gufunc core with signature (n?,k),(k,m?)->(n?,m?) requires 1)"
            )
    rows, columns = a.shape[-2:-1], b.shape[-1:] if b.ndim > 1 else ()
    inner = b.shape[-2] if b.ndim > 1 else b.shape[0]
    if a.shape[-1] != inner:
        raise ValueError(f"matmul: inner sizes differ, shapes {a.shape} and {b.shape}")
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return Aval((*batch, *rows, *columns), numpy.result_type(a.dtype, b.dtype))


#: Where BLAS is far from the speed of memory: one of the matrices is this large, the other one this narrow.
#: oneDNN takes half of the time then, its convolution from smaller ones on.
_LARGE, _NARROW = 1 << 19, 32
_LARGE_TRANSPOSED, _NARROW_TRANSPOSED = 1 << 16, 12


def _is_skinny(b: Builder, large: Operand, narrow: Operand, size: int = _LARGE, most: int = _NARROW) -> bool:
    """Whether a product in a graph has such operands."""
    columns = narrow.aval.shape[-1] if narrow.aval.ndim == 2 else 1
    is_float32 = large.aval.dtype == numpy.float32
    return not b.runs_at_once and is_float32 and large.aval.size >= size and columns <= most


def _is_for_filters(b: Builder, large: Operand, narrow: Operand) -> bool:
    """Whether a convolution is faster. MXNet cannot take what 8 filters give out of oneDNN's layout."""
    return narrow.aval.shape[-1] != 8 and _is_skinny(b, large, narrow, _LARGE_TRANSPOSED, _NARROW_TRANSPOSED)


def _is_for_layer(b: Builder, x: Operand, y: Operand) -> bool:
    """Whether MXNet's layer is the faster ``x @ y.T``: by oneDNN, which takes 10 us more to start."""
    return not b.runs_at_once and x.aval.dtype == numpy.float32 and y.aval.size >= _LARGE_TRANSPOSED


def _transposed(b: Builder, x: Operand) -> Operand:
    return b.op("transpose", Aval(x.aval.shape[::-1], x.aval.dtype), x, axes=(1, 0))


def _matmul_mx(b: Builder, out: Aval, x: Operand, y: Operand) -> Operand:
    require(out.dtype, FLOATS, "matrix product")
    x, y = b.cast(x, out.dtype), b.cast(y, out.dtype)
    if x.aval.ndim == 2 and y.aval.ndim <= 2 and _is_skinny(b, x, y):
        rows, attrs = _as_weights(b, y)
        aval = Aval((x.aval.shape[0], rows.aval.shape[0]), out.dtype)
        return b.reshape(b.op("FullyConnected", aval, x, rows, **attrs), out.shape)
    if x.aval.ndim == y.aval.ndim == 1:
        return b.reshape(b.op("dot", Aval((1,), out.dtype), x, y), out.shape)
    if x.aval.ndim > 1 and y.aval.ndim == 2:
        rows = b.reshape(x, (product(x.aval.shape[:-1]), x.aval.shape[-1]))
        found = b.op("dot", Aval((rows.aval.shape[0], y.aval.shape[1]), out.dtype), rows, y)
        return b.reshape(found, out.shape)
    return b.op("_npi_matmul", out, x, y)


def _as_weights(b: Builder, y: Operand) -> tuple[Operand, dict[str, Any]]:
    """A narrow right factor as what MXNet's layer takes, and the attributes of that."""
    rows = _transposed(b, y) if y.aval.ndim == 2 else b.reshape(y, (1, y.aval.size))
    return rows, {"num_hidden": rows.aval.shape[0], "no_bias": True, "flatten": False}


def _by_filters(b: Builder, narrow: Operand, large: Operand) -> Operand:
    """``narrow.T @ large`` as a convolution: each column of ``narrow`` is a filter of one place."""
    (rows, count), size = narrow.aval.shape, large.aval.shape[1]
    filters = b.reshape(_transposed(b, narrow), (count, rows, 1, 1))
    attrs: dict[str, Any] = {"num_filter": count, "kernel": (1, 1), "no_bias": True}
    aval = Aval((1, count, 1, size), large.aval.dtype)
    found = b.op("Convolution", aval, b.reshape(large, (1, rows, 1, size)), filters, **attrs)
    return b.reshape(found, (count, size))


def _flipped(shape: tuple[int, ...], flip: bool) -> tuple[int, ...]:
    return shape[::-1] if flip else shape


def _gemm_infer(x: Any, y: Any, transpose_x: bool, transpose_y: bool) -> Aval:
    a, b = aval_of(x), aval_of(y)
    left, right = _flipped(a.shape, transpose_x), _flipped(b.shape, transpose_y)
    if left[1] != right[0]:
        raise ValueError(f"matrix product: inner sizes differ, shapes {left} and {right}")
    return Aval((left[0], right[1]), numpy.result_type(a.dtype, b.dtype))


def _gemm_mx(b: Builder, out: Aval, x: Operand, y: Operand, transpose_x: bool, transpose_y: bool) -> Operand:
    require(out.dtype, FLOATS, "matrix product")
    x, y = b.cast(x, out.dtype), b.cast(y, out.dtype)
    if transpose_x and not transpose_y:
        if _is_for_filters(b, x, y):
            return _transposed(b, _by_filters(b, y, x))
        if _is_for_filters(b, y, x):
            return _by_filters(b, x, y)
        if _is_skinny(b, x, y):
            return _transposed(b, b.op("dot", Aval(out.shape[::-1], out.dtype), y, x, transpose_a=True))
    if not transpose_x and transpose_y and _is_for_layer(b, x, y):
        return b.op("FullyConnected", out, x, y, num_hidden=y.aval.shape[0], no_bias=True, flatten=False)
    return b.op("dot", out, x, y, transpose_a=transpose_x, transpose_b=transpose_y)


def _gemm_vjp_x(g: Any, ans: Any, x: Any, y: Any, transpose_x: bool, transpose_y: bool) -> Any:
    if transpose_x:
        return gemm(y, g, transpose_x=transpose_y, transpose_y=True)
    return gemm(g, y, transpose_x=False, transpose_y=not transpose_y)


def _gemm_vjp_y(g: Any, ans: Any, x: Any, y: Any, transpose_x: bool, transpose_y: bool) -> Any:
    if transpose_y:
        return gemm(g, x, transpose_x=True, transpose_y=transpose_x)
    return gemm(x, g, transpose_x=not transpose_x, transpose_y=False)


def _gemm_source(avals: Sequence[Aval], params: dict) -> str:
    first, second = (".T" if params[flag] else "" for flag in ("transpose_x", "transpose_y"))
    return f"{{0}}{first} @ {{1}}{second}"


# The product of two matrices, either of them transposed on the fly: BLAS reads it in place, where a
# transposition of its own would copy the largest operand of most backward passes.
gemm = register(
    Op(
        "gemm",
        numpy=lambda x, y, transpose_x, transpose_y: numpy.matmul(
            x.T if transpose_x else x, y.T if transpose_y else y
        ),
        infer=_gemm_infer,
        mx=_gemm_mx,
        vjp=(_gemm_vjp_x, _gemm_vjp_y),
        family="linalg",
        source=_gemm_source,
        cost="compute",
    )
)


def _add_gemm_mx(
    b: Builder, out: Aval, z: Operand, x: Operand, y: Operand, transpose_x: bool, transpose_y: bool, sign: int
) -> Operand:
    """By BLAS into a copy of ``z``, or into ``z`` itself; narrow factors by what is quicker for them."""
    require(out.dtype, frozenset(map(numpy.dtype, ("float32", "float64"))), "matrix product")
    z, x, y = (b.cast(operand, out.dtype) for operand in (z, x, y))
    if min(out.shape) <= _NARROW_TRANSPOSED and max(x.aval.size, y.aval.size) >= _LARGE_TRANSPOSED:
        found = _gemm_mx(b, out, x, y, transpose_x, transpose_y)
        return b.op("_npi_add" if sign > 0 else "_npi_subtract", out, z, found)
    flags = {"transpose_a": transpose_x, "transpose_b": transpose_y}
    return b.op("_linalg_gemm", out, x, y, z, alpha=float(sign), beta=1.0, **flags)


def _add_gemm_infer(z: Any, x: Any, y: Any, transpose_x: bool, transpose_y: bool, sign: int) -> Aval:
    product = _gemm_infer(x, y, transpose_x, transpose_y)
    if aval_of(z) != product:
        raise ValueError(f"a matrix product {product} and {aval_of(z)} to add it to")
    return product


def _add_gemm(z: Any, x: Any, y: Any, transpose_x: bool, transpose_y: bool, sign: int) -> Any:
    found = numpy.matmul(x.T if transpose_x else x, y.T if transpose_y else y)
    return z + found if sign > 0 else z - found


def _add_gemm_vjp(position: int) -> Any:
    rule = (_gemm_vjp_x, _gemm_vjp_y)[position]

    def vjp(g: Any, ans: Any, z: Any, x: Any, y: Any, sign: int, **flags: bool) -> Any:
        return rule(g if sign > 0 else -g, ans, x, y, **flags)

    return vjp


# The update of parameters: what BLAS adds up on the way is neither written nor read again.
add_gemm = register(
    Op(
        "add_gemm",
        numpy=_add_gemm,
        infer=_add_gemm_infer,
        mx=_add_gemm_mx,
        vjp=(lambda g, ans, z, x, y, **params: g, _add_gemm_vjp(0), _add_gemm_vjp(1)),
        family="linalg",
        source=lambda avals, params: (
            f"{{0}} {'+' if params['sign'] > 0 else '-'} "
            + _gemm_source(avals, params).replace("{1}", "{2}").replace("{0}", "{1}")
        ),
        cost="compute",
    )
)


def _narrow_mx(b: Builder, out: Aval, x: Operand, g: Operand, w: Operand) -> Operand:
    require(out.dtype, FLOATS, "matrix product")
    x, g, w = (b.cast(operand, out.dtype) for operand in (x, g, w))
    if not _is_skinny(b, x, w):
        return _gemm_mx(b, out, x, g, True, False)
    rows, attrs = _as_weights(b, w)
    return _transposed(b, b.vjp("FullyConnected", rows.aval, g, x, rows, takes="g x0 x1", of=1, **attrs))


# The cotangent of a narrow right factor: as ``gemm``, but MXNet's layer, which computed the product, has a
# backward that reads the large factor in half of the time. It wants to see the right factor.
narrow_gradient: Op = register(
    Op(
        "narrow_gradient",
        numpy=lambda x, g, w: numpy.matmul(x.T, g),
        infer=lambda x, g, w: _gemm_infer(x, g, True, False),
        mx=_narrow_mx,
        vjp=(
            lambda ct, ans, x, g, w: gemm(g, ct, transpose_x=False, transpose_y=True),
            lambda ct, ans, x, g, w: matmul_op(x, ct),
            ZERO,
        ),
        family="linalg",
        source="{0}.T @ {1}",
        cost="compute",
    )
)


def _dense_infer(x: Any, w: Any, bias: Any) -> Aval:
    product = _gemm_infer(x, w, False, True)
    if aval_of(bias).shape != product.shape[1:]:
        raise ValueError(f"dense: a bias {aval_of(bias).shape} for the result {product.shape}")
    return Aval(product.shape, numpy.result_type(product.dtype, aval_of(bias).dtype))


def _dense_mx(b: Builder, out: Aval, *operands: Operand) -> Operand:
    require(out.dtype, FLOATS, "matrix product")
    x, w, bias = (b.cast(operand, out.dtype) for operand in operands)
    return b.op("FullyConnected", out, x, w, bias, num_hidden=out.shape[1], flatten=False)


# A layer of MXNet, which the compiler makes of a product and a bias after gradients were recorded.
dense: Op = register(
    Op(
        "dense",
        numpy=lambda x, w, bias: numpy.matmul(x, w.T) + bias,
        infer=_dense_infer,
        mx=_dense_mx,
        vjp=(
            lambda g, ans, x, w, bias: matmul_op(g, w),
            lambda g, ans, x, w, bias: gemm(g, x, transpose_x=True, transpose_y=False),
            lambda g, ans, x, w, bias: sum_of_rows(g),
        ),
        family="linalg",
        source="{0} @ {1}.T + {2}",
        cost="compute",
    )
)


def sum_of_rows(g: Any) -> Any:
    """The sum over the first axis, as a product."""
    return matmul_op(numpy.ones(aval_of(g).shape[0], aval_of(g).dtype), g)


def _t(x: Any) -> Any:
    return swapaxes.implementation(x, -1, -2)


def _rows(x: Any) -> Any:
    """The vectors along the last axis as the rows of a matrix."""
    shape = aval_of(x).shape
    return x if len(shape) == 2 else reshape_op(x, shape=(product(shape[:-1]), shape[-1]))


def _matmul_vjp_x(g: Any, ans: Any, x: Any, y: Any) -> Any:
    """For matrices g y^T; a vector is a matrix of one row or column."""
    xn, yn = aval_of(x).ndim, aval_of(y).ndim
    if yn == 1:
        return multiply(expand_dims.implementation(g, -1), y)
    if xn > 1 and yn == 2:
        found = gemm(_rows(g), y, transpose_x=False, transpose_y=True)
        return found if xn == 2 else reshape_op(found, shape=aval_of(x).shape)
    if xn == 1 and yn > 2:
        return matmul_op(expand_dims.implementation(g, -2), _t(y))
    return matmul_op(g, _t(y))


def _matmul_vjp_y(g: Any, ans: Any, x: Any, y: Any) -> Any:
    """For matrices x^T g; a vector is a matrix of one row or column."""
    xn, yn = aval_of(x).ndim, aval_of(y).ndim
    if xn == 1:
        if yn == 1:
            return multiply(g, x)
        return multiply(expand_dims.implementation(g, -2), expand_dims.implementation(x, -1))
    if yn == 1:
        return matmul_op(ravel.implementation(g), _rows(x))
    if xn == yn == 2 and aval_of(x).size >= _LARGE and aval_of(y).shape[1] <= _NARROW:
        return narrow_gradient(x, g, y)
    if yn == 2:
        return gemm(_rows(x), _rows(g), transpose_x=True, transpose_y=False)
    return matmul_op(_t(x), g)


matmul_op: Op = register(
    Op(
        "matmul",
        numpy=numpy.matmul,
        infer=_matmul_infer,
        mx=_matmul_mx,
        vjp=(_matmul_vjp_x, _matmul_vjp_y),
        family="linalg",
        source="{0} @ {1}",
        cost="compute",
    )
)


@numpy_function(numpy.matmul, arrays=2)
def matmul(x1, x2, out=None, **options):
    """The matrix product ``x1 @ x2``, over broadcast leading axes."""
    refuse(out=out, **options)
    return matmul_op(x1, x2)


def _scaled(a: Any, b: Any) -> Any:
    """A product with a number; unlike in ``multiply`` the number counts by its dtype, not its value."""
    dtype = numpy.result_type(aval_of(a).dtype, aval_of(b).dtype)
    return multiply(*(x if aval_of(x).dtype == dtype else astype(x, dtype=dtype) for x in (a, b)))


@numpy_function(numpy.dot, arrays=2)
def dot(a, b, out=None):
    """Sum of products over the last axis of ``a`` and the last but one (or only) axis of ``b``."""
    refuse(out=out)
    m, n = aval_of(a), aval_of(b)
    if not m.ndim or not n.ndim:
        return _scaled(a, b)
    if m.shape[-1] != n.shape[-2 if n.ndim > 1 else 0]:
        raise ValueError(f"dot: inner sizes differ, shapes {m.shape} and {n.shape}")
    if n.ndim <= 2:
        return matmul_op(a, b)
    return tensordot.implementation(a, b, axes=((m.ndim - 1,), (n.ndim - 2,)))


@numpy_function(numpy.inner, arrays=2)
def inner(a, b):
    """Sum of products over the last axes."""
    m, n = aval_of(a).ndim, aval_of(b).ndim
    if not m or not n:
        return _scaled(a, b)
    return number(tensordot.implementation(a, b, axes=((m - 1,), (n - 1,))))


@numpy_function(numpy.outer, arrays=2)
def outer(a, b, out=None):
    """Products of each element of ``a`` with each of ``b``, both flattened."""
    refuse(out=out)
    column, row = (aval_of(a).size, 1), (1, aval_of(b).size)
    return multiply(reshape_op(a, shape=column), reshape_op(b, shape=row))


@numpy_function(numpy.tensordot, arrays=2)
def tensordot(a, b, axes=2):
    """Sum of products over ``axes``: a number of trailing and leading axes, or two lists of axes."""
    m, n = aval_of(a), aval_of(b)
    if not is_sequence(axes):
        axes = operator.index(axes)
        left, right = list(range(m.ndim - axes, m.ndim)), list(range(axes))
    else:
        left, right = (list(as_shape(x)) for x in axes)
        left = [normalize_axis(axis, m.ndim) for axis in left]
        right = [normalize_axis(axis, n.ndim) for axis in right]
    if [m.shape[i] for i in left] != [n.shape[i] for i in right]:
        raise ValueError(f"shape-mismatch for sum: shapes {m.shape} and {n.shape}, axes {left} and {right}")
    kept_left = [i for i in range(m.ndim) if i not in left]
    kept_right = [i for i in range(n.ndim) if i not in right]
    inner_size = product(m.shape[i] for i in left)
    shape_left, shape_right = [m.shape[i] for i in kept_left], [n.shape[i] for i in kept_right]
    x = reshape_op(transpose_op(a, axes=(*kept_left, *left)), shape=(product(shape_left), inner_size))
    y = reshape_op(transpose_op(b, axes=(*right, *kept_right)), shape=(inner_size, product(shape_right)))
    return reshape_op(matmul_op(x, y), shape=(*shape_left, *shape_right))
