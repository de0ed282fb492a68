"""erf and erfc.

erf(x) = 1 - e^(-x R(x)) for x >= 0, where R = -log(erfc(x)) / x, which is smooth, is a polynomial.
erfc(x) is e^(-x^2) / (sqrt(pi) (x + D(x))) from 1/2 on, where D is a rational function, which goes to 0
as the continued fraction of erfc does (Abramowitz & Stegun, 7.1.14).
"""

from __future__ import annotations

from minpy.compiler.codegen.functions.doubled import two_product
from minpy.compiler.codegen.functions.exponentials import expm1_of_limited, reduced, scaled
from minpy.compiler.codegen.functions.terms import Term, copysign, fma, minimum, polynomial, where

#: -log(erfc(x)) / x for 0 <= x <= 4, 5.95; error 1.5e-8, 6.2e-18, relative to erf(x)
_EXPONENT_32 = (
    1.12837918, 0.636618539, 0.102786554, -0.0191837115, -0.000116873771, 0.0016486178,
    -0.000646759321, 0.000134656063, -1.53806765e-05, 7.549632e-07,
)  # fmt: skip
_EXPONENT_64 = (
    1.1283791670955126, 0.6366197723675835, 0.10277260330183575, -0.01912844700710599,
    -0.00020919465724901392, 0.001696205999445616, -0.0005901230388367978, 2.586740686211389e-05,
    6.452779355379786e-05, -2.981019492103932e-05, 3.565731391659346e-06, 2.6070076555326013e-06,
    -1.4806176532700145e-06, 9.6568039884922e-08, 3.1572466178355163e-07, -2.500861487351429e-07,
    1.1947950963055578e-07, -4.280445713069599e-08, 1.2265761742262441e-08, -2.8843211388272063e-09,
    5.621092359697492e-10, -9.090768243871025e-11, 1.2143871569568945e-11, -1.3265104668631144e-12,
    1.1657505467945518e-13, -8.041620780113714e-15, 4.1926189315326196e-16, -1.552807148453872e-17,
    3.639772393767137e-19, -4.0579366660769164e-21,
)  # fmt: skip

#: erf(x) / x as a polynomial in x^2, for |x| <= 1/2; relative error 1.4e-9, 4.1e-18
_NEAR_32 = (1.12837917, -0.376126086, 0.112828228, -0.0267571848, 0.00471799125)
_NEAR_64 = (
    1.1283791670955126, -0.37612638903183454, 0.1128379167092367, -0.026866170632345716,
    0.005223977364301149, -0.0008548296986834955, 0.00012053297657701196, -1.484489500107574e-05,
    1.4715989866774836e-06,
)  # fmt: skip

#: 1 / (sqrt(pi) e^(x^2) erfc(x)) - x for 1/2 <= x <= 10.2, 27.3; error 6.7e-9, 1.5e-17, relative to it plus x
_OVER_32 = (0.564164276, 0.440418391, 0.171353126, 0.0308817641)
_UNDER_32 = (1.0, 1.42434048, 0.949080204, 0.342197626, 0.061780402)
_OVER_64 = (
    0.5641895836044364, 0.9498614028492144, 0.8132258386665937, 0.44755983508645286,
    0.17094605308479058, 0.04618845446554065, 0.00863875452987511, 0.001032357901786358,
    6.18794942751947e-05,
)  # fmt: skip
_UNDER_64 = (
    1.0, 2.327660186537244, 2.6673527140252915, 1.9430533161624037, 0.9844013930018223,
    0.35898386434022794, 0.09444162957828013, 0.017401267907106728, 0.0020647158060407506,
    0.00012375898853102962,
)  # fmt: skip

# 1 / sqrt(pi) in two parts.
_FACTOR_32, _FACTOR_64 = (
    (0.564189612865448, -2.9317691711098796e-08),
    (0.5641895835477563, 7.66772980658294e-18),
)


def erf(x: Term) -> Term:
    """The error function."""
    size = minimum(abs(x), x.choose(4, 5.95))
    return copysign(expm1_of_limited(-size * polynomial(size, x.choose(_EXPONENT_32, _EXPONENT_64))), x)


def erfc(x: Term) -> Term:
    """1 - erf(x), of full precision also where it is small."""
    near = fma(-x, polynomial(x * x, x.choose(_NEAR_32, _NEAR_64)), 1)
    size = minimum(abs(x), x.choose(10.2, 27.3))
    square = two_product(size, size)
    r, rest, n = reduced(-square.high, -square.low)
    e = r + rest + 1
    high, low = x.choose(_FACTOR_32, _FACTOR_64)
    over, under = x.choose((_OVER_32, _UNDER_32), (_OVER_64, _UNDER_64))
    far = scaled(fma(e, high, e * low) / (polynomial(size, over) / polynomial(size, under) + size), n)
    return where(abs(x) < 0.5, near, where(x < 0, 2 - far, far))
