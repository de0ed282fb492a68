"""Hypergeometric functions and Wright's Bessel function, by their argument."""

from __future__ import annotations

from typing import Any

from minpy.ops.elementwise import exp
from minpy.ops.op import UNDEFINED
from minpy.ops.special.table import scipy_ufunc


def _by_argument(name: str, parameters: int, vjp: Any) -> Any:
    return scipy_ufunc(name, *[UNDEFINED] * parameters, vjp)


# DLMF 16.3.1, 13.3.15, 15.5.1, 13.3.22
hyp0f1: Any = _by_argument("hyp0f1", 1, lambda g, ans, b, z: g * (hyp0f1(b + 1, z) / b))
hyp1f1: Any = _by_argument("hyp1f1", 2, lambda g, ans, a, b, z: g * (a / b * hyp1f1(a + 1, b + 1, z)))
hyp2f1: Any = _by_argument(
    "hyp2f1", 3, lambda g, ans, a, b, c, z: g * (a * b / c * hyp2f1(a + 1, b + 1, c + 1, z))
)
hyperu: Any = _by_argument("hyperu", 2, lambda g, ans, a, b, z: -g * (a * hyperu(a + 1, b + 1, z)))
# DLMF 10.46.1
wright_bessel: Any = _by_argument("wright_bessel", 2, lambda g, ans, a, b, x: g * wright_bessel(a, a + b, x))
log_wright_bessel: Any = _by_argument(
    "log_wright_bessel", 2, lambda g, ans, a, b, x: g * exp(log_wright_bessel(a, a + b, x) - ans)
)
