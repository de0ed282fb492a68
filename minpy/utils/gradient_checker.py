"""Compare gradients with numeric derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import numpy

from minpy.core import grad
from minpy.core.gradient import check_function
from minpy.errors import GradientError

_STEP = 6e-6  # about the cube root of float64's precision, the best for central differences


def quick_grad_check(
    function: Callable,
    arg: Any,
    extra_args: Sequence[Any] = (),
    kwargs: dict[str, Any] | None = None,
    verbose: bool = True,
    eps: float = _STEP,
    rtol: float = 1e-4,
    atol: float = 1e-6,
    rs: numpy.random.RandomState | None = None,
) -> bool:
    """Check the gradient with respect to the first argument along one random direction.

    Args:
        function: gives one number.
        arg: the first argument, a float or an array of floats; computed with in float64.
        extra_args: the further positional arguments; ``kwargs`` those by name.
        eps: the step of the central difference.
        rs: where the direction comes from; a generator of its own by default.

    Returns:
        True where both derivatives agree.

    Raises:
        GradientError: where they do not; the text has both numbers.
    """
    check_function(function, "quick_grad_check takes")
    rs = rs if rs is not None else numpy.random.RandomState(0)
    kwargs = kwargs or {}
    x = numpy.asarray(arg, dtype="float64")
    direction = rs.standard_normal(x.shape)
    direction = direction / numpy.sqrt(numpy.sum(direction**2))
    up = float(function(x + eps / 2 * direction, *extra_args, **kwargs))
    down = float(function(x - eps / 2 * direction, *extra_args, **kwargs))
    numeric = (up - down) / eps
    analytic = float(numpy.sum(numpy.asarray(grad(function)(x, *extra_args, **kwargs)) * direction))
    if not abs(numeric - analytic) <= atol + rtol * abs(analytic):
        raise GradientError(f"the gradient along a direction is {analytic}, the numeric derivative {numeric}")
    if verbose:
        print(f"Gradient projection OK (numeric grad: {numeric}, analytic grad: {analytic})")
    return True


def check_gradients(
    function: Callable,
    *args: Any,
    argnum: int | Sequence[int] | None = None,
    eps: float = _STEP,
    rtol: float = 1e-4,
    atol: float = 1e-6,
) -> None:
    """Check every element of the gradient with respect to every array argument of floats.

    Args:
        function: gives a number, or an array, whose elements are summed.
        args: its arguments; those of floats are computed with in float64.
        argnum: which arguments to check; all floats by default.

    Raises:
        TypeError: where ``argnum`` is no position of an argument of floats.
        GradientError: naming the argument, its worst element, and by how much that is off.
    """
    check_function(function, "check_gradients takes")
    values = [numpy.array(a, dtype="float64") if _is_float(a) else a for a in args]
    chosen = [i for i, a in enumerate(args) if _is_float(a)]
    if argnum is not None:
        chosen = [argnum] if isinstance(argnum, int) else list(argnum)
        for number in chosen:
            if not (isinstance(number, int) and 0 <= number < len(args) and _is_float(args[number])):
                raise TypeError(f"argnum is a position of an argument of floats, or several, not {number!r}")
    if not chosen:
        raise GradientError("there is nothing to check: no argument is a float or an array of floats")

    def total(x: numpy.ndarray, position: int) -> float:
        return float(numpy.sum(numpy.asarray(function(*values[:position], x, *values[position + 1 :]))))

    for position in chosen:
        x = values[position]
        analytic = numpy.asarray(grad(function, position)(*values))
        numeric = numpy.zeros_like(x)
        for index in numpy.ndindex(*x.shape):
            up, down = x.copy(), x.copy()
            up[index] += eps / 2
            down[index] -= eps / 2
            numeric[index] = (total(up, position) - total(down, position)) / eps
        excess = numpy.abs(analytic - numeric) - (atol + rtol * numpy.abs(numeric))
        excess = numpy.where(numpy.isnan(excess), numpy.inf, excess)
        if excess.size and excess.max() > 0:
            worst = tuple(int(i) for i in numpy.unravel_index(int(numpy.argmax(excess)), x.shape))
            raise GradientError(
                f"argument {position}: {int((excess > 0).sum())} of {x.size} elements are off; the worst is "
                f"{list(worst)}: the gradient says {analytic[worst]}, the numeric derivative {numeric[worst]}"
            )


def _is_float(x: Any) -> bool:
    dtype = getattr(x, "dtype", None)
    return isinstance(x, float) or (dtype is not None and dtype.kind == "f")
