"""Samples and domains for ``ops/special``, the functions of ``scipy.special``."""

from __future__ import annotations

import minpy.scipy.special  # noqa: F401  it adds them to the table
from minpy.ops import OPS
from tests.ops.samples import _UNARY_SHAPES, DOMAINS, FLOAT_DTYPES, SAMPLES, Draw, Sample

_SHAPE = (0.5, 4.0)
_PART = (0.1, 1.0)
_INNER = (0.1, 0.9)
_ORDER = (0.0, 3.0)
_ANY = (-2.0, 2.0)
_WHOLE = (0, 4, "int64")
_COUNT = (5, 9, "int64")
#: intervals of the operands -> names
_DOMAINS: tuple[tuple[tuple[tuple, ...], str], ...] = (
    ((_SHAPE,), "gamma gammaln loggamma rgamma digamma cbrt gammasgn spence wrightomega ellipkm1"),
    ((_SHAPE,), "y0 y1 k0 k1 k0e k1e i0e i1e ker kei kerp keip exp1 expi it2struve0"),
    ((_ANY,), "exprel sindg cosdg wofz ber bei berp beip itstruve0 itmodstruve0"),
    (((-60.0, 60.0),), "tandg"),
    (((20.0, 160.0),), "cotdg"),
    ((_ANY,) * 3, "radian"),
    (((0.1, 2.0),), "entr"),
    (((0.1, 1.9),), "erfcinv"),
    ((_PART,), "logit ndtri"),
    (((-4.0, -0.1),), "ndtri_exp"),
    (((-0.9, 0.9),), "erfinv ellipk ellipe"),
    (((-0.9, 2.0),), "log1p"),
    ((_ANY, _SHAPE), "xlogy owens_t"),
    ((_ANY, (-0.5, 4.0)), "xlog1py"),
    (((0.5, 1.0), _ANY), "huber pseudo_huber"),
    ((_ANY, _SHAPE, _SHAPE), "voigt_profile"),
    ((_SHAPE, _SHAPE), "beta betaln gammainc gammaincc rel_entr kl_div poch agm elliprc"),
    (((4.0, 9.0), _SHAPE), "binom"),
    ((_SHAPE, _INNER), "gammaincinv gammainccinv"),
    ((_SHAPE, _SHAPE, _PART), "betainc betaincc btdtr"),
    ((_SHAPE, _SHAPE, _INNER), "betaincinv betainccinv btdtri"),
    (((0, 2, "int64"), (2, 4, "int64"), (-3.0, 3.0), (0.1, 3.0)), "sph_harm"),
    ((_SHAPE, _ANY), "powm1 boxcox hyp0f1"),
    (((-0.5, 4.0), _ANY), "boxcox1p"),
    (((-0.4, 0.4), _ANY), "inv_boxcox inv_boxcox1p"),
    ((_ORDER, _SHAPE), "jv iv ive yv kv kve jve yve hankel1 hankel2 hankel1e hankel2e struve modstruve"),
    ((_SHAPE, _ORDER, _ORDER), "besselpoly"),
    (((0, 3, "int64"), _SHAPE), "expn"),
    ((_SHAPE, _SHAPE, _ANY), "hyp1f1"),
    ((_SHAPE, _SHAPE, _SHAPE), "hyperu wright_bessel log_wright_bessel elliprf elliprd elliprg"),
    ((_SHAPE, _SHAPE, _SHAPE, (-0.8, 0.8)), "hyp2f1"),
    ((_SHAPE,) * 4, "elliprj"),
    (((-5.0, 5.0), (-0.9, 0.9)), "ellipkinc ellipeinc"),
    ((_WHOLE, _SHAPE, _SHAPE, _ANY), "eval_jacobi"),
    ((_WHOLE, (3.0, 5.0), _SHAPE, _ANY), "eval_sh_jacobi"),
    ((_WHOLE, _SHAPE, _ANY), "eval_gegenbauer eval_genlaguerre"),
    ((_WHOLE, _ANY), "eval_legendre eval_chebyt eval_chebyu eval_chebyc eval_chebys eval_laguerre"),
    ((_WHOLE, _ANY), "eval_sh_legendre eval_sh_chebyt eval_sh_chebyu eval_hermite eval_hermitenorm"),
    (((0, 2, "int64"), _SHAPE, (-0.9, 0.9)), "lpmv"),
    (((0.0, 4.0, "float64"), _COUNT, (*_INNER, "float64")), "bdtr bdtrc bdtri"),
    ((_WHOLE, _COUNT, _INNER), "nbdtr nbdtrc nbdtri"),
    (((0.0, 4.0), _SHAPE), "pdtr pdtrc"),
    ((_WHOLE, _INNER), "pdtri"),
    ((_SHAPE,) * 3, "gdtr gdtrc"),
    ((_SHAPE, _SHAPE, _INNER), "gdtrix"),
    ((_INNER, _SHAPE, _SHAPE), "gdtria"),
    ((_SHAPE, _SHAPE), "chdtr chdtrc"),
    ((_SHAPE, _INNER), "chdtri stdtrit"),
    ((_SHAPE,) * 3, "fdtr fdtrc"),
    ((_SHAPE, _SHAPE, _INNER), "fdtri"),
    ((_SHAPE, _ANY), "stdtr"),
    ((_SHAPE,) * 3, "chndtr"),
    ((_INNER, _SHAPE, _SHAPE), "chndtrix"),
    ((_SHAPE,) * 4, "ncfdtr"),
    ((_SHAPE, _SHAPE, _SHAPE, _INNER), "ncfdtri"),
    ((_SHAPE, _ANY, _ANY), "nctdtr"),
    ((_SHAPE, _ANY, _INNER), "nctdtrit"),
    ((_INNER, _SHAPE, _ANY), "nrdtrimn"),
    ((_ANY, (0.6, 0.9), (2.5, 4.0)), "nrdtrisd"),
    ((_ANY, (-0.4, 0.4)), "tklmbda"),
    (((0.1, 2.5),), "kolmogorov"),
    ((_INNER,), "kolmogi"),
    ((_COUNT, _INNER), "smirnov smirnovi"),
)
DOMAINS.update({f"special.{name}": intervals for intervals, names in _DOMAINS for name in names.split()})
_AXES = (((3, 4), (1,)), ((3, 4), (0,)), ((2, 3, 4), (0, 2)), ((5,), (0,)), ((), ()))
_SOFTMAX = [Sample((Draw(shape),), {"axes": axes}, FLOAT_DTYPES) for shape, axes in _AXES]
_PAIRS = (((3, 4), (3, 4)), ((), (4,)), ((3, 1), (4,)), ((0, 3), (3,)), ((), ()))


