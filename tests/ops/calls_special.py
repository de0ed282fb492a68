"""Calls of the functions of ``scipy.special`` that are no ufuncs."""

from __future__ import annotations

from typing import Any

import numpy
import scipy.special

import minpy.scipy.special
from tests.ops.calls import CALLS, Call, Draw, _calls


def _of(np: Any) -> Any:
    return scipy.special if np is numpy else minpy.scipy.special


def _rows(name: str) -> list[Call]:
    return [
        *_calls(lambda np, x: getattr(_of(np), name)(x, axis=1), on=((3, 4),)),
        *_calls(lambda np, x: getattr(_of(np), name)(x, -2), on=((2, 3, 4),)),
        *_calls(lambda np, x: getattr(_of(np), name)(x), on=((5,),)),
    ]


def _eagerly(function: Any, *operands: Draw) -> list[Call]:
    return [Call(function, operands, False, True)]


_POSITIVE = Draw((3, 4), 0.5, 4.0)

CALLS.update(
    {
        "special.softmax": [
            *_rows("softmax"),
            *_eagerly(lambda np, x: _of(np).softmax(x), Draw((3, 4))),
            *_eagerly(lambda np, x: _of(np).softmax(x, axis=(0, 2)), Draw((2, 3, 4))),
        ],
        "special.log_softmax": [
            *_rows("log_softmax"),
            *_eagerly(lambda np, x: _of(np).log_softmax(x), Draw((3, 4))),
        ],
        "special.logsumexp": [
            *_rows("logsumexp"),
            *_calls(
                lambda np, x: _of(np).logsumexp(x),
                lambda np, x: _of(np).logsumexp(x, (0, 1), keepdims=True),
                on=((3, 4),),
            ),
            *_eagerly(lambda np, x, b: _of(np).logsumexp(x, 1, b), Draw((3, 4)), Draw((4,), 0.5, 2.0)),
        ],
        "special.polygamma": _eagerly(lambda np, x: _of(np).polygamma(2, x), _POSITIVE),
        "special.zeta": _eagerly(lambda np, x: _of(np).zeta(3.0, x), _POSITIVE),
        "special.multigammaln": _eagerly(lambda np, x: _of(np).multigammaln(x + 1, 3), _POSITIVE),
    }
)
