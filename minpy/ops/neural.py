"""Functions of MXNet that NumPy lacks: activations, ``softmax``, ``one_hot``, ``batch_dot``.

``relu`` has derivative 0 at 0, as in MXNet.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy

from minpy.ops import kernels
from minpy.ops.aval import Aval, aval_of, broadcast_shapes, function_dtype, normalize_axis
from minpy.ops.creation import created
from minpy.ops.elementwise import add, astype, exp, large_relu, log
from minpy.ops.linalg import matmul_op
from minpy.ops.logic import equal, less_equal, logical_not
from minpy.ops.lowering import FLOATS, Builder, Operand, activation, require, unary
from minpy.ops.op import OPS, ZERO, Op, numpy_function, refuse, register
from minpy.ops.reduction import max_op, sum_op
from minpy.ops.shape import reshape_op, swapaxes


def _sigmoid(x: Any) -> Any:
    return numpy.exp(-numpy.logaddexp(0, -x))  # never overflows


def _relu(x: Any) -> Any:
    return numpy.maximum(x, 0)


def _activation(
    name: str, function: Callable, mx: Callable, scalar: Callable, vjp: Callable, source: str
) -> Op:
    return register(
        Op(
            name,
            numpy=function,
            infer=lambda x: Aval(aval_of(x).shape, function_dtype(function, x)),
            mx=mx,
            scalar=scalar,
            vjp=(vjp,),
            family="neural",
            elementwise=True,
            source=source,
        )
    )


sigmoid_op = _activation(
    "sigmoid",
    _sigmoid,
    activation("sigmoid", unary("_npx_sigmoid")),
    kernels.computed("sigmoid"),
    lambda g, ans, x: g * (ans * (1 - ans)),
    "np.exp(-np.logaddexp(0, -{0}))",
)
# The operator Activation makes 0 of nan here, other than of the functions above.
relu_op = _activation(
    "relu",
    _relu,
    lambda b, out, x: large_relu(b, out, x) or unary("_npx_relu")(b, out, x),
    lambda k, dtype, x: kernels.SCALARS["maximum"](k, dtype, x, k.constant(0, dtype)),
    lambda g, ans, x: relu_gradient(g, x),
    "np.maximum({0}, 0)",
)


def _slope_op(name: str, slope: Callable, slope_of_slope: Callable, source: str) -> Op:
    """A cotangent times the derivative of ``name``, by the result: what the compiler makes of the product."""

    def infer(g: Any, y: Any) -> Aval:
        dtype = numpy.result_type(aval_of(g).dtype, aval_of(y).dtype)
        return Aval(broadcast_shapes(aval_of(g).shape, aval_of(y).shape), dtype)

    def mx(b: Builder, out: Aval, g: Operand, y: Operand) -> Operand:
        require(out.dtype, FLOATS, name)
        refuse(shape="of one broadcast" if g.aval.shape != y.aval.shape else None)
        return b.op(f"_backward_{name}", out, b.cast(g, out.dtype), b.cast(y, out.dtype))

    def rule(ct: Any, ans: Any, g: Any, y: Any) -> Any:
        return OPS[f"{name}_gradient"](ct, y)

    return register(
        Op(
            f"{name}_gradient",
            numpy=lambda g, y: g * slope(y, 1),
            infer=infer,
            mx=mx,
            parts=lambda g, y: g * slope(y, numpy.asarray(1, aval_of(y).dtype)),  # also of a number
            vjp=(rule, lambda ct, ans, g, y: ct * g * slope_of_slope(y)),
            family="neural",
            elementwise=True,
            source=source,
            doc=f"A cotangent times the derivative of ``{name}``, whose result is the second argument.",
        )
    )


tanh_gradient = _slope_op("tanh", lambda y, one: one - y * y, lambda y: -2 * y, "{0} * (1 - {1} * {1})")
sigmoid_gradient = _slope_op(
    "sigmoid", lambda y, one: y * (one - y), lambda y: 1 - 2 * y, "{0} * ({1} * (1 - {1}))"
)


def _relu_gradient_mx(b: Builder, out: Aval, g: Operand, x: Operand) -> Operand:
    """By oneDNN, which keeps its layout."""
    require(out.dtype, FLOATS, "relu")
    if out.dtype == x.aval.dtype == numpy.float32 and b.has_exact_elu:
        return b.op("_backward_Activation", out, g, x, act_type="relu")
    is_bool = Aval(out.shape, numpy.dtype(bool))
    is_flat = b.op("_npi_less_equal_scalar", is_bool, x, scalar=0.0, is_int=False)
    slope = b.cast(b.op("_npi_logical_not", is_bool, is_flat), out.dtype)
    return b.op("_npi_multiply", out, g, slope)


def _relu_gradient_parts(g: Any, x: Any) -> Any:
    return g * astype(logical_not(less_equal(x, 0)), dtype=aval_of(g).dtype)


# What is not <= 0 has the derivative 1, nan too, as in oneDNN and PyTorch.
relu_gradient: Op = register(
    Op(
        "relu_gradient",
        numpy=lambda g, x: g * numpy.logical_not(x <= 0).astype(g.dtype),
        infer=lambda g, x: Aval(aval_of(x).shape, aval_of(g).dtype),
        mx=_relu_gradient_mx,
        parts=_relu_gradient_parts,
        vjp=(lambda ct, ans, g, x: relu_gradient(ct, x), ZERO),
        family="neural",
        elementwise=True,
        source="{0} * np.logical_not({1} <= 0).astype({0}.dtype)",
    )
)
for _op in (add, relu_op, relu_gradient):
    _op.images = "between"


def _from_maximum(x: Any, axis: int) -> Any:
    """Floats, shifted so that the largest of each row is 0."""
    x = x.astype(function_dtype(numpy.exp, aval_of(x)))
    return x - x.max(axis, keepdims=True) if x.shape[axis] else x


def _softmax(x: Any, axis: int) -> Any:
    powers = numpy.exp(_from_maximum(x, axis))
    return powers / powers.sum(axis, keepdims=True)


def _log_softmax(x: Any, axis: int) -> Any:
    x = _from_maximum(x, axis)
    return x - numpy.log(numpy.exp(x).sum(axis, keepdims=True))


#: Up to how many elements ``log_softmax`` is MXNet's own: oneDNN's, which is faster, is off by 3e-6 for a
#: result near 0, of which losses are made. A temperature is what MXNet leaves oneDNN out for.
_MOST_OF_MXNETS = 8192


def _softmax_mx(name: str) -> Callable:
    def mx(b: Builder, out: Aval, x: Operand, axis: int) -> Operand:
        require(out.dtype, FLOATS, name)
        precise = {"temperature": 1.0} if name == "log_softmax" and out.size <= _MOST_OF_MXNETS else {}
        return b.op(name, out, b.cast(x, out.dtype), axis=axis, **precise)

    return mx


def _total(x: Any, axis: int) -> Any:
    return sum_op(x, axes=(axis,), keepdims=True)


def softmax_parts(x: Any, axes: tuple[int, ...]) -> Any:
    """``softmax`` over several axes, in ops that kernels can have."""
    x = _floats(x)
    powers = exp(x - max_op(x, axes=axes, keepdims=True))
    return powers / sum_op(powers, axes=axes, keepdims=True)


def _log_softmax_parts(x: Any, axis: int) -> Any:
    x = _floats(x)
    x = x - max_op(x, axes=(axis,), keepdims=True)
    return x - log(_total(exp(x), axis))


def _is_last(axis: int, x: Any) -> bool:
    """Over other axes MXNet's backward jumps through memory, and takes longer than its parts."""
    return axis == aval_of(x).ndim - 1


