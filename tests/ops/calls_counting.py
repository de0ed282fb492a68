"""Calls of the functions in ``ops/counting.py`` and ``ops/sets.py``."""

from __future__ import annotations

import numpy

from tests.ops.calls import CALLS, Call, _calls, _eagerly

_A = numpy.array([0.1, 0.9, 0.4, 0.35, 0.6])
_B = numpy.array([0.2, 0.1, 0.8, 0.55, 0.7])
_EDGES = numpy.array([-0.1, 0.3, 0.7, 1.1])
_GRID = ([0.0, 0.3, 1.0], [0.0, 0.5, 0.75, 1.0])


def _flat(function):
    """Edges that come in a list behind the others."""
    return lambda *args: (lambda found: (found[0], *found[1]))(function(*args))


def _set(name: str) -> list[Call]:
    other = [3.0, -1.0, 0.0]
    return [
        *_eagerly(
            lambda np, x: getattr(np, name)(x, other),
            lambda np, x: getattr(np, name)(np.concatenate([x[0], x[1]]), x[1:] * 1),
            on=((3, 4),),
        ),
        *_eagerly(lambda np, x, y: getattr(np, name)(x, y), on=((3,), (4,))),
    ]


def _unique(name: str) -> list[Call]:
    return _eagerly(lambda np, x: getattr(np, name)(np.cumsum(x * x + 1), [5.5, -3.0], True), on=((5,),))


CALLS.update(
    {
        "bincount": [
            *_calls(
                lambda np, w: np.bincount([1, 3, 1, 0], w),
                lambda np, w: np.bincount(numpy.array([1, 3, 1, 0]), weights=w, minlength=6),
                on=((4,),),
            ),
            *_eagerly(lambda np, w: np.bincount(np.asarray([1, 3, 1, 0]) * 2, w), on=((4,),)),
            *_eagerly(lambda np, w: np.bincount((w > 0) * 1, minlength=3) * 1.0, on=((4,),)),
        ],
        "union1d": _set("union1d"),
        "intersect1d": [
            *_set("intersect1d"),
            *_unique("intersect1d"),
            *_eagerly(lambda np, x: np.intersect1d(x, x[::-1], return_indices=True), on=((4,),)),
        ],
        "setdiff1d": [*_set("setdiff1d"), *_unique("setdiff1d")],
        "setxor1d": [*_set("setxor1d"), *_unique("setxor1d")],
        "histogram": [
            *_eagerly(
                lambda np, w: np.histogram(_A, weights=w),
                lambda np, w: np.histogram(_A, 3, (0.2, 0.8), weights=w),
                lambda np, w: np.histogram(_A, [0.2, 0.35, 0.9], density=True, weights=w * w + 1),
                lambda np, w: np.histogram(w, "sturges")[1],
                lambda np, w: np.histogram(w, 3, density=True),
                lambda np, w: np.histogram(w * 0 + 1, 3)[1],
                on=((5,),),
            ),
            *_eagerly(
                lambda np, w, b: np.histogram(_A + w * 0, _EDGES * (np.sum(b) * 0.01 + 1), density=True),
                on=((5,), (4,)),
            ),
        ],
        "histogram2d": _eagerly(
            lambda np, w: np.histogram2d(_A, _B, 3, weights=w),
            lambda np, w: np.histogram2d(_A, _B, _GRID, density=True, weights=w * w + 1),
            lambda np, w: np.histogram2d(w, _B, [3, [0.0, 0.5, 1.0]], [None, [0, 1]], density=True),
            on=((5,),),
        ),
        "histogramdd": _eagerly(
            _flat(lambda np, w: np.histogramdd([_A, _B], (2, 3), weights=w)),
            _flat(lambda np, w: np.histogramdd(np.stack([_A, w, _B], 1), 2, density=True)),
            on=((5,),),
        ),
    }
)
