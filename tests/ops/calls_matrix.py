"""Calls of the functions of ``linalg``."""

from __future__ import annotations

import numpy

from tests.ops.calls import CALLS, Call, Draw
from tests.ops.samples_matrix import Matrix


def _made(*functions, on, compiles=True, second=None) -> list[Call]:
    more = (Draw(second),) if second else ()
    return [Call(f, (Matrix(shape, -1, 1), *more), compiles, True) for f in functions for shape in on]


def _regular(x):
    """A positive definite matrix whose eigenvalues differ."""
    return x @ x.swapaxes(-1, -2)


_SQUARE = ((3, 3), (2, 3, 3))
_WIDE = ((3, 3), (4, 3), (3, 4), (2, 4, 2))


CALLS.update(
    {
        "linalg.inv": _made(lambda np, x: np.linalg.inv(x), on=_SQUARE),
        "linalg.det": _made(lambda np, x: np.linalg.det(x), on=_SQUARE),
        "linalg.slogdet": _made(lambda np, x: np.linalg.slogdet(x), on=_SQUARE, compiles=False),
        "linalg.solve": [
            *_made(lambda np, x, y: np.linalg.solve(x, y), on=((3, 3),), second=(3, 2)),
            *_made(lambda np, x, y: np.linalg.solve(x, y), on=((2, 3, 3),), second=(2, 3, 2), compiles=False),
        ],
        "linalg.cholesky": _made(lambda np, x: np.linalg.cholesky(_regular(x)), on=_SQUARE),
        "linalg.eigh": _made(
            lambda np, x: [abs(y) for y in np.linalg.eigh(_regular(x))], on=_SQUARE, compiles=False
        ),
        "linalg.eigvalsh": _made(lambda np, x: np.linalg.eigvalsh(_regular(x)), on=_SQUARE, compiles=False),
        "linalg.qr": _made(
            lambda np, x: [abs(y) for y in np.linalg.qr(x)],
            lambda np, x: abs(np.linalg.qr(x, "r")),
            on=_WIDE[:3],
            compiles=False,
        ),
        "linalg.svd": _made(
            lambda np, x: [abs(y) for y in np.linalg.svd(x, False)],
            lambda np, x: np.linalg.svd(x, compute_uv=False),
            on=_WIDE,
            compiles=False,
        ),
        "linalg.pinv": _made(lambda np, x: np.linalg.pinv(x), on=_WIDE, compiles=False),
        "linalg.matrix_power": _made(
            *[lambda np, x, n=n: np.linalg.matrix_power(x, n) for n in (1, 2, 5, -3)], on=_SQUARE
        ),
        "linalg.norm": [
            *_made(
                lambda np, x: np.linalg.norm(x),
                *[lambda np, x, n=n: np.linalg.norm(x, n) for n in ("fro", 1, -1, numpy.inf, -numpy.inf)],
                *[lambda np, x, n=n: np.linalg.norm(x, n, axis=1) for n in (None, 0, 1, 2, 3, numpy.inf)],
                lambda np, x: np.linalg.norm(x, 2, axis=-1, keepdims=True),
                lambda np, x: np.linalg.norm(x, numpy.inf, (1, 0), keepdims=True),
                on=((3, 4),),
            ),
            *_made(
                *[lambda np, x, n=n: np.linalg.norm(x, n) for n in (2, -2, "nuc")],
                on=((3, 4),),
                compiles=False,
            ),
            *_made(lambda np, x: np.linalg.norm(x.astype("float64"), 3), on=((5,),)),
        ],
    }
)
