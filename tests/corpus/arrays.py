"""Functions of NumPy and MinPy on arrays: kinds, dtypes, shapes, indices."""

from __future__ import annotations

import numpy

import minpy.numpy as np
from tests.corpus.inputs import A, B, X, Y, vec
from tests.corpus.registry import program


@program((X,), (np.array(B),), (A,))
def straight_line(x):
    y = np.tanh(x) * 2 + 1
    z = y / (np.abs(x) + 1.5)
    return z - np.sum(z)


@program((X, Y), (np.array(B), np.array(B.T.copy())))
def matrix_product(x, y):
    return np.dot(x, y) @ np.ones((y.shape[1], 2))


@program((A, B))
def plain_numpy(x, y):
    h = numpy.maximum(numpy.dot(x, y), 0)
    return numpy.sum(h, axis=0), numpy.mean(h), h.T, h[0], h[0, 0], h.shape


@program((A,))
def numpy_kinds(x):
    return (
        numpy.sum(x),
        x.sum(axis=1),
        x.reshape(3, 2),
        x.astype("float64"),
        x[0, 1] * 2,
        numpy.exp(x[1]),
        x.mean().astype("float64"),
        x > 0,
        numpy.reshape(x.sum(), (1, 1)),
        numpy.sqrt(x.sum() + 9),
    )


@program((A, X), (X, A))
def mixed_kinds(x, y):
    return x + y, numpy.add(x, y), np.add(x, 1), x * 2, y * 2


@program((X,))
def comparisons(x):
    m = x > 0
    return m, np.where(m, x, -x), (x >= 0) & (x < 0.5), ~m, x == x, x != 0, np.any(m), np.all(m, axis=0)


@program((X,))
def indexing(x):
    return x[0], x[:, 1], x[..., -1], x[0:1], x[::-1, ::2], x[None, :, 1:], x[1, 2], x[:, [2, 0]], x[-1]


@program((Y, numpy.array([2, 0, 1]), numpy.array([3, 0, 1])), (Y, numpy.array([-1]), numpy.array([0])))
def fancy_indexing(y, i, j):
    return y[i], y[:, j], y[i, j], np.take(y, i, axis=0)


@program((numpy.array([3, 1, 2]), numpy.array([0.5, 1.5, 2.5])))
def integers(n, x):
    both = n + 1, n / 2, n * x, n - n.sum(), -n, n > 1, np.sum(n), np.mean(n), n.astype("float32")
    return both, n @ n  # leftover


@program((X,))
def reductions(x):
    return (
        np.sum(x, axis=0),
        np.mean(x, axis=-1, keepdims=True),
        np.max(x),
        x.min(axis=(0, 1)),
        np.prod(x + 2, axis=1),
        np.argmax(x, axis=1),
        x.argmin(),
        np.var(x, axis=0),
        np.std(x, ddof=1),
    )


@program((X,))
def shapes(x):
    n, m = x.shape
    return (
        x.reshape(m, n),
        x.reshape((-1,)),
        np.transpose(x),
        np.expand_dims(x, 0).squeeze(),
        np.concatenate([x, x * 2], axis=1),
        np.stack((x, x)),
        np.vstack([x, x]),
        np.split(x, 3, axis=1),
        np.broadcast_to(x, (4, n, m)),
        x.swapaxes(0, 1),
        x.flatten(),
    )


@program((X,))
def returns_argument(x):
    y = x
    return y, x.T, x[0], x.reshape(-1)


@program((np.zeros((0, 3)),))
def empty_arrays(x):
    return np.sum(x, axis=0), x * 2, np.concatenate([x, np.ones((2, 3))]), np.dot(x, np.ones((3, 2)))


@program((np.array(2.0),), (numpy.float64(2.5),), (3,), (2.5,))
def zero_dimensional(x):
    return x * x + 1, np.sum(x), np.exp(x)


@program((X,))
def default_dtypes(x):
    return np.zeros(3) + x, np.arange(3) * x, np.ones((2, 3), "float64") * x, np.linspace(0, 1, 3) + x


@program((vec(1, 2, 3), vec(4, 5, 6)), no_gradient="numpy.stack makes arrays of NumPy")
def rows(x, y):
    return [a * b for a, b in zip(x, y)], numpy.stack([x, y]), numpy.array([x[0] * 2, y[1]])


@program(
    (numpy.array([1 + 2j, 3.0]),),
    (numpy.arange(4, dtype="int16"),),
    (numpy.arange(3, dtype=">f4"),),
    no_gradient="of integers and complex numbers",
)
def unusual_dtypes(x):
    return x * 2 + 1, np.exp(x), np.sum(x), numpy.sqrt(x)  # leftover


@program(
    (numpy.arange(4, dtype="float16"),),
    (numpy.arange(4, dtype="uint8"),),
    (numpy.arange(4, dtype="int8"),),
    no_gradient="of small dtypes",
)
def small_dtypes(x):
    return x * 2 + 1, np.exp(x), np.sum(x), x + x, x > 1, np.mean(x), x.astype("float32") / 3  # leftover


@program((B,), (np.array(B),))
def sums_of_diagonals(x):
    return x.trace(), x.trace(1) * 2, x.dot(x.T).trace(offset=-1)
