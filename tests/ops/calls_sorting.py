"""Calls of the functions in ``ops/sorting.py`` and ``ops/missing.py``."""

from __future__ import annotations

from tests.ops.calls import CALLS, Call, Draw, _calls

_ONE = ((3, 4),)
_METHODS = (
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen"),
    *("weibull", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest"),
)


def _eager(*functions, on=((3, 4),)) -> list[Call]:
    """Calls that stay eager, with a gradient."""
    return [Call(function, tuple(map(Draw, on)), False, True) for function in functions]


def _with_nan(name: str, *more: str) -> list[Call]:
    def full(np, x, **options):
        return getattr(np, name)(x, **options)

    def partly(np, x, **options):
        return getattr(np, name)(np.where(x > 1.7, np.nan, x), **options)

    return _calls(
        lambda np, x: full(np, x),
        lambda np, x: full(np, x, axis=0),
        lambda np, x: full(np, x, axis=(0, 1), keepdims=True),
        lambda np, x: partly(np, x),
        lambda np, x: partly(np, x, axis=0, keepdims=True),
        lambda np, x: partly(np, x, axis=1),
        on=_ONE,
    )


CALLS.update(
    {
        "sort": [
            *_eager(
                lambda np, x: np.sort(x),
                lambda np, x: np.sort(x, 0),
                lambda np, x: np.sort(x, axis=None, kind="stable"),
            )
        ],
        "argsort": _calls(
            lambda np, x: np.argsort(x), lambda np, x: np.argsort(x, axis=None), on=_ONE, compiles=False
        ),
        "partition": _eager(
            lambda np, x: np.partition(x, 2),
            lambda np, x: np.partition(x, (0, 1), axis=0),
            lambda np, x: np.partition(x, -1, axis=None),
        ),
        "argpartition": _calls(lambda np, x: np.argpartition(x, 1, axis=0), on=_ONE, compiles=False),
        "median": [
            *_eager(
                lambda np, x: np.median(x),
                lambda np, x: np.median(x, 0),
                lambda np, x: np.median(x, axis=-1, keepdims=True),
            ),
            *_eager(
                lambda np, x: np.median(x, (0, -1)),
                lambda np, x: np.median(x, (0, 2), keepdims=True),
                on=((3, 1, 5),),
            ),
        ],
        "quantile": _eager(
            lambda np, x: np.quantile(x, 0.3),
            lambda np, x: np.quantile(x, [0, 0.25, 1], axis=1),
            lambda np, x: np.quantile(x, [[0.1], [0.9]], axis=0, keepdims=True),
        ),
        "percentile": _eager(
            lambda np, x: np.percentile(x, 30),
            lambda np, x: np.percentile(x, [0, 33.3, 100], axis=0),
            *[lambda np, x, m=m: np.percentile(x, [[10, 50], [72, 100]], 1, method=m) for m in _METHODS],
            *[lambda np, x, m=m: np.percentile(x, 40, (0, 1), method=m, keepdims=True) for m in _METHODS],
        ),
        **{
            name: [
                *_eager(
                    *[
                        lambda np, x, name=name, q=part, m=m: getattr(np, name)(x, q, axis=1, method=m)
                        for m in _METHODS
                    ],
                    lambda np, x, name=name, q=part: getattr(np, name)(x, q),
                    lambda np, x, name=name, q=part: getattr(np, name)(
                        np.where(x > 1, np.nan, x), q[0], (0, 1)
                    ),
                    lambda np, x, name=name, q=part: getattr(np, name)(
                        np.where(x > 0.5, np.nan, x), q, 0, keepdims=True
                    ),
                )
            ]
            for name, part in (("nanquantile", [0.1, 0.5, 0.9]), ("nanpercentile", [10, 50, 77]))
        },
        "nanmedian": _eager(
            lambda np, x: np.nanmedian(x),
            lambda np, x: np.nanmedian(np.where(x > 1.2, np.nan, x), axis=0),
            lambda np, x: np.nanmedian(np.where(x > 1.2, np.nan, x), axis=1, keepdims=True),
            lambda np, x: np.nanmedian(np.where(x > 1.2, np.nan, x), (0, 1)),
        ),
        "ptp": _calls(
            lambda np, x: np.ptp(x),
            lambda np, x: np.ptp(x, 0),
            lambda np, x: np.ptp(x, axis=(0, 1), keepdims=True),
            on=_ONE,
        ),
        "count_nonzero": _calls(
            lambda np, x: np.count_nonzero(x > 0, 0),
            lambda np, x: np.count_nonzero(x, axis=(0, 1), keepdims=True),
            on=_ONE,
        ),
        **{
            name: _with_nan(name)
            for name in ("nansum", "nanprod", "nanmean", "nanmax", "nanmin", "nanvar", "nanstd")
        },
        "nan_to_num": [
            *_calls(
                lambda np, x: np.nan_to_num(x),
                lambda np, x: np.nan_to_num(np.where(x > 0.5, np.nan, x), nan=2.5),
                lambda np, x: np.nan_to_num(np.where(x > 0.5, np.inf, x), posinf=1e3, neginf=-7),
                lambda np, x: np.nan_to_num(np.where(x > 0.5, -np.inf, x), neginf=-7),
                on=_ONE,
            ),
        ],
    }
)
CALLS["nanvar"] += _calls(lambda np, x: np.nanvar(np.where(x > 1, np.nan, x), 1, ddof=1), on=_ONE)
_PART = Draw((2,), 0.05, 0.95)
for _name, _call in (
    ("quantile", lambda np, x, q: np.quantile(x, q * 0.9)),
    ("quantile", lambda np, x, q: np.quantile(x, q[0], axis=1, keepdims=True)),
    ("percentile", lambda np, x, q: np.percentile(x, q * 90, axis=0)),
    ("nanquantile", lambda np, x, q: np.nanquantile(np.where(x > 1.2, np.nan, x), q * 0.9, axis=1)),
    ("nanpercentile", lambda np, x, q: np.nanpercentile(x, 90 * q[1])),
    *[("quantile", lambda np, x, q, method=m: np.quantile(x, q * 0.9, method=method)) for m in _METHODS],
):
    CALLS[_name] += [Call(_call, (Draw((3, 4)), _PART), False, True)]
