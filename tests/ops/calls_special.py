"""Calls of the functions of ``scipy.special`` that are no ufuncs."""

from __future__ import annotations

from typing import Any

import numpy
import scipy
import scipy.special

import minpy.scipy.special
from minpy.ops import FUNCTIONS
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


def _pair(name: str, before: tuple, *intervals: tuple) -> list[Call]:
    """A function with several results, of parameters and operands."""
    return _eagerly(
        lambda np, *x: getattr(_of(np), name)(*before, *x),
        *[Draw((3, 4) if i == 0 else (4,), *interval) for i, interval in enumerate(intervals)],
    )


def _number(name: str, *before: Any) -> list[Call]:
    """A function of parameters and a number."""
    return _eagerly(lambda np, x: getattr(_of(np), name)(*before, x[()]), Draw((), 0.2, 0.8, "float64"))


_POSITIVE = Draw((3, 4), 0.5, 4.0)
_NEAR = (-0.9, 0.9)
_FAR = (1.1, 2.0)
_FARTHER = (2.5, 4.0)
_UP = (0.5, 4.0)

#: Functions with several results. In float32 SciPy's own of some are nan, or do not come to an end.
SEVERAL: dict[str, list[Call]] = {
    "special.airy": _pair("airy", (), (-2.0, 2.0)),
    "special.airye": _pair("airye", (), _UP),
    "special.ellipj": _pair("ellipj", (), (-4.0, 4.0), _NEAR),
    "special.fresnel": _pair("fresnel", (), (-2.0, 2.0)),
    "special.sici": _pair("sici", (), _UP),
    "special.shichi": _pair("shichi", (), _UP),
    "special.modfresnelp": _pair("modfresnelp", (), (0.5, 4.0, "float64")),
    "special.modfresnelm": _pair("modfresnelm", (), (0.5, 4.0, "float64")),
    "special.kelvin": _pair("kelvin", (), _UP),
    **{
        f"special.{name}": _pair(name, (), _UP)
        for name in ("itj0y0", "iti0k0", "it2j0y0", "it2i0k0", "itairy")
    },
    **{f"special.{name}": _pair(name, (1.5,), _UP) for name in ("pbdv", "pbvv", "pbwa")},
    "special.mathieu_cem": _pair("mathieu_cem", (2, 1.5), (-90.0, 90.0, "float64")),
    "special.mathieu_sem": _pair("mathieu_sem", (2, 1.5), (-90.0, 90.0, "float64")),
    **{
        f"special.mathieu_mod{kind}": _pair(f"mathieu_mod{kind}", (2, 1.5), (0.5, 1.5, "float64"))
        for kind in ("cem1", "cem2", "sem1", "sem2")
    },
    **{
        f"special.{name}{end}": _pair(f"{name}{end}", (1, 2, 3.0, *value), (*x, "float64"))
        for name, x in (
            *(("pro_ang1", _NEAR), ("pro_rad1", _FAR), ("pro_rad2", _FARTHER)),
            *(("obl_ang1", _NEAR), ("obl_rad1", _UP), ("obl_rad2", _FARTHER)),
        )
        for end, value in (("", ()), ("_cv", (getattr(scipy.special, f"{name[:3]}_cv")(1, 2, 3.0),)))
    },
    "special.lqn": _number("lqn", 3),
    "special.lqmn": _number("lqmn", 2, 3),
    "special.lpn": _number("lpn", 3),
    "special.lpmn": _number("lpmn", 2, 3),
    "special.clpmn": _number("clpmn", 2, 3),
    "special.lmbda": [*_number("lmbda", 2.5), *_number("lmbda", 2)],
    "special.riccati_jn": _number("riccati_jn", 3),
    "special.riccati_yn": _number("riccati_yn", 3),
    "special.pbdv_seq": _number("pbdv_seq", 2.5),
    "special.pbvv_seq": _number("pbvv_seq", 2.5),
    "special.pbdn_seq": [*_number("pbdn_seq", 3), *_number("pbdn_seq", -3)],
}
#: Where SciPy's own functions crash, are rough, or take numbers only, before its version 1.15.
OFF = frozenset(
    f"special.{name}"
    for name in (
        *(f"{form}_rad{kind}{end}" for form in ("pro", "obl") for kind in (1, 2) for end in ("", "_cv")),
        *("lqn", "lqmn", "modfresnelp", "ncfdtr", "ncfdtri"),
    )
    if tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 15)
)
SEVERAL = {name: calls for name, calls in SEVERAL.items() if name in FUNCTIONS and name not in OFF}