def _by_order(order: tuple, argument: tuple, **params: object) -> list[Sample]:
    """Functions of an order and an argument."""
    return [Sample((Draw(a, *order), Draw(b, *argument)), params, FLOAT_DTYPES) for a, b in _PAIRS]


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
        "special.gelu": [Sample((Draw((2, 3)),), {}, FLOAT_DTYPES)],
        "special.gelu_gradient": [Sample((Draw((2, 3)), Draw((2, 3))), {}, FLOAT_DTYPES)],
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
SAMPLES.update(
    {
        "special.diric": [
            Sample((Draw(shape, -9, 9),), {"n": n}) for shape in _UNARY_SHAPES for n in (1, 4, 5)
        ],
        "special.comb": [
            *_by_order((4.0, 9.0), _SHAPE, repetition=False),
            *_by_order(_SHAPE, _SHAPE, repetition=True),
        ],
        "special.perm": _by_order((4.0, 9.0), _SHAPE),
        "special.factorial": [
            Sample((Draw(shape, 0.5, 4.0),), {}, FLOAT_DTYPES) for shape in _UNARY_SHAPES[:4]
        ],
        "special.lambertw": [
            Sample((Draw((3, 4), *_SHAPE),), {"k": k, "tol": 1e-8}, FLOAT_DTYPES) for k in (0, -1)
        ],
        **{
            f"special.{name}": [s for n in (0, 1, 3) for s in _by_order(_ORDER, _SHAPE, n=n)]
            for name in ("jvp", "yvp", "ivp", "kvp", "h1vp", "h2vp")
        },
        **{
            f"special.spherical_{kind}n": [
                sample
                for derivative in (False, True)
                for sample in _by_order((0, 3, "int64"), _SHAPE, derivative=derivative)
            ]
            for kind in "jyik"
        },
        "special.legendre_p": [
            s for n in (0, 1, 2) for s in _by_order((0, 4, "int64"), (-0.9, 0.9), diff_n=n)
        ],
        "special.assoc_legendre_p": [
            Sample(
                (Draw((3, 1), 0, 3, "int64"), Draw((4,), -2, 2, "int64"), Draw(shape, -0.9, 0.9)),
                {"branch_cut": 2, "norm": norm, "diff_n": n},
                FLOAT_DTYPES,
            )
            for shape in ((3, 4), (), (0, 3, 4))
            for norm in (False, True)
            for n in (0, 1, 2)
        ],
        "special.sph_legendre_p": [
            Sample(
                (Draw((3, 1), 0, 3, "int64"), Draw((4,), -2, 2, "int64"), Draw(shape, -3, 3)),
                {"diff_n": n},
                FLOAT_DTYPES,
            )
            for shape in ((3, 4), (), (0, 3, 4))
            for n in (0, 1, 2)
        ],
        "special.sph_harm_y": [
            Sample(
                (Draw(a, 0, 3, "int64"), Draw(a, -2, 2, "int64"), Draw(b, -3, 3), Draw(a, -3, 3)),
                {},
                FLOAT_DTYPES,
            )
            for a, b in _PAIRS
        ],
    }
)
for _name in [name for name in SAMPLES if name.startswith("special.") and name not in OPS]:
    del SAMPLES[_name]  # this SciPy lacks it
