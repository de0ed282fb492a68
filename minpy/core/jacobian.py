"""Products with the Jacobian, and the Jacobian itself.

For ``y = f(x)`` the Jacobian J holds ``dy[i] / dx[j]``. ``vjp`` gives ``g -> g J`` (reverse mode, one
backward pass), ``jvp`` gives ``J t``. Rows of J come from ``vjp`` with unit vectors.
"""

from __future__ import annotations

import functools
from typing import Any, Callable

import numpy

from minpy.compiler.trace import ARRAY, Tracer
from minpy.core.gradient import (
    ArgNum,
    as_given,
    boxed_leaf,
    distinct,
    grad,
    name_of,
    position_of,
    traced_leaf,
)
from minpy.errors import GradientError, ShapeError, UnsupportedError
from minpy.ops import FUNCTIONS, aval_of, creation
from minpy.ops.aval import is_float
from minpy.runtime.array import Array, Value
from minpy.runtime.tape import GradientPath, recording
from minpy.runtime.tree import leaves, rebuild

_sum, _stack, _reshape = FUNCTIONS["sum"], FUNCTIONS["stack"], FUNCTIONS["reshape"]


class _Vjp:
    """``vjp``; a class, so that it can say how it is compiled."""

    __name__ = "vjp"

    def __call__(self, function: Callable, *primals: Any) -> tuple[Any, Pullback]:
        """The value of ``function`` at ``primals`` and the map from cotangents back.

        Args:
            function: gives an array of floats, or a nested tuple, list or dict of them.
            primals: its arguments: floats, arrays, or nested tuples, lists and dicts of arrays.

        Returns:
            The value, and ``pull``: ``pull(g)`` takes a cotangent of the form and the shapes of the value
            and gives a tuple with one cotangent for each argument. It may be called any number of times.

        Raises:
            GradientError: an argument or a result is not of floats.
        """
        flat: list[Array] = []
        arrays = [
            rebuild(functools.partial(boxed_leaf, which=i, flat=flat), primal)
            for i, primal in enumerate(primals)
        ]
        with recording() as tape:
            boxes = [tape.leaf(array) for array in flat]
            following = iter(boxes)
            value = function(*[rebuild(lambda x: next(following), array) for array in arrays])
            _check_results(value, function)
            path = tape.path(boxes, stays=True)
        return value, Pullback(path, value, primals, boxes)

    def __minpy_lower__(self, lowering: Any, args: list, kwargs: dict[str, Any]) -> Any:
        """Inside a compiled function: record the function; the pullback records its backward."""
        trace, (function, *primals) = lowering.trace, args
        flat: list[Tracer] = []

        def leaf(x: Any) -> Tracer:
            made = traced_leaf(trace, x)
            flat.append(made.snapshot())
            return made

        with trace.in_namespace(ARRAY):
            boxes = [rebuild(leaf, lowering.plain(primal)) for primal in primals]
        start = len(trace.eqns)
        value = lowering.call(function, boxes, {})
        for _, result in leaves(value):
            if not isinstance(result, Tracer) or not is_float(result.dtype):
                raise UnsupportedError("a vjp is taken of a function that gives more than arrays of floats")
        return value, TracedPullback(trace, start, value, boxes, flat)


vjp = _Vjp()


class Pullback:
    """Takes a cotangent of the value to cotangents of the arguments."""

    def __init__(self, path: GradientPath, value: Any, primals: tuple, boxes: list[Array]):
        self._path = path
        # handles of its own: the caller may change the value in place
        self._value = rebuild(lambda x: Array(x._current()) if isinstance(x, Array) else x, value)
        self._primals = primals
        self._boxes = boxes

    def __call__(self, cotangent: Any) -> tuple:
        """The cotangents of the arguments. Raises ShapeError where ``cotangent`` does not fit the value."""
        seeds = [
            (result, _as_cotangent(g, aval_of(result)))
            for result, g in _paired(self._value, cotangent)
            if isinstance(result, Array)
        ]
        found = distinct(self._path.pull_back(seeds))
        filled = iter(creation.zeros_like(x) if g is None else g for g, x in zip(found, self._boxes))
        return tuple(rebuild(lambda x: as_given(next(filled), x), primal) for primal in self._primals)


class TracedPullback:
    """The same inside a compiled function."""

    def __init__(self, trace: Any, start: int, value: Any, boxes: list, flat: list[Tracer]):
        self._trace = trace
        self._start = start
        self._value = rebuild(lambda x: x.snapshot(), value)  # the caller may change the value in place
        self._boxes = boxes
        self._flat = flat

    def __minpy_lower__(self, lowering: Any, args: list, kwargs: dict[str, Any]) -> tuple:
        trace = self._trace
        with trace.in_namespace(ARRAY):
            seeds = [
                (result, g if isinstance(g, Tracer) else trace.constant(numpy.asarray(g)))
                for result, g in _paired(self._value, lowering.plain(args[0]))
            ]
            for result, g in seeds:
                if g.shape != result.shape:
                    raise ShapeError(_mismatch(g.shape, result.shape))
            found = trace.gradients(seeds, self._flat, self._start)
            filled = iter([creation.zeros_like(x) if g is None else g for x, g in zip(self._flat, found)])
        return tuple(rebuild(lambda x: next(filled), box) for box in self._boxes)


def _check_results(value: Any, function: Any) -> None:
    for _, result in leaves(value):
        if not isinstance(result, (Array, float, numpy.ndarray, numpy.generic)):
            raise GradientError(f"{name_of(function)} gave a {type(result).__name__}, not arrays of floats")
        if not is_float(aval_of(result).dtype):
            raise GradientError(f"{name_of(function)} gave {aval_of(result)}; a gradient needs floats")


