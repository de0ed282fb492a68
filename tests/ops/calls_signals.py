"""Calls of the functions in ``ops/signals.py`` and ``ops/polynomials.py``."""

from __future__ import annotations

import numpy

from tests.ops.calls import CALLS, Call, Draw, _calls, _eagerly

_LONG = Draw((7,))
_POINTS = numpy.array([-1.5, -0.4, 0.3, 1.9])


def _each(*functions, on: tuple[Draw, ...]) -> list[Call]:
    """Calls that stay eager, with a gradient."""
    return [Call(function, on, False, True) for function in functions]


def _shifted(name: str) -> list[Call]:
    return [
        Call(lambda np, a, v, mode=mode: getattr(np, name)(a, v, mode), (Draw(m), Draw(n)), False, True)
        for mode in ("full", "same", "valid")
        for m, n in (((6,), (3,)), ((6,), (4,)), ((2,), (5,)), ((4,), (7,)), ((3,), (3,)))
    ]


CALLS.update(
    {
        "convolve": [
            *_shifted("convolve"),
            *_eagerly(lambda np, x: np.convolve(x, [1.0, -2.0]), on=((5,),)),
            *_eagerly(lambda np, x, y: np.convolve(x, y), on=((), (4,))),
        ],
        "correlate": [*_shifted("correlate"), *_eagerly(lambda np, x: np.correlate([1, 2], x), on=((5,),))],
        "interp": [
            *_each(
                lambda np, x, f: np.interp(x, _POINTS, f),
                lambda np, x, f: np.interp(x, _POINTS, f, left=-5, right=7.5),
                lambda np, x, f: np.interp(x, _POINTS, f, f[0] * 2, right=f[1] - 1),
                lambda np, x, f: np.interp(x, _POINTS, f, period=3.1),
                lambda np, x, f: np.interp(x, _POINTS[:1], f[:1]),
                lambda np, x, f: np.interp(x, _POINTS * 4, f * (1 + 2j)).real,
                on=(Draw((3, 4), -2.5, 2.5), Draw((4,))),
            ),
            *_each(
                lambda np, x, p, f: np.interp(x, np.cumsum(p), f),
                lambda np, x, p, f: np.interp(x, np.cumsum(p), f, period=2.3),
                on=(Draw((6,), 0.0, 3.0), Draw((4,), 0.3, 1.0), Draw((4,))),
            ),
            *_each(lambda np, x, f: np.interp(x, _POINTS, f), on=(Draw(()), Draw((4,)))),
        ],
        "gradient": [
            *_calls(
                lambda np, f: np.gradient(f) if f.ndim else f * 0.0,
                lambda np, f: np.gradient(f, axis=1, edge_order=2),
                lambda np, f: np.gradient(f, 0.5, axis=(-1, 0)),
                lambda np, f: np.gradient(f, 2, [0, 1, 4, 5]),
                lambda np, f: np.gradient(f, [0.0, 1, 2, 3], axis=1),
                lambda np, f: np.gradient(f, [0.5, 1, 3], axis=0, edge_order=2),
                on=((3, 4),),
            ),
            *_calls(lambda np, f: np.gradient(f, axis=0), on=((2, 3),)),
            *_calls(
                lambda np, f, x: np.gradient(f, x[0]),
                lambda np, f, x: np.gradient(f, np.cumsum(x * x), edge_order=2),
                lambda np, f, x: np.gradient(f, np.cumsum(x * x + 0.1)),
                on=((5,), (5,)),
            ),
        ],
        "polyval": [
            *_calls(
                lambda np, p, x: np.polyval(p, x),
                lambda np, p, x: np.polyval(p, 2.5),
                lambda np, p, x: np.polyval([1, 2, 3], x),
                on=((4,), (2, 3)),
            ),
            *_calls(lambda np, p, x: np.polyval(p, x), on=((3,), ())),
        ],
        "polyadd": _calls(
            lambda np, p, q: np.polyadd(p, q), lambda np, p, q: np.polyadd(q, [1, 2, 3.5, 4]), on=((4,), (2,))
        ),
        "polysub": _calls(
            lambda np, p, q: np.polysub(p, q), lambda np, p, q: np.polysub(q, p), on=((4,), (2,))
        ),
        "polymul": _eagerly(
            lambda np, p, q: np.polymul(p, q), lambda np, p, q: np.polymul(q, [0, 0, 2, 1]), on=((4,), (2,))
        ),
        "polydiv": _each(
            lambda np, p, q: np.polydiv(p, q),
            lambda np, p, q: np.polydiv(p[1:], q),
            lambda np, p, q: np.polydiv(q, p),
            on=(Draw((5,), 1.0, 2.0), Draw((3,), 1.0, 2.0)),
        ),
        "polyder": _calls(
            lambda np, p: np.polyder(p),
            lambda np, p: np.polyder(p, 2),
            lambda np, p: np.polyder(p, 0),
            on=((5,),),
        ),
        "polyint": _calls(
            lambda np, p, k: np.polyint(p),
            lambda np, p, k: np.polyint(p, 2, k),
            lambda np, p, k: np.polyint(p, m=2, k=k[0]),
            lambda np, p, k: np.polyint(p, 0),
            on=((5,), (3,)),
        ),
        "vander": _eagerly(
            lambda np, x: np.vander(x),
            lambda np, x: np.vander(x, 3, increasing=True),
            lambda np, x: np.vander(np.cumprod(x), 1),
            lambda np, x: np.vander(np.cumprod(x), N=0),
            on=((4,),),
        ),
        "roots": _each(
            lambda np, p: np.sort(np.roots(np.concatenate([[1.0], p])).real),
            lambda np, p: np.sort(np.roots(np.concatenate([p, [0.0]])).imag),
            lambda np, p: np.roots(p[:2]),
            on=(Draw((4,), 1.0, 3.0),),
        ),
        "poly": [
            *_eagerly(lambda np, x: np.poly(x), on=((3,),)),
            *_each(lambda np, x: np.poly(x @ x.T), on=(Draw((3, 3)),)),
        ],
        "polyfit": _each(
            lambda np, x, y: np.polyfit(np.cumsum(x), y, 2),
            lambda np, x, y: np.polyfit(np.cumsum(x), np.stack([y, x], 1), 1),
            lambda np, x, y: np.polyfit(np.cumsum(x), y, 1, w=x),
            lambda np, x, y: np.polyfit(np.cumsum(x), y, 1, cov=True),
            lambda np, x, y: np.polyfit(np.cumsum(x), np.stack([y, x], 1), 1, cov=True)[1],
            lambda np, x, y: np.polyfit(np.cumsum(x), y, 1, cov="unscaled")[1],
            lambda np, x, y: np.polyfit(np.cumsum(x), y, 1, full=True)[:2],
            on=(Draw((6,), 0.5, 1.0), Draw((6,))),
        ),
    }
)
