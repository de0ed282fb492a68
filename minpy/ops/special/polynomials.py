"""Orthogonal polynomials by their argument (DLMF 18.9.15 to 18.9.26)."""

from __future__ import annotations

from typing import Any

from scipy import special

from minpy.ops.logic import equal, where_op
from minpy.ops.op import UNDEFINED, numpy_function
from minpy.ops.special.table import scipy_ufunc


def _polynomial(name: str, parameters: int, slope: Any) -> Any:
    """``slope(n, *parameters, x)`` is asked for degrees from 1 on; that of degree 0 is 0."""

    def vjp(g: Any, ans: Any, n: Any, *others: Any) -> Any:
        is_constant = equal(n, 0)
        return g * where_op(is_constant, 0, slope(where_op(is_constant, 1, n), *others))

    return scipy_ufunc(name, *[UNDEFINED] * (1 + parameters), vjp)


jacobi: Any = _polynomial(
    "eval_jacobi", 2, lambda n, a, b, x: 0.5 * (n + a + b + 1) * jacobi(n - 1, a + 1, b + 1, x)
)
# monic, so a derivative is n times one of them
sh_jacobi: Any = _polynomial("eval_sh_jacobi", 2, lambda n, p, q, x: n * sh_jacobi(n - 1, p + 2, q + 1, x))
gegenbauer: Any = _polynomial("eval_gegenbauer", 1, lambda n, a, x: 2 * a * gegenbauer(n - 1, a + 1, x))
legendre: Any = _polynomial("eval_legendre", 0, lambda n, x: 0.5 * (n + 1) * jacobi(n - 1, 1.0, 1.0, x))
sh_legendre: Any = _polynomial(
    "eval_sh_legendre", 0, lambda n, x: (n + 1) * jacobi(n - 1, 1.0, 1.0, 2 * x - 1)
)
chebyt: Any = _polynomial("eval_chebyt", 0, lambda n, x: n * chebyu(n - 1, x))
chebyu: Any = _polynomial("eval_chebyu", 0, lambda n, x: 2 * gegenbauer(n - 1, 2.0, x))
chebyc: Any = _polynomial("eval_chebyc", 0, lambda n, x: n * chebys(n - 1, x))
chebys: Any = _polynomial("eval_chebys", 0, lambda n, x: gegenbauer(n - 1, 2.0, 0.5 * x))
sh_chebyt: Any = _polynomial("eval_sh_chebyt", 0, lambda n, x: 2 * n * sh_chebyu(n - 1, x))
sh_chebyu: Any = _polynomial("eval_sh_chebyu", 0, lambda n, x: 4 * gegenbauer(n - 1, 2.0, 2 * x - 1))
hermite: Any = _polynomial("eval_hermite", 0, lambda n, x: 2 * n * hermite(n - 1, x))
hermitenorm: Any = _polynomial("eval_hermitenorm", 0, lambda n, x: n * hermitenorm(n - 1, x))
genlaguerre: Any = _polynomial("eval_genlaguerre", 1, lambda n, a, x: -genlaguerre(n - 1, a + 1, x))
laguerre: Any = _polynomial("eval_laguerre", 0, lambda n, x: -genlaguerre(n - 1, 1.0, x))


@numpy_function(special.assoc_laguerre, name="special.assoc_laguerre", mxnet=False)
def assoc_laguerre(x, n, k=0.0):
    """The generalized Laguerre polynomial of degree ``n``."""
    return genlaguerre(n, k, x)
