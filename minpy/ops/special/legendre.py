"""Legendre functions and spherical harmonics, by their argument (DLMF 14.2.2, 14.10.5, 14.30)."""

from __future__ import annotations

from typing import Any, Callable

import numpy
from scipy import special

from minpy.ops.aval import Aval, aval_of, broadcast_shapes
from minpy.ops.data import static
from minpy.ops.elementwise import exp, maximum, sin, sqrt
from minpy.ops.logic import equal, less, where_op
from minpy.ops.op import NOT_DIFFERENTIABLE, UNDEFINED, Op, numpy_function, refuse, register
from minpy.ops.shape import stack
from minpy.ops.special.table import elementwise, scipy_ufunc

lpmv: Any = scipy_ufunc(
    "lpmv",
    NOT_DIFFERENTIABLE,
    UNDEFINED,
    lambda g, ans, m, v, x: g * (((m - v - 1) * lpmv(m, v + 1, x) + (v + 1) * x * ans) / (1 - x * x)),
)


def _sph_harm_by_polar(g: Any, ans: Any, m: Any, n: Any, theta: Any, phi: Any) -> Any:
    def term(order: Any, sign: int) -> Any:
        return exp(sign * 1j * theta) * sph_harm(order, n, theta, phi)

    return g * _ladder(term, n, m, phi)


# The one of older versions, which counts angles and numbers the other way round.
sph_harm: Any = scipy_ufunc(
    "sph_harm",
    *(NOT_DIFFERENTIABLE, NOT_DIFFERENTIABLE),
    *(lambda g, ans, m, n, theta, phi: g * (1j * m * ans), _sph_harm_by_polar),
)


# Of every degree, and order --------------------------------------------------------------------


def _whole(**numbers: Any) -> list[int]:
    """Numbers that have to be known, and whole."""
    known = {name: static(x, name) for name, x in numbers.items()}
    refuse(**{name: "no whole number" for name, x in known.items() if x.ndim or x.dtype.kind not in "iu"})
    return [int(x) for x in known.values()]


def _grid(n: int, m: int | None, ndim: int) -> tuple[Any, ...]:
    """Degrees 0 to n, and orders 0 to m, -m to -1, on axes of their own in front of ``ndim`` others."""
    orders = () if m is None else (numpy.append(numpy.arange(m + 1), numpy.arange(-m, 0)),)
    grid = numpy.meshgrid(numpy.arange(n + 1), *orders, indexing="ij")
    return tuple(numbers.reshape(numbers.shape + (1,) * ndim) for numbers in grid)


def _of_all(name: str, slope: Callable) -> Any:
    """The op for what SciPy gives for every degree up to ``n``, and every order up to ``m``.

    ``slope(i, op, ans, degree, order, *operands, **options)`` is the derivative by the i-th operand.
    """
    function = getattr(special, f"{name}_all")

    def run(*x: Any, n: int, m: int | None = None, **options: Any) -> Any:
        found = function(*((n,) if m is None else (n, m)), *x, **options)
        return found[options["diff_n"]] if options else found

    def infer(*x: Any, **params: Any) -> Aval:
        return aval_of(run(*[numpy.full(shape, 0.5, dtype) for shape, dtype in map(aval_of, x)], **params))

    def rule(i: int) -> Callable:
        def vjp(g: Any, ans: Any, *x: Any, n: int, m: int | None = None, **options: Any) -> Any:
            def same(*numbers_and_x: Any, **options: Any) -> Any:
                return op(*x, n=n, **({} if m is None else {"m": m}), **options)

            ndim = len(broadcast_shapes(*[aval_of(operand).shape for operand in x]))
            return g * slope(i, same, ans, *_grid(n, m, ndim), *x, **options)

        return vjp

    op = register(Op(f"special.{name}_all", numpy=run, infer=infer, vjp=rule, family="special"))
    return op


# Derivatives -----------------------------------------------------------------------------------


def _legendre_slope(op: Callable, ans: Any, *args: Any, diff_n: int, **options: Any) -> Any:
    """The third derivative comes from (1 - z**2) f'' = 2z f' - (n (n + 1) - m**2 / (1 - z**2)) f."""
    if diff_n < 2:
        return op(*args, diff_n=diff_n + 1, **options)
    n, m, z = args[0], args[1] if len(args) > 2 else 0, args[-1]
    value, slope = (op(*args, diff_n=d, **options) for d in (0, 1))
    down = 1 - z * z
    pole = m * m / down
    return (4 * z * ans + (2 - n * (n + 1) + pole) * slope + 2 * z * pole / down * value) / down


def _ladder(term: Callable, n: Any, m: Any, theta: Any) -> Any:
    """The derivative by theta of Y of degree n and order m, from the neighboring orders.

    SciPy takes sin(theta) without its sign.
    """
    parts = []
    for step in (1, -1):
        factor = maximum((n - step * m) * (n + step * m + 1), 0)
        order = where_op(equal(factor, 0), m, m + step)  # there is none above the degree
        parts.append(sqrt(1.0 * factor) * term(order, -step))
    return where_op(less(sin(theta), 0), -0.5, 0.5) * (parts[0] - parts[1])


