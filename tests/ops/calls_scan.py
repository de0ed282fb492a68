"""Calls of the functions in ``ops/scan.py``."""

from __future__ import annotations

from tests.ops.calls import CALLS, Call, Draw, _calls

_ONE = ((3, 4),)


def _scan(name: str, compiles: bool) -> list[Call]:
    functions = (
        lambda np, x: getattr(np, name)(x),
        lambda np, x: getattr(np, name)(x, 0),
        lambda np, x: getattr(np, name)(x, axis=-1),
    )
    return [Call(f, (Draw(shape),), compiles, True) for f in functions for shape in ((3, 4), (2, 5))]


CALLS.update(
    {
        "cumsum": [
            *_scan("cumsum", True),
            *_calls(lambda np, x: np.cumsum(x), on=((),)),
            *_calls(lambda np, x: np.cumsum(x, 1, dtype="float64"), on=_ONE),
        ],
        "cumprod": _scan("cumprod", False),
        "nancumprod": [
            Call(lambda np, x: np.nancumprod(np.where(x > 0.5, np.nan, x), 1), (Draw((3, 4)),), False, True)
        ],
        "nancumsum": [
            *_scan("nancumsum", True),
            *_calls(lambda np, x: np.nancumsum(np.where(x > 0.5, np.nan, x)), on=_ONE),
        ],
        "diff": [
            *_calls(
                lambda np, x: np.diff(x),
                lambda np, x: np.diff(x, n=2),
                lambda np, x: np.diff(x, 1, 0),
                lambda np, x: np.diff(x * 1, 0),
                lambda np, x: np.diff(x > 0) * 1.0,
                on=_ONE,
            ),
            *_calls(
                lambda np, x, y: np.diff(x, prepend=0.5),
                lambda np, x, y: np.diff(x, append=y[0, 0], axis=-1, n=2),
                lambda np, x, y: np.diff(x, axis=0, prepend=y.T, append=1),
                on=((3, 4), (4, 2)),
            ),
        ],
        "ediff1d": [
            *_calls(lambda np, x: np.ediff1d(x), on=_ONE),
            *_calls(
                lambda np, x, y: np.ediff1d(x, to_end=9),
                lambda np, x, y: np.ediff1d(x, to_end=y, to_begin=y[0]),
                on=((3, 4), (2, 2)),
            ),
        ],
        "unwrap": [
            Call(function, (Draw((3, 4), -6.0, 6.0),), False, True)
            for function in (
                lambda np, x: np.unwrap(x),
                lambda np, x: np.unwrap(x, axis=0),
                lambda np, x: np.unwrap(x, 4.0, -1),
            )
        ],
        "trapz": [
            *_calls(
                lambda np, x: np.trapz(x),
                lambda np, x: np.trapz(x, dx=0.5),
                lambda np, x: np.trapz(x, axis=0),
                lambda np, x: np.trapz(x, [0, 1, 4, 5]),
                on=_ONE,
            ),
            *_calls(
                lambda np, y, x: np.trapz(y, x),
                lambda np, y, x: np.trapz(y, x=x, axis=1),
                on=((3, 4), (4,)),
            ),
            *_calls(lambda np, y, x: np.trapz(y, x, axis=0), on=((3, 4), (3, 4))),
        ],
    }
)
