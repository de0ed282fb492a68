"""Calls of the functions in ``ops/moments.py`` that are no reductions."""

from __future__ import annotations

from tests.ops.calls import CALLS, Call, Draw, _calls

_ONE = ((3, 4),)

CALLS.update(
    {
        "average": [
            *_calls(
                lambda np, x: np.average(x),
                lambda np, x: np.average(x, axis=0),
                lambda np, x: np.average(x, 1, [1, 2, 3, 4]),
                lambda np, x: np.average(x, weights=[[1, 2, 3, 4], [2, 3, 4, 1], [1, 1, 1, 1]]),
                lambda np, x: np.average(x, -1, returned=True),
                lambda np, x: np.average(x, 1, [1, 2, 3, 4], True),
                on=_ONE,
            ),
            Call(lambda np, x, w: np.average(x, 0, w), (Draw((3, 4)), Draw((3,), 1.0, 2.0)), False, True),
        ],
        "cov": [
            *_calls(
                lambda np, x: np.cov(x),
                lambda np, x: np.cov(x, rowvar=False),
                lambda np, x: np.cov(x, bias=True),
                lambda np, x: np.cov(x, ddof=0),
                lambda np, x: np.cov(x, fweights=[1, 2, 3, 1]),
                lambda np, x: np.cov(x, aweights=[0.5, 1, 2, 1], fweights=[1, 2, 1, 1]),
                on=_ONE,
            ),
            *[
                Call(function, (Draw((3, 4)), Draw((4,), 1.0, 2.0)), False, True)
                for function in (
                    lambda np, x, w: np.cov(x, aweights=w),
                    lambda np, x, w: np.cov(x, aweights=w, fweights=[1, 2, 1, 3], ddof=0),
                    lambda np, x, w: np.cov(x, fweights=np.asarray([1, 2, 1, 3]) * 2, aweights=w),
                )
            ],
            *_calls(lambda np, x: np.cov(x), on=((5,),)),
            *_calls(lambda np, x, y: np.cov(x, y), on=((3, 4), (4,))),
            *_calls(lambda np, x, y: np.cov(x, y, False), on=((4, 2), (4, 1))),
        ],
        "corrcoef": [
            *_calls(lambda np, x: np.corrcoef(x), lambda np, x: np.corrcoef(x, rowvar=False), on=((3, 5),)),
            *_calls(lambda np, x: np.corrcoef(x), on=((5,),)),
            *_calls(lambda np, x, y: np.corrcoef(x, y), on=((5,), (5,))),
        ],
    }
)