def _softmax_vjp(g: Any, ans: Any, x: Any, axis: int) -> Any:
    if _is_last(axis, x):
        return softmax_gradient(g, ans, axis=axis)
    weighted = g * ans
    return weighted - ans * _total(weighted, axis)


def _log_softmax_vjp(g: Any, ans: Any, x: Any, axis: int) -> Any:
    return log_softmax_gradient(g, ans, axis=axis) if _is_last(axis, x) else g - exp(ans) * _total(g, axis)


def _softmax_gradient_rule(ct: Any, ans: Any, g: Any, p: Any, axis: int) -> Any:
    return ct * (g - _total(g * p, axis)) - g * _total(ct * p, axis)


def _log_softmax_gradient_rule(ct: Any, ans: Any, g: Any, q: Any, axis: int) -> Any:
    return -(ct * exp(q) * _total(g, axis))


def _gradient_op(name: str, function: Callable, parts: Callable, vjp: tuple, source: str) -> Op:
    """MXNet's own backward of ``name``, of the cotangent and of what ``name`` gave: one pass over both."""

    def infer(g: Any, ans: Any, axis: int) -> Aval:
        shape = aval_of(ans).shape
        ones = [numpy.ones((1,) * len(shape), aval_of(x).dtype) for x in (g, ans)]
        return Aval(shape, function(*ones, axis).dtype)

    def mx(b: Builder, out: Aval, g: Operand, ans: Operand, axis: int) -> Operand:
        for operand in (g, ans):
            require(operand.aval.dtype, FLOATS, name)
        return b.op(f"_backward_{name}", out, b.cast(g, out.dtype), b.cast(ans, out.dtype), axis=axis)

    return register(
        Op(
            f"{name}_gradient",
            numpy=function,
            infer=infer,
            mx=mx,
            parts=parts,
            vjp=vjp,
            family="neural",
            source=source,
            doc=f"The cotangent of the argument of ``{name}``, of those of its result and the result itself.",
        )
    )