def _with_derivatives(name: str, orders: int, slope: Callable) -> tuple[Any, Any, Any]:
    """The op for a derivative of order ``diff_n``, by its degree and ``orders`` more numbers.

    And two functions that put those of orders 0 to ``diff_n`` together as SciPy does: of the operands of this
    op, and of all degrees. ``slope(op, ans, *operands, **options)`` is the derivative by the last operand.
    """
    function = getattr(special, name)

    def run(*args: Any, diff_n: int, **options: Any) -> Any:
        return function(*args, diff_n=diff_n, **options)[diff_n]

    def vjp(g: Any, ans: Any, *args: Any, **options: Any) -> Any:
        return g * slope(op, ans, *args, **options)

    op = elementwise(name, run, *[NOT_DIFFERENTIABLE] * (1 + orders), vjp)
    op_of_all = _of_all(name, lambda i, *args, **options: slope(*args, **options))

    def together(each: Callable) -> Callable:
        def function(diff_n: int, *args: Any, **params: Any) -> Any:
            refuse(diff_n=None if diff_n in (0, 1, 2) else diff_n)
            return stack.implementation([each(*args, diff_n=d, **params) for d in range(diff_n + 1)])

        return function

    return op, together(op), together(op_of_all)


def _sph_slope(op: Any, ans: Any, n: Any, m: Any, theta: Any, diff_n: int) -> Any:
    return _ladder(lambda order, _: _sph_op(n, order, theta, diff_n=diff_n), n, m, theta)


def _harmonic_slope(i: int, op: Any, ans: Any, n: Any, m: Any, theta: Any, phi: Any) -> Any:
    if i == 1:
        return 1j * m * ans
    return _ladder(lambda order, sign: exp(sign * 1j * phi) * _harmonic_op(n, order, theta, phi), n, m, theta)


if hasattr(special, "legendre_p"):
    _, _legendre, _legendre_all = _with_derivatives("legendre_p", 0, _legendre_slope)
    _, _assoc, _assoc_all = _with_derivatives("assoc_legendre_p", 1, _legendre_slope)
    _sph_op, _sph, _sph_all = _with_derivatives("sph_legendre_p", 1, _sph_slope)
    _harmonic_op = elementwise(
        *("sph_harm_y", special.sph_harm_y, NOT_DIFFERENTIABLE, NOT_DIFFERENTIABLE),
        lambda g, ans, *args: g * _harmonic_slope(0, None, ans, *args),
        lambda g, ans, *args: g * _harmonic_slope(1, None, ans, *args),
    )
    _harmonic_all = _of_all("sph_harm_y", _harmonic_slope)

    @numpy_function(special.legendre_p, name="special.legendre_p", arrays=2, mxnet=False)
    def legendre_p(n, z, *, diff_n=0):
        """The Legendre polynomial of degree ``n`` and its first ``diff_n`` derivatives."""
        return _legendre(diff_n, n, z)

    @numpy_function(special.legendre_p_all, name="special.legendre_p_all", arrays=2, mxnet=False)
    def legendre_p_all(n, z, *, diff_n=0):
        """``legendre_p`` of every degree up to ``n``."""
        (n,) = _whole(n=n)
        return _legendre_all(diff_n, z, n=n)

    @numpy_function(special.assoc_legendre_p, name="special.assoc_legendre_p", arrays=3, mxnet=False)
    def assoc_legendre_p(n, m, z, *, branch_cut=2, norm=False, diff_n=0):
        """The associated Legendre function of degree ``n`` and order ``m``, with derivatives."""
        (branch_cut,) = _whole(branch_cut=branch_cut)
        return _assoc(diff_n, n, m, z, branch_cut=branch_cut, norm=bool(norm))

    @numpy_function(special.assoc_legendre_p_all, name="special.assoc_legendre_p_all", arrays=3, mxnet=False)
    def assoc_legendre_p_all(n, m, z, *, branch_cut=2, norm=False, diff_n=0):
        """``assoc_legendre_p`` of every degree and order up to ``n`` and ``m``."""
        n, m, branch_cut = _whole(n=n, m=m, branch_cut=branch_cut)
        return _assoc_all(diff_n, z, n=n, m=m, branch_cut=branch_cut, norm=bool(norm))

    @numpy_function(special.sph_legendre_p, name="special.sph_legendre_p", arrays=3, mxnet=False)
    def sph_legendre_p(n, m, theta, *, diff_n=0):
        """The spherical Legendre function of degree ``n`` and order ``m``, with derivatives."""
        return _sph(diff_n, n, m, theta)

    @numpy_function(special.sph_legendre_p_all, name="special.sph_legendre_p_all", arrays=3, mxnet=False)
    def sph_legendre_p_all(n, m, theta, *, diff_n=0):
        """``sph_legendre_p`` of every degree and order up to ``n`` and ``m``."""
        n, m = _whole(n=n, m=m)
        return _sph_all(diff_n, theta, n=n, m=m)

    @numpy_function(special.sph_harm_y, name="special.sph_harm_y", arrays=4, mxnet=False)
    def sph_harm_y(n, m, theta, phi, *, diff_n=0):
        """The spherical harmonic of degree ``n`` and order ``m``."""
        refuse(diff_n=diff_n or None)
        return _harmonic_op(n, m, theta, phi)

    @numpy_function(special.sph_harm_y_all, name="special.sph_harm_y_all", arrays=4, mxnet=False)
    def sph_harm_y_all(n, m, theta, phi, *, diff_n=0):
        """``sph_harm_y`` of every degree and order up to ``n`` and ``m``."""
        refuse(diff_n=diff_n or None)
        n, m = _whole(n=n, m=m)
        return _harmonic_all(theta, phi, n=n, m=m)
