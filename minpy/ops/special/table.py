"""How functions of SciPy come into the table."""

from __future__ import annotations

import functools
from typing import Any, Callable

import numpy
from scipy import special

from minpy.errors import UnsupportedError
from minpy.ops.aval import Aval, aval_of, broadcast_shapes, function_dtype
from minpy.ops.op import Op, numpy_function, register, ufunc
from minpy.ops.special.kernels import SCALARS


def scipy_ufunc(name: str, *vjp: Any, mx: Callable | None = None) -> Any:
    """A ufunc of SciPy in the table; None where this SciPy lacks it, or warns of it and so has no ufunc."""
    function = getattr(special, name, None)
    source = f"scipy.special.{name}({{operands}})"
    columns: dict[str, Any] = {"family": "special", "singular": True, "source": source}
    columns["scalar"] = SCALARS.get(name)
    if not isinstance(function, numpy.ufunc):
        return None
    return ufunc(f"special.{name}", function, mx, *vjp, **columns)


def elementwise(name: str, function: Callable, *vjp: Any) -> Op:
    """An op of the table for a function of SciPy that works element by element but is no ufunc.

    Its params are those of ``function`` that stand behind the operands, one for each rule in ``vjp``.
    """

    def infer(*operands: Any, **params: Any) -> Aval:
        dtype = function_dtype(_with(function, tuple(params.items())), *operands)
        return Aval(broadcast_shapes(*[aval_of(x).shape for x in operands]), dtype)

    columns: dict[str, Any] = {"family": "special", "elementwise": True, "singular": True}
    # a function of its own, since eager mode knows an op by it
    return register(
        Op(f"special.{name}", numpy=lambda *x, **k: function(*x, **k), infer=infer, vjp=vjp, **columns)
    )


@functools.lru_cache(maxsize=256)
def _with(function: Callable, params: tuple) -> Callable:
    return functools.partial(function, **dict(params))


@functools.lru_cache(maxsize=256)
def _part(function: Callable, i: int) -> Callable:
    return lambda *args: function(*args)[i]


def several(name: str, *slopes: Any, vjp: tuple | None = None) -> Any:
    """A ufunc of SciPy with several results in the table, and public; None where SciPy lacks it.

    ``slopes`` has for each argument a function ``(ans, *args)`` that gives the derivatives of the results by
    it, or a marker; ``vjp`` has rules instead.
    """
    function = getattr(special, name, None)
    if function is None:
        return None

    def infer(*operands: Any) -> tuple[Aval, ...]:
        shape = broadcast_shapes(*[aval_of(x).shape for x in operands])
        dtypes = (function_dtype(_part(function, i), *operands) for i in range(function.nout))
        return tuple(Aval(shape, dtype) for dtype in dtypes)

    rules = vjp or tuple(_rule(slope) if callable(slope) else slope for slope in slopes)
    op = register(
        Op(f"special.{name}", numpy=function, infer=infer, vjp=rules, family="special", singular=True)
    )

    def call(*args, **options):
        if options or len(args) != function.nin:
            raise UnsupportedError(f"{', '.join(options) or 'an array to write to'}: not compiled")
        return op(*args)

    call.__doc__ = function.__doc__
    numpy_function(function, name=f"special.{name}", arrays=function.nin, mxnet=False)(call)
    return op


def _rule(slopes: Callable) -> Callable:
    def rule(g: Any, ans: Any, *args: Any) -> Any:
        parts = [part * slope for part, slope in zip(g, slopes(ans, *args)) if part is not None]
        return functools.reduce(lambda x, y: x + y, parts)

    return rule