softmax_gradient: Op = _gradient_op(
    "softmax",
    lambda g, p, axis: p * (g - (g * p).sum(axis, keepdims=True)),
    lambda g, p, axis: p * (g - _total(g * p, axis)),
    (lambda ct, ans, g, p, axis: softmax_gradient(ct, p, axis=axis), _softmax_gradient_rule),
    "{out} = {0} - np.sum({0} * {1}, axis={axis}, keepdims=True)\n{out} = {1} * {out}",
)
log_softmax_gradient: Op = _gradient_op(
    "log_softmax",
    lambda g, q, axis: g - numpy.exp(q) * g.sum(axis, keepdims=True),
    lambda g, q, axis: g - exp(q) * _total(g, axis),
    (lambda ct, ans, g, q, axis: ct - _total(ct * exp(q), axis), _log_softmax_gradient_rule),
    "{out} = np.sum({0}, axis={axis}, keepdims=True)\n{out} = {0} - np.exp({1}) * {out}",
)


def _softmax_op(name: str, function: Callable, parts: Callable, vjp: Callable, source: str) -> Op:
    return register(
        Op(
            name,
            numpy=function,
            infer=lambda x, axis: Aval(aval_of(x).shape, function_dtype(numpy.exp, aval_of(x))),
            mx=_softmax_mx(name),
            parts=parts,
            vjp=(vjp,),
            family="neural",
            source=source,
        )
    )


softmax_op = _softmax_op(
    "softmax",
    _softmax,
    lambda x, axis: softmax_parts(x, (axis,)),
    _softmax_vjp,
    "{out} = np.exp({0} - np.max({0}, axis={axis}, keepdims=True))\n"
    "{out} = {out} / np.sum({out}, axis={axis}, keepdims=True)",
)
log_softmax_op = _softmax_op(
    "log_softmax",
    _log_softmax,
    _log_softmax_parts,
    _log_softmax_vjp,
    "{out} = {0} - np.max({0}, axis={axis}, keepdims=True)\n"
    "{out} = {out} - np.log(np.sum(np.exp({out}), axis={axis}, keepdims=True))",
)


def _floats(x: Any) -> Any:
    """Integers as the floats that NumPy's ``exp`` makes of them."""
    dtype = aval_of(x).dtype
    return x if dtype.kind == "f" else astype(x, dtype=function_dtype(numpy.exp, aval_of(x)))


@numpy_function(name="sigmoid")
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return sigmoid_op(_floats(x))


@numpy_function(name="relu")
def relu(x):
    """max(x, 0), with derivative 0 at 0, where that of ``maximum`` is 1/2: in large networks it is faster."""
    return relu_op(x)


@numpy_function(name="softmax")
def softmax(x, axis=-1):
    """exp(x) divided by its sum over ``axis``, without overflow."""
    x = _floats(x)
    return softmax_op(x, axis=normalize_axis(axis, aval_of(x).ndim))


@numpy_function(name="log_softmax")
def log_softmax(x, axis=-1):
    """The logarithm of ``softmax``, precise where that is tiny."""
    x = _floats(x)
    return log_softmax_op(x, axis=normalize_axis(axis, aval_of(x).ndim))


@numpy_function(name="one_hot", gradient=False)
def one_hot(indices, depth, dtype="float32"):
    """Rows of ``depth`` zeros with a one at each index; an index out of range gives zeros only."""
    if not (hasattr(depth, "__index__") and depth >= 0):
        raise ValueError(f"one_hot: depth is an integer from 0, not {depth!r}")
    places = reshape_op(indices, shape=(*aval_of(indices).shape, 1))
    return astype(equal(places, numpy.arange(depth).astype(aval_of(indices).dtype)), dtype=numpy.dtype(dtype))


@numpy_function(name="nn.seeded", gradient=False)
def seeded(seed, shape):
    """Uniform numbers from 0 to 1, which are a constant in compiled code."""
    return created(numpy.random.RandomState(seed).uniform(size=shape))


@numpy_function(name="onehot_encode", gradient=False)
def onehot_encode(indices, out):
    """``one_hot`` in the shape and dtype of ``out``, which is (number of indices, depth)."""
    shape, dtype = aval_of(out)
    return one_hot.implementation(indices, shape[1], dtype)


@numpy_function(name="batch_dot", arrays=2)
def batch_dot(lhs, rhs, transpose_a=False, transpose_b=False):
    """The product of each matrix of ``lhs`` with that of ``rhs``, either of them transposed first."""
    if aval_of(lhs).ndim != 3 or aval_of(rhs).ndim != 3:
        raise ValueError("batch_dot: both arrays have 3 axes, the first counts the matrices")
    left = swapaxes.implementation(lhs, 1, 2) if transpose_a else lhs
    right = swapaxes.implementation(rhs, 1, 2) if transpose_b else rhs
    return matmul_op(left, right)