CALLS.update(
    {
        **SEVERAL,
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
        "special.assoc_laguerre": _eagerly(lambda np, x: _of(np).assoc_laguerre(x, 3, 1.5), _POSITIVE),
        "special.comb": [
            *_eagerly(lambda np, x: _of(np).comb(x + 5, x), _POSITIVE),
            *_eagerly(lambda np, x: _of(np).comb(x, 3), _POSITIVE),
            *_eagerly(lambda np, x: _of(np).comb(x, 2.5, repetition=True), _POSITIVE),
        ],
        "special.perm": _eagerly(lambda np, x: _of(np).perm(x + 5, x), _POSITIVE),
        "special.factorial": _eagerly(lambda np, x: _of(np).factorial(x - 1.5), _POSITIVE),
        "special.diric": _eagerly(lambda np, x: _of(np).diric(x * 4, 5), _POSITIVE),
        "special.lambertw": [
            *_eagerly(lambda np, x: _of(np).lambertw(x), _POSITIVE),
            *_eagerly(lambda np, x: _of(np).lambertw(-x / 20, -1), _POSITIVE),
        ],
        **{
            f"special.{name}": [
                *_eagerly(lambda np, x, name=name: getattr(_of(np), name)(1, x), _POSITIVE),
                *_eagerly(lambda np, x, name=name: getattr(_of(np), name)(1.5, x, 2), _POSITIVE),
            ]
            for name in ("jvp", "yvp", "ivp", "kvp", "h1vp", "h2vp")
        },
        **{
            f"special.spherical_{kind}n": [
                *_eagerly(lambda np, x, kind=kind: getattr(_of(np), f"spherical_{kind}n")(2, x), _POSITIVE),
                *_eagerly(
                    lambda np, x, kind=kind: getattr(_of(np), f"spherical_{kind}n")([[0], [1], [3]], x, True),
                    _POSITIVE,
                ),
            ]
            for kind in "jyik"
        },
    }
)
if hasattr(scipy.special, "softplus"):
    _softplus = Call(lambda np, x: _of(np).softplus(x), (_POSITIVE,), False, True, kernels=True)
    CALLS["special.softplus"] = [_softplus]
if hasattr(scipy.special, "legendre_p"):
    _inner = Draw((3,), *_NEAR)
    CALLS.update(
        {
            "special.legendre_p": _eagerly(lambda np, x: _of(np).legendre_p(3, x, diff_n=2), _inner),
            "special.legendre_p_all": _eagerly(lambda np, x: _of(np).legendre_p_all(3, x, diff_n=1), _inner),
            "special.assoc_legendre_p": _eagerly(
                lambda np, x: _of(np).assoc_legendre_p(3, 1, x, norm=True, diff_n=2), _inner
            ),
            "special.assoc_legendre_p_all": _eagerly(
                lambda np, x: _of(np).assoc_legendre_p_all(3, 2, x + 3, branch_cut=3, diff_n=1), _inner
            ),
            "special.sph_legendre_p": _eagerly(
                lambda np, x: _of(np).sph_legendre_p(3, 1, x, diff_n=1), _inner
            ),
            "special.sph_legendre_p_all": _eagerly(lambda np, x: _of(np).sph_legendre_p_all(3, 2, x), _inner),
            "special.sph_harm_y": _eagerly(lambda np, x, y: _of(np).sph_harm_y(3, -2, x, y), _inner, _inner),
            "special.sph_harm_y_all": _eagerly(
                lambda np, x, y: _of(np).sph_harm_y_all(3, 2, x, y[0]), _inner, _inner
            ),
        }
    )
