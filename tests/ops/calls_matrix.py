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
    return x @ x.swapaxes(-1, -2).conj()


def _turning(x):
    """A matrix with complex eigenvalues."""
    return x - 6 * x.swapaxes(-1, -2)[..., ::-1]


def _invariant(basis, more, count):
    """What does not depend on which orthonormal columns fill up a basis, and more."""
    rest = basis[..., count:]
    return [abs(basis[..., :count]), rest @ rest.swapaxes(-1, -2).conj(), abs(more)]


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
        "linalg.eig": [
            *_made(lambda np, x: np.linalg.eig(x), on=_SQUARE, compiles=False),
            *_made(lambda np, x: np.linalg.eig(_turning(x)), on=((3, 3),), compiles=False),
        ],
        "linalg.eigvals": _made(
            lambda np, x: np.linalg.eigvals(x),
            lambda np, x: np.linalg.eigvals(_turning(x)),
            on=((3, 3),),
            compiles=False,
        ),
        "linalg.qr": [
            *_made(
                lambda np, x: [abs(y) for y in np.linalg.qr(x)],
                lambda np, x: abs(np.linalg.qr(x, "r")),
                on=_WIDE,
                compiles=False,
            ),
            *_made(lambda np, x: _invariant(*np.linalg.qr(x, "complete"), 3), on=((5, 3),), compiles=False),
        ],
        "linalg.svd": [
            *_made(
                lambda np, x: [abs(y) for y in np.linalg.svd(x, False)],
                lambda np, x: np.linalg.svd(x, compute_uv=False),
                on=_WIDE,
                compiles=False,
            ),
            *_made(
                lambda np, x: _invariant(*np.linalg.svd(x)[:2], 3), on=((5, 3), (2, 4, 3)), compiles=False
            ),
            *_made(
                lambda np, x: _invariant(np.linalg.svd(x)[2].swapaxes(-1, -2), np.linalg.svd(x)[1], 3),
                on=((3, 5),),
                compiles=False,
            ),
        ],
        "linalg.lstsq": [
            Call(
                lambda np, x, y, n=n: [np.linalg.lstsq(x, y, rcond=n)[i] for i in (0, 1, 3)],
                (Matrix(shape, -1, 1), Draw(second)),
                False,
                True,
            )
            for shape, second, n in (
                ((5, 3), (5,), None),
                ((5, 3), (5, 2), -1),
                ((3, 3), (3, 2), None),
                ((3, 5), (3,), None),
                ((5, 3), (5, 2), 0.3),
            )
        ],
        "linalg.cond": _made(
            *[lambda np, x, p=p: np.linalg.cond(x, p) for p in (None, 2, -2, "nuc")],
            on=((3, 3), (2, 3, 3)),
            compiles=False,
        )
        + _made(
            *[lambda np, x, p=p: np.linalg.cond(x, p) for p in (1, -1, "fro", numpy.inf, -numpy.inf)],
            on=((3, 3), (2, 3, 3)),
        ),
        "linalg.tensorsolve": [
            Call(
                lambda np, x, y: np.linalg.tensorsolve(x.reshape(2, 3, 6), y), (Matrix((6, 6)), Draw((2, 3)))
            ),
            Call(
                lambda np, x, y: np.linalg.tensorsolve(x.reshape(2, 6, 3), y, axes=(0, 2)),
                (Matrix((6, 6)), Draw((6,))),
            ),
        ],
        "linalg.tensorinv": _made(
            lambda np, x: np.linalg.tensorinv(x.reshape(2, 3, 6)),
            lambda np, x: np.linalg.tensorinv(x.reshape(6, 3, 2), ind=1),
            on=((6, 6),),
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
