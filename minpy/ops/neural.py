"""Functions of MXNet that NumPy lacks: activations, ``softmax``, ``one_hot``, ``batch_dot``.

``relu`` has derivative 0 at 0, as in MXNet.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy

from minpy.ops.aval import Aval, aval_of, function_dtype, normalize_axis
from minpy.ops.elementwise import astype, exp
from minpy.ops.linalg import matmul_op
from minpy.ops.logic import equal, greater
from minpy.ops.lowering import FLOATS, Builder, Operand, activation, require, unary
from minpy.ops.op import Op, numpy_function, register
from minpy.ops.reduction import sum_op
from minpy.ops.shape import reshape_op, swapaxes


def _sigmoid(x: Any) -> Any:
    return numpy.exp(-numpy.logaddexp(0, -x))  # never overflows


def _relu(x: Any) -> Any:
    return numpy.maximum(x, 0)


def _activation(name: str, function: Callable, mx: Callable, vjp: Callable, source: str) -> Op:
    return register(
        Op(
            name,
            numpy=function,
            infer=lambda x: Aval(aval_of(x).shape, function_dtype(function, x)),
            mx=mx,
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
    lambda g, ans, x: g * (ans * (1 - ans)),
    "np.exp(-np.logaddexp(0, -{0}))",
)
# The operator Activation makes 0 of nan here, other than of the functions above.
relu_op = _activation(
    "relu",
    _relu,
    unary("_npx_relu"),
    lambda g, ans, x: g * astype(greater(x, 0), dtype=aval_of(g).dtype),
    "np.maximum({0}, 0)",
)


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


def _softmax_mx(name: str) -> Callable:
    def mx(b: Builder, out: Aval, x: Operand, axis: int) -> Operand:
        require(out.dtype, FLOATS, name)
        return b.op(name, out, b.cast(x, out.dtype), axis=axis)

    return mx


def _softmax_vjp(g: Any, ans: Any, x: Any, axis: int) -> Any:
    weighted = g * ans
    return weighted - ans * sum_op(weighted, axes=(axis,), keepdims=True)


def _log_softmax_vjp(g: Any, ans: Any, x: Any, axis: int) -> Any:
    return g - exp(ans) * sum_op(g, axes=(axis,), keepdims=True)


def _softmax_op(name: str, function: Callable, vjp: Callable, source: str) -> Op:
    return register(
        Op(
            name,
            numpy=function,
            infer=lambda x, axis: Aval(aval_of(x).shape, function_dtype(numpy.exp, aval_of(x))),
            mx=_softmax_mx(name),
            vjp=(vjp,),
            family="neural",
            source=source,
        )
    )


softmax_op = _softmax_op(
    "softmax",
    _softmax,
    _softmax_vjp,
    "{out} = np.exp({0} - np.max({0}, axis={axis}, keepdims=True))\n"
    "{out} = {out} / np.sum({out}, axis={axis}, keepdims=True)",
)
log_softmax_op = _softmax_op(
    "log_softmax",
    _log_softmax,
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
    """max(x, 0), with derivative 0 at 0."""
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
    places = reshape_op(indices, shape=(*aval_of(indices).shape, 1))
    return astype(equal(places, numpy.arange(depth).astype(aval_of(indices).dtype)), dtype=numpy.dtype(dtype))


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
