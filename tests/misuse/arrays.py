"""Misuses of arrays of ``minpy.numpy``, the gradient checker and the profiler."""

from __future__ import annotations

import numpy

from minpy.errors import DTypeError, GradientError, ShapeError

SETUP = """
from minpy.utils.gradient_checker import check_gradients, quick_grad_check
A, V = np.ones((2, 3)), np.ones(3)
def half(x):
    return np.sum(x * minpy.stop_gradient(x))
"""

ARRAYS = [
    ("np.dot(A, A)", ShapeError, "dot; (2, 3) and (2, 3); at <misuse>:1"),
    ("A @ A", ShapeError, "matmul; float32[2,3]; at <misuse>:1"),
    ("A + np.ones(2)", ShapeError, "add; float32[2,3], float32[2]; at <misuse>:1"),
    ("np.maximum(A, np.ones((4, 4)))", ShapeError, "maximum; float32[2,3], float32[4,4]"),
    ("np.reshape(A, (4, 4))", ShapeError, "reshape; (4, 4)"),
    ("A.reshape(-1, -1)", ShapeError, "reshape; one unknown dimension"),
    ("np.concatenate([A, V])", ShapeError, "concatenate; float32[2,3], float32[3]"),
    ("np.concatenate([])", ShapeError, "concatenate; at least one array"),
    ("np.stack([A, V])", ShapeError, "stack; same shape"),
    ("np.transpose(A, (0, 0))", ShapeError, "transpose; repeated axis"),
    ("np.sum(A, axis=2)", numpy.AxisError, "axis 2; dimension 2"),
    ("np.sum(A, axis='rows')", DTypeError, "sum; 'str'"),
    ("np.sum(A, dim=0)", DTypeError, "sum() got an unexpected keyword argument 'dim'"),
    ("A.sum(axis=-3)", numpy.AxisError, "axis -3; dimension 2"),
    ("A[5]", IndexError, "index 5; axis 0; size 2"),
    ("A[0, 0, 0]", IndexError, "too many indices; 2-dimensional"),
    ("A['row']", IndexError, "only integers"),
    ("A[0] = np.ones(7)", ShapeError, "(7,); (3,)"),
    ("A[0.5]", IndexError, "only integers"),
    ("np.zeros(-1)", ShapeError, "negative"),
    ("np.ones('3')", DTypeError, "ones; '3'; integer"),
    ("np.arange()", DTypeError, "arange() requires stop"),
    ("np.linspace(0, 1, -5)", ShapeError, "-5; non-negative"),
    ("np.array([1.0, 2.0], dtype='float33')", DTypeError, "float33; array"),
    ("np.random.uniform(size=-1)", ValueError, "negative"),
    ("np.random.normal(0, -1.0, 3)", ValueError, "scale < 0"),
    ("np.random.choice(3, 5, replace=False)", ValueError, "larger sample"),
    ("np.linalg.inv(A)", numpy.linalg.LinAlgError, "square"),
    ("np.linalg.cholesky(np.zeros((2, 2)))", numpy.linalg.LinAlgError, "positive definite"),
    ("np.linalg.solve(np.zeros((2, 2)), np.ones(2))", numpy.linalg.LinAlgError, "Singular"),
    ("np.einsum('ij,jk->ik', A, A)", ShapeError, "einsum"),
    ("np.einsum('ij->k', A)", ShapeError, "einsum; k"),
    ("np.split(V, 2)", ShapeError, "equal division"),
    ("np.pad(V, -1)", ValueError, "negative"),
    ("np.take(V, 7)", IndexError, "7; size 3"),
    ("np.clip(V)", ShapeError, "clip; max or min"),
    ("bool(V)", ValueError, "truth value; ambiguous"),
    ("float(V)", TypeError, "length-1"),
    ("len(np.array(1.0))", TypeError, "unsized"),
    ("hash(V)", TypeError, "unhashable"),
    ("np.no_such_function(V)", AttributeError, "no_such_function"),
    ("np.tanh(V, V, V)", TypeError, "tanh"),
    ("np.exp('text')", DTypeError, "exp; 'text'"),
    ("np.exp(None)", DTypeError, "exp; None"),
    ("V + None", TypeError, "+; NoneType"),
    ("V << 1", DTypeError, "left_shift; float32; input types"),
    ("np.sqrt(V, dtype='int32')", TypeError, "sqrt; No loop"),
    ("V.astype('no such dtype')", TypeError, "no such dtype"),
]

TOOLS = [
    ("check_gradients(f, 'text')", GradientError, "nothing to check; float"),
    ("check_gradients(f)", GradientError, "nothing to check; float"),
    ("check_gradients(3, 1.0)", TypeError, "check_gradients; function; 3"),
    ("check_gradients(f, V, argnum=4)", TypeError, "argnum; 4"),
    ("quick_grad_check(3, 1.0)", TypeError, "quick_grad_check; function; 3"),
    ("quick_grad_check(half, V)", GradientError, "gradient; numeric derivative"),
    ("minpy.profile(3)", TypeError, "profile"),
]
