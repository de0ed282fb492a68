"""Calls of the functions in ``ops/functional.py``, and of smaller ones of several files."""

from __future__ import annotations

import warnings
from typing import Callable

from tests.ops.calls import CALLS, _calls, _eagerly

_ONE = ((3, 4),)


def _all(name: str, *more: tuple, compiles: bool = True) -> list:
    """Calls of a function, with more arguments or none."""
    make = _calls if compiles else _eagerly
    return make(*[lambda np, x, rest=rest: getattr(np, name)(x, *rest) for rest in ((), *more)], on=_ONE)


def _deprecated(name: str) -> Callable:
    def call(np, x):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return getattr(np, name)(x)

    return call


CALLS.update(
    {
        **{name: _eagerly(_deprecated(name), on=_ONE) for name in ("msort", "product", "cumproduct")},
        "fromfunction": _eagerly(
            lambda np, x: np.fromfunction(lambda i, j: x * i + j * j, (3, 4), dtype="float64"),
            lambda np, x: np.fromfunction(lambda i, k: x.T * i + k, (3,), k=2.5, dtype=int),
            on=_ONE,
        ),
        "require": _eagerly(
            lambda np, x: np.require(x, requirements="C"),
            lambda np, x: np.require(x, "float64", ["F", "W"]),
            lambda np, x: np.require(x.T, requirements=["O"]),
            on=_ONE,
        ),
        "piecewise": [
            *_eagerly(
                lambda np, x: np.piecewise(x, [x < -1, x > 0.5], [-1.0, lambda v: v * v, lambda v: v * 3]),
                lambda np, x: np.piecewise(x, [x < 0], [lambda v, a, b: v * a + b, 2], 3, b=1),
                lambda np, x: np.piecewise(x, [x > 0, x > 1], [x.sum() if x.ndim else 2, lambda v: v * 2]),
                on=_ONE,
            ),
            *_eagerly(lambda np, x: np.piecewise(x, x > 0, [lambda v: v**3, lambda v: -v]), on=((5,),)),
        ],
        "apply_along_axis": [
            *_eagerly(
                lambda np, x: np.apply_along_axis(lambda row: row[0] * row.sum(), 0, x),
                lambda np, x: np.apply_along_axis(lambda row: row[:2] * row[-1], -1, x),
                lambda np, x: np.apply_along_axis(lambda row, a, b: np.outer(row, row) * a + b, 0, x, 2, b=1),
                on=_ONE,
            ),
            *_eagerly(lambda np, x: np.apply_along_axis(np.sort, 1, x), on=((2, 3, 2),)),
        ],
        "apply_over_axes": _eagerly(
            lambda np, x: np.apply_over_axes(np.sum, x, [0, -1]),
            lambda np, x: np.apply_over_axes(lambda y, axis: np.prod(y, axis, keepdims=True), x, 1),
            on=((2, 3, 2),),
        ),
        "i0": [
            *_all("i0", compiles=False),
            *_eagerly(lambda np, x: np.i0(x * 9), lambda np, x: np.i0(x * 0.0), on=_ONE),
        ],
        "diagflat": _all("diagflat", (1,), (-2,)),
        "trim_zeros": _eagerly(
            lambda np, x: np.trim_zeros(np.concatenate([[0, 0], x, [0]])),
            lambda np, x: np.trim_zeros(np.concatenate([[0, 0], x, [0]]), "f"),
            lambda np, x: np.trim_zeros(np.concatenate([[0, 0], x, [0]]), "b"),
            lambda np, x: np.trim_zeros(x * 0),
            on=((4,),),
        ),
        "sort_complex": [
            *_all("sort_complex", compiles=False),
            *_eagerly(lambda np, x: np.sort_complex(x + 1j), on=_ONE),
        ],
        "asanyarray": _all("asanyarray", ("float64",)),
        "from_dlpack": _eagerly(lambda np, x: np.from_dlpack(x), on=_ONE),
        "asarray_chkfinite": _all("asarray_chkfinite", compiles=False),
        "asfarray": _all("asfarray", ("float64",), (int,)),
        "asfortranarray": _eagerly(
            lambda np, x: np.asfortranarray(x), lambda np, x: np.asfortranarray(x.T, "float64"), on=_ONE
        ),
    }
)