def _paired(value: Any, cotangent: Any) -> list[tuple[Any, Any]]:
    results, parts = dict(leaves(value)), dict(leaves(cotangent))
    if list(results) != list(parts):
        raise ShapeError("the cotangent is not nested like the value")
    return [(results[step], parts[step]) for step in results]


def _as_cotangent(g: Any, aval: Any) -> Array:
    array = g if isinstance(g, Array) else Array(Value(numpy.asarray(g, aval.dtype)))
    if array.shape != aval.shape:
        raise ShapeError(_mismatch(array.shape, aval.shape))
    return array


def _mismatch(have: tuple, want: tuple) -> str:
    return f"a cotangent has shape {have}, the value has {want}"


def jvp(function: Callable, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """The value of ``function`` at ``primals`` and its derivative along ``tangents``.

    Args:
        function: gives an array of floats, or a nested tuple, list or dict of them.
        primals: a tuple or list of its arguments: arrays of floats, or nested tuples, lists and dicts.
        tangents: directions, nested like the primals and of their shapes.

    Returns:
        (value, tangent of the value), both of one form.

    The derivative comes from reverse mode twice: ``pull`` is linear in the cotangent, and the gradient
    of ``<pull(u), t>`` with respect to ``u`` is ``J t``
    (https://j-towns.github.io/2017/06/12/A-new-trick.html).
    """
    value, _ = vjp(function, *primals)

    def along(u):
        _, pull = vjp(function, *primals)
        return _inner(pull(u), tuple(tangents))

    return value, grad(along)(rebuild(creation.ones_like, value))


def _inner(x: Any, y: Any) -> Any:
    """The sum of the products of elements in the same place."""
    if isinstance(x, dict):
        return _inner([x[key] for key in x], [y[key] for key in x])
    if not isinstance(x, (tuple, list)):
        return _sum(x * y)
    total = 0.0
    for part, other in zip(x, y):
        total = total + _inner(part, other)
    return total


def jacobian(function: Callable, argnum: ArgNum = 0) -> Callable:
    """A function that computes the Jacobian of ``function``, which gives one array of floats.

    Args:
        argnum: the position or name of the argument to differentiate, or a list of them: an array, or a
            nested tuple, list or dict of arrays.

    The result has the shape of the value followed by that of the argument: ``result[i, j]`` is
    ``d value[i] / d argument[j]``. For a nested argument it is nested like that, for a list of arguments it
    is a list. It costs one backward pass for each element of the value.
    """
    if isinstance(argnum, (tuple, list)):
        parts = [jacobian(function, n) for n in argnum]
        return lambda *args, **kwargs: [part(*args, **kwargs) for part in parts]

    def compute(*args, **kwargs):
        partial, argument = _partial(function, argnum, args, kwargs)
        value, pull = vjp(partial, argument)
        if isinstance(value, (tuple, list, dict)):
            raise GradientError("a Jacobian is that of a function which gives one array")
        size = 1
        for n in value.shape:
            size = size * n
        rows = []
        for i in range(size):
            rows.append(pull(_reshape(_unit(i, size, value.dtype), value.shape))[0])
        if size == 0:
            return creation.zeros(value.shape + argument.shape, value.dtype)
        return _stacked(rows, value.shape)

    return compute


def _partial(function: Callable, argnum: Any, args: Any, kwargs: Any) -> tuple[Callable, Any]:
    """``function`` as one of a single argument, and the argument."""
    if isinstance(argnum, str):
        if argnum in kwargs:
            return lambda x: function(*args, **{**kwargs, argnum: x}), kwargs[argnum]
        argnum = position_of(function, argnum)
    if argnum < 0:
        argnum = argnum + len(args)

    def partial(x):
        return function(*args[:argnum], x, *args[argnum + 1 :], **kwargs)

    return partial, args[argnum]


def _stacked(rows: list, shape: tuple[int, ...]) -> Any:
    """Cotangents for each element of a value of this ``shape``, as arrays with its axes in front."""
    first = rows[0]
    if isinstance(first, dict):
        return {key: _stacked([row[key] for row in rows], shape) for key in first}
    if isinstance(first, (tuple, list)):
        return type(first)([_stacked([row[i] for row in rows], shape) for i in range(len(first))])
    return _reshape(_stack(rows), shape + getattr(first, "shape", ()))


def _unit(position: int, size: int, dtype: Any) -> Any:
    return creation.eye(1, size, position, dtype)[0]


def hessian(function: Callable, argnum: int | str = 0) -> Callable:
    """A function that computes the matrix of second derivatives of a scalar ``function``.

    For an argument of shape s the result has shape s + s.
    """
    return jacobian(grad(function, argnum), argnum)


def hvp(function: Callable, argnum: int | str = 0) -> Callable:
    """A function ``(*args, vector) -> Hessian times vector``, for the cost of about two gradients.

    ``vector`` has the form and the shapes of the argument; the Hessian itself is never made.
    """

    def compute(*args, **kwargs):
        *primals, vector = args
        partial, argument = _partial(function, argnum, primals, kwargs)
        return grad(lambda x: _inner(grad(partial)(x), vector))(argument)

    return compute


def elementwise_grad(function: Callable, argnum: int = 0) -> Callable:
    """The derivative of a function whose every result element depends on one element of the argument.

    For such a function the gradient of the sum is the derivative of each element.
    """
    return grad(function, argnum)
