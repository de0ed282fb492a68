"""Calls of ufuncs with their options, and of their methods; all under the name of one of them."""

from __future__ import annotations

from tests.ops.calls import CALLS, Call, Draw, _calls

_ONE = ((3, 4),)
_TWO = ((3, 4), (4,))


def _eager(*functions, on: tuple) -> list[Call]:
    """Calls that stay eager and are differentiable there."""
    return [
        Call(function, tuple(Draw(shape, 0.5, 2.0) for shape in on), False, True) for function in functions
    ]


def _written(write) -> Call:
    """A call that writes into a new array, which is the result."""

    def function(np, x, y):
        result = np.ones_like(x) * 1.0  # of floats
        write(np, x, y, result)
        return result * x

    return _eager(function, on=_TWO)[0]


CALLS["add"] = [
    *_calls(
        lambda np, x: np.add.reduce(x),
        lambda np, x: np.add.reduce(x, axis=None, keepdims=True),
        lambda np, x: np.maximum.reduce(x, axis=(0, 1)),
        lambda np, x: np.minimum.reduce(x, 1),
        lambda np, x: np.add.accumulate(x, axis=1),
        lambda np, x: np.add.reduce(x[0, 0, ...]),
        on=_ONE,
    ),
    *_calls(
        lambda np, x, y: np.subtract.outer(x, y),
        lambda np, x, y: np.multiply.outer(y, x),
        on=_TWO,
    ),
    *_eager(
        lambda np, x: np.logaddexp.reduce(x, axis=1),
        lambda np, x: np.hypot.reduce(x, axis=None),
        lambda np, x: np.true_divide.accumulate(x),
        lambda np, x: np.maximum.accumulate(x, axis=1),
        lambda np, x: np.multiply.reduceat(x, [0, 2, 1], axis=1),
        lambda np, x: np.add.reduceat(x, [0, 1]),
        lambda np, x: np.exp(x, dtype="float64"),
        lambda np, x: x.sum(axis=1, out=np.empty_like(x[:, 0])),
        lambda np, x: np.add.reduce(x, 0, None, np.empty_like(x[0])),
        lambda np, x: np.multiply.accumulate(x, out=np.empty_like(x)),
        lambda np, x: np.cumsum(x, 1, None, np.empty_like(x)) * x,
        lambda np, x: np.concatenate([x, x * 2], out=np.empty_like(np.concatenate([x, x]))),
        lambda np, x: np.clip(x, 1, 3, out=np.empty_like(x)),
        on=_ONE,
    ),
    *_eager(
        lambda np, x, y: np.add(x, y, dtype="float64"),
        lambda np, x, y: np.subtract(x, y, casting="same_kind", order="C"),
        lambda np, x, y: np.dot(x, y, out=np.empty_like(x[:, 0])),
        lambda np, x, y: np.dot(x, y, np.empty_like(x[:, 0])) * x[:, 1],
        lambda np, x, y: np.matmul(x, y, out=np.empty_like(x[:, 0])),
        on=_TWO,
    ),
    _written(lambda np, x, y, result: np.add(x, y, out=result)),
    _written(lambda np, x, y, result: np.add(x, y, result)),
    _written(lambda np, x, y, result: np.hypot(x, y, out=(result,))),
    _written(lambda np, x, y, result: np.exp(y, out=result)),
    _written(lambda np, x, y, result: np.multiply(x, y, out=result, where=x > 1)),
    _written(lambda np, x, y, result: np.multiply(x[0], y, out=result[::-1][:2], where=[[True], [False]])),
    _written(lambda np, x, y, result: np.power(result, y, out=result, dtype="float64", casting="same_kind")),
    _written(lambda np, x, y, result: np.add.at(result, [0, 2, 0], x)),
    _written(lambda np, x, y, result: np.subtract.at(result, (slice(None), [1, 1, 3]), y[:3])),
    _written(lambda np, x, y, result: np.multiply.at(result, [0, 2, 0, 0], x[1])),
    _written(lambda np, x, y, result: np.true_divide.at(result, ([0, 0, 1], [1, 1, 2]), y[:3])),
    _written(lambda np, x, y, result: np.exp.at(result, [0, 1, 0])),
    _written(lambda np, x, y, result: np.maximum.at(result, x > 1, y[0])),
]
