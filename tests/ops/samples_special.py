"""Samples and domains for ``ops/special.py`` and ``ops/bessel.py``, the functions of ``scipy.special``."""

from __future__ import annotations

import minpy.scipy.special  # noqa: F401  it adds them to the table
from tests.ops.samples import _UNARY_SHAPES, DOMAINS, FLOAT_DTYPES, SAMPLES, Draw, Sample

_SHAPE = (0.5, 4.0)
_PART = (0.1, 1.0)
_ORDER = (0.0, 3.0)
_TWO = {
    **dict.fromkeys(("beta", "betaln", "gammainc", "gammaincc", "rel_entr", "kl_div"), (_SHAPE, _SHAPE)),
    **dict.fromkeys(("jv", "iv", "ive", "yv", "kv", "kve"), (_ORDER, _SHAPE)),
    "xlogy": ((-2.0, 2.0), _SHAPE),
    "xlog1py": ((-2.0, 2.0), (-0.5, 4.0)),
    "huber": ((0.5, 1.0), (-2.0, 2.0)),
    "pseudo_huber": ((0.5, 1.0), (-2.0, 2.0)),
}
_POSITIVE = ("gamma", "gammaln", "loggamma", "rgamma", "digamma", "cbrt")
_KELVIN = ("y0", "y1", "k0", "k1", "k0e", "k1e", "i0e", "i1e", "gammasgn")

DOMAINS.update(
    {
        **{f"special.{name}": intervals for name, intervals in _TWO.items()},
        **{f"special.{name}": (_SHAPE,) for name in (*_POSITIVE, *_KELVIN)},
        "special.entr": ((0.1, 2.0),),
        "special.erfcinv": ((0.1, 1.9),),
        "special.logit": (_PART,),
        "special.ndtri": (_PART,),
        "special.erfinv": ((-0.9, 0.9),),
        "special.log1p": ((-0.9, 2.0),),
        "special.betainc": (_SHAPE, _SHAPE, _PART),
    }
)
_AXES = (((3, 4), (1,)), ((3, 4), (0,)), ((2, 3, 4), (0, 2)), ((5,), (0,)), ((), ()))
_SOFTMAX = [Sample((Draw(shape),), {"axes": axes}, FLOAT_DTYPES) for shape, axes in _AXES]
_PAIRS = (((3, 4), (3, 4)), ((), (4,)), ((3, 1), (4,)), ((0, 3), (3,)), ((), ()))

SAMPLES.update(
    {
        **{
            f"special.{name}": [
                *[Sample((Draw(a, 0, 3, "int64"), Draw(b, *_SHAPE)), {}, FLOAT_DTYPES) for a, b in _PAIRS],
                *[Sample((n, Draw((3, 4), *_SHAPE)), {}, FLOAT_DTYPES) for n in (0, 1, 2)],
            ]
            for name in ("polygamma", "yn", "kn")
        },
        "special.zeta": [Sample((Draw(a, 1.5, 4.0, "float64"), Draw(b, *_SHAPE))) for a, b in _PAIRS[:1]],
        "special.multigammaln": [
            Sample((Draw(shape, 2.5, 5.0),), {"d": d}, FLOAT_DTYPES)
            for shape in _UNARY_SHAPES
            for d in (1, 3)
        ],
        "special.softmax": _SOFTMAX,
        "special.log_softmax": _SOFTMAX,
        "special.logsumexp": [
            *[
                sample._replace(params={**sample.params, "keepdims": keepdims})
                for sample in _SOFTMAX
                for keepdims in (False, True)
                if sample.params["axes"] or not keepdims
            ],
            Sample((Draw((3, 4)), Draw((4,), 0.5, 2.0)), {"axes": (0,), "keepdims": False}, FLOAT_DTYPES),
        ],
    }
)
