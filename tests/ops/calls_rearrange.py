"""Calls of the functions in ``ops/rearrange.py`` and ``ops/choosing.py``."""

from __future__ import annotations

from tests.ops.calls import CALLS, Call, Draw, _calls

_ONE = ((3, 4),)
_CUBE = ((2, 3, 4),)
_SQUARES = ((), (3,), (1, 3), (2, 3, 4))


def _each(*functions, shapes=_SQUARES) -> list[Call]:
    return [Call(function, (Draw(shape),)) for function in functions for shape in shapes]


CALLS.update(
    {
        "roll": _calls(
            lambda np, x: np.roll(x, 2),
            lambda np, x: np.roll(x, -1, 1),
            lambda np, x: np.roll(x, 0, 0),
            lambda np, x: np.roll(x, (1, 7), axis=(0, 1)),
            lambda np, x: np.roll(x, 1, axis=(0, -1)),
            on=_ONE,
        ),
        "rot90": _calls(
            *[lambda np, x, k=k: np.rot90(x, k) for k in range(-1, 5)],
            lambda np, x: np.rot90(x, 1, (2, 0)),
            on=_CUBE,
        ),
        "fliplr": _calls(lambda np, x: np.fliplr(x), on=_ONE),
        "flipud": _calls(lambda np, x: np.flipud(x), on=_ONE),
        "rollaxis": _calls(
            lambda np, x: np.rollaxis(x, 2),
            lambda np, x: np.rollaxis(x, 0, 3),
            lambda np, x: np.rollaxis(x, 1, -1),
            on=_CUBE,
        ),
        "tile": _each(
            lambda np, x: np.tile(x, 2),
            lambda np, x: np.tile(x, 1),
            lambda np, x: np.tile(x, (2, 1, 3)),
            lambda np, x: np.tile(x, (3, 2)),
        ),
        "repeat": [
            *_each(lambda np, x: np.repeat(x, 2), lambda np, x: np.repeat(x, 1)),
            *_calls(
                lambda np, x: np.repeat(x, 3, 0),
                lambda np, x: np.repeat(x, [2], axis=-1),
                lambda np, x: np.repeat(x, [1, 0, 3, 2], axis=1),
                on=_ONE,
            ),
        ],
        "resize": _calls(lambda np, x: np.resize(x, (5, 3)), lambda np, x: np.resize(x, 4), on=_ONE),
        "delete": _calls(
            lambda np, x: np.delete(x, 2),
            lambda np, x: np.delete(x, [0, -1], 1),
            lambda np, x: np.delete(x, slice(None, None, 2), axis=0),
            on=_ONE,
        ),
        "tril": _each(
            lambda np, x: np.tril(x), lambda np, x: np.tril(x, -1), shapes=((3,), (3, 4), (2, 4, 3))
        ),
        "triu": _each(
            lambda np, x: np.triu(x), lambda np, x: np.triu(x, 1), shapes=((3,), (3, 4), (2, 4, 3))
        ),
        "diag": _each(
            lambda np, x: np.diag(x),
            lambda np, x: np.diag(x, 1),
            lambda np, x: np.diag(x, k=-2),
            shapes=((3,), (3, 4)),
        ),
        "diagonal": [
            *_calls(lambda np, x: np.diagonal(x), lambda np, x: np.diagonal(x, -1), on=_ONE),
            *_calls(lambda np, x: np.diagonal(x, 1, 2, 0), on=_CUBE),
        ],
        "trace": [
            *_calls(lambda np, x: np.trace(x), lambda np, x: np.trace(x, 1), on=_ONE),
            *_calls(lambda np, x: np.trace(x, 0, -1, 0), on=_CUBE),
        ],
        "atleast_1d": _each(lambda np, x: np.atleast_1d(x), lambda np, x: np.atleast_1d(x, x * 2)),
        "atleast_2d": _each(lambda np, x: np.atleast_2d(x)),
        "atleast_3d": _each(lambda np, x: np.atleast_3d(x), shapes=((), (3,), (2, 3), (2, 3, 4))),
        "column_stack": _calls(lambda np, x, y: np.column_stack((x, y)), on=((3,), (3, 2))),
        "dstack": [
            *_calls(lambda np, x, y: np.dstack((x, y)), on=((3,), (3,))),
            *_calls(lambda np, x, y: np.dstack([x, y]), on=((3, 2), (3, 2))),
        ],
        "vsplit": _calls(lambda np, x: np.vsplit(x, 3), lambda np, x: np.vsplit(x, [1]), on=_ONE),
        "hsplit": [
            *_calls(lambda np, x: np.hsplit(x, 2), on=_ONE),
            *_calls(lambda np, x: np.hsplit(x, [1, 2]), on=((4,),)),
        ],
        "dsplit": _calls(lambda np, x: np.dsplit(x, 2), on=_CUBE),
        "broadcast_arrays": _calls(lambda np, x, y: np.broadcast_arrays(x, y), on=((3, 1), (4,))),
        "meshgrid": _calls(
            lambda np, x, y: np.meshgrid(x, y),
            lambda np, x, y: np.meshgrid(x, y, indexing="ij"),
            lambda np, x, y: np.meshgrid(x, y, sparse=True),
            lambda np, x, y: np.meshgrid(x, y, x),
            on=((3,), (2,)),
        ),
        "take_along_axis": _calls(
            lambda np, x: np.take_along_axis(x, np.array([[0, 3], [1, 1], [2, -1]]), 1),
            lambda np, x: np.take_along_axis(x, np.array([[0, 2, 1, 1]]), axis=0),
            lambda np, x: np.take_along_axis(x, np.array([0, 11, 5]), None),
            on=_ONE,
        ),
        "select": _calls(
            lambda np, x, y: np.select([x > 0.5, y > 0], [x, y * 2]),
            lambda np, x, y: np.select([x > 0.5, y > 0], [x, 1], default=y[0, 0] * 0.0 + 7),
            lambda np, x, y: np.select([x > 0.5], [y], 3),
            lambda np, x, y: np.select([x > 0.5], [x * x], y[0]),
            lambda np, x, y: np.select([x[0] > 0.5, x > 1], [1, x[:, :1]], default=y),
            on=((3, 4), (3, 4)),
        ),
    }
)
