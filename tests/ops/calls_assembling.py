"""Calls of the functions in ``ops/assembling.py``, ``ops/padding.py`` and ``ops/spacing.py``."""

from __future__ import annotations

import numpy

from tests.ops.calls import CALLS, Call, Draw, _calls, _eagerly

_ONE = ((3, 4),)
_MASK = numpy.array([True, False, True])


def _on(*functions, on: tuple[Draw, ...]) -> list[Call]:
    return [Call(function, on) for function in functions]


def _padded(*modes: str, **options) -> list[Call]:
    calls = [
        lambda np, x, mode=mode, width=width: np.pad(x, width, mode, **options)
        for mode in modes
        for width in (1, ((2, 1), (0, 3)), ((7, 0), (5, 8)))
    ]
    return _calls(*calls, on=_ONE, compiles="median" not in modes)


def _with_gradient(calls: list[Call]) -> list[Call]:
    return [call._replace(differentiable=True) for call in calls]


CALLS["pad"] = [
    *_calls(
        lambda np, x: np.pad(x, 2),
        lambda np, x: np.pad(x, ((1, 0), (2, 3))),
        lambda np, x: np.pad(x, (1, 2), constant_values=1),
        lambda np, x: np.pad(x, ((1, 2), (0, 1)), "constant", constant_values=((1, 2), (3, 4))),
        lambda np, x: np.pad(x, 0),
        *[lambda np, x, m=m: np.pad(x, ((2, 1), (0, 3)), m) for m in ("edge", "wrap", "symmetric")],
        lambda np, x: np.pad(x, ((2, 1), (0, 3)), mode="reflect"),
        on=_ONE,
    ),
    *_padded("reflect", "symmetric", reflect_type="odd"),
    *_padded("reflect", "symmetric", "wrap", "edge"),
    *_padded("maximum", "minimum", "mean"),
    *_padded("maximum", "mean", stat_length=((2, 1), (3, 2))),
    *_with_gradient(_padded("median")),
    *_padded("linear_ramp"),
    *_padded("linear_ramp", end_values=((1, 2), (-3, 4))),
    *_calls(
        lambda np, x, y: np.pad(x, 1, constant_values=y[0, 0]),
        lambda np, x, y: np.pad(x, 2, "linear_ramp", end_values=y),
        lambda np, x, y: np.pad(x, ((2, 1), (1, 1)), constant_values=((y[0, 0], 1), (y[1, 1], y[1, 0]))),
        on=((3, 4), (2, 2)),
    ),
    *_calls(lambda np, x: np.pad(x, 2, "mean"), lambda np, x: np.pad(x, 2, "reflect"), on=((1,),)),
    *_calls(lambda np, x: np.pad(x, 1, "empty") * 0, on=_ONE, compiles=False),
]
CALLS["concatenate"] += _calls(
    lambda np, x, y: np.concatenate([x, y], 1, dtype="float64", casting="unsafe"),
    on=((2, 3), (2, 3)),
)
CALLS["concatenate"] += _eagerly(
    lambda np, x, y: np.r_[x, y],
    lambda np, x, y: np.r_["-1", x, y, x],
    lambda np, x, y: np.r_["0,3", x, y],
    lambda np, x, y: np.r_[x[0], 2.5, 1:4, y[0, 1], 0:1:3j],
    lambda np, x, y: np.c_[x, y],
    lambda np, x, y: np.c_[x[0], y[1], numpy.arange(3)],
    on=((2, 3), (2, 3)),
)
CALLS.update(
    {
        "insert": [
            *_calls(
                lambda np, x: np.insert(x, 2, 7.0),
                lambda np, x: np.insert(x, [0, -1, 3], 5, axis=1),
                lambda np, x: np.insert(x, 1, [1.5, 2, 3, 4], 0),
                lambda np, x: np.insert(x, slice(None, None, 2), 9, axis=-1),
                lambda np, x: np.insert(x, 0, x, 1) if x.shape == (4, 4) else np.insert(x, 0, x[0], 0),
                on=_ONE,
            ),
            *_calls(lambda np, x, y: np.insert(x, [1, 3], y), on=((3, 4), (2,))),
            *_calls(lambda np, x, y: np.insert(x, 1, y, axis=1), on=((3, 4), (3,))),
            *_calls(lambda np, x, y: np.insert(x, [1], y, axis=1), on=((3, 4), (3, 2))),
        ],
        "block": [
            *_calls(
                lambda np, x, y: np.block([x, y]),
                lambda np, x, y: np.block([[x, y], [y, x]]),
                lambda np, x, y: np.block([[x, numpy.zeros((2, 1), x.dtype)], [numpy.ones((1, 4), x.dtype)]]),
                lambda np, x, y: np.block([[[x]], [[y]]]),
                on=((2, 3), (2, 3)),
            ),
            *_calls(lambda np, x, y: np.block([x, 1, y]), on=((3,), ())),
            *_calls(lambda np, x: np.block(x), on=((3,),)),
        ],
        "choose": [
            *_calls(
                lambda np, x, y: np.choose([[0, 1, 0], [1, 1, 0]], [x, y]),
                lambda np, x, y: np.choose([[0, 1, 5], [-1, 1, 0]], (x, y[0]), mode="clip"),
                lambda np, x, y: np.choose([3, -1, 0], [x, 0], mode="wrap"),
                lambda np, x, y: np.choose([1, 0, 1], x),
                on=((2, 3), (2, 3)),
            ),
            *_eagerly(lambda np, x, y: np.choose((x > 0) * 1, [x, y]), on=((2, 3), (2, 3))),
            *_eagerly(lambda np, x, y: (x > 0).astype("int64").choose([x, y]), on=((2, 3), (2, 3))),
        ],
        "compress": [
            *_calls(
                lambda np, x: np.compress([True, False, True], x, axis=0),
                lambda np, x: np.compress([False, True], x, 1),
                lambda np, x: np.compress([0, 1, 0, 2, 1, 0], x),
                lambda np, x: x.compress(_MASK, axis=0),
                on=_ONE,
            ),
            *_eagerly(lambda np, x: np.compress(x[0] > 0, x, axis=1), on=_ONE),
        ],
        "extract": [
            *_calls(lambda np, x: np.extract(numpy.arange(12) % 5 == 0, x), on=_ONE),
            *_eagerly(lambda np, x: np.extract(x > 0, x), on=_ONE),
        ],
        "unique": [
            *_eagerly(
                lambda np, x: np.unique(x),
                lambda np, x: np.unique(x, axis=1),
                lambda np, x: np.unique(np.concatenate([x, x]), axis=0),
                lambda np, x: np.unique(x, return_index=True, return_counts=True),
                lambda np, x: np.unique(x, return_inverse=True),
                on=_ONE,
            ),
        ],
        "linspace": [
            *_calls(
                lambda np, x, y: np.linspace(x, y, 5),
                lambda np, x, y: np.linspace(x, y, 5, endpoint=False, axis=-1),
                lambda np, x, y: np.linspace(x, y, 1),
                lambda np, x, y: np.linspace(x, y, 0),
                lambda np, x, y: np.linspace(x, x, 3),
                lambda np, x, y: np.linspace(x, 9.5, 4, retstep=True),
                lambda np, x, y: np.linspace(-1, y, 4, dtype="int64"),
                on=((2, 1), (3,)),
            ),
            *_calls(lambda np, x, y: np.linspace(x, y, 5), on=((), ())),
        ],
        "logspace": [
            *_calls(
                lambda np, x, y: np.logspace(x, y, 5),
                lambda np, x, y: np.logspace(x, 1.5, 4, endpoint=False, base=2.0),
                lambda np, x, y: np.logspace(0, y, 3, axis=1, dtype="float64"),
                on=((2, 1), (3,)),
            ),
        ],
        "geomspace": _with_gradient(
            [
                call._replace(compiles=False)
                for call in _on(
                    lambda np, x, y: np.geomspace(x, y, 5),
                    lambda np, x, y: np.geomspace(x, 7.5, 4, endpoint=False, axis=-1),
                    lambda np, x, y: np.geomspace(-x, -x - 1, 3),
                    lambda np, x, y: np.geomspace(y, y * 3, 1),
                    on=(Draw((2, 1), 1.0, 3.0), Draw((3,), 4.0, 6.0)),
                )
            ]
        ),
    }
)
_NUMBER = Draw((), 0.5, 3.0)
CALLS["kaiser"] = [Call(lambda np, x, n=n: np.kaiser(n, x), (_NUMBER,), False, True) for n in (7, 4)]
CALLS["fft.fftfreq"] = [Call(lambda np, d, n=n: np.fft.fftfreq(n, d), (_NUMBER,)) for n in (6, 7)]
CALLS["fft.rfftfreq"] = [Call(lambda np, d, n=n: np.fft.rfftfreq(n, d=d), (_NUMBER,)) for n in (6, 7)]
