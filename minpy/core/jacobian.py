"""Products with the Jacobian, and the Jacobian itself.

For ``y = f(x)`` the Jacobian J holds ``dy[i] / dx[j]``. ``vjp`` gives ``g -> g J`` (reverse mode, one
backward pass), ``jvp`` gives ``J t``. Rows of J come from ``vjp`` with unit vectors.
"""

from __future__ import annotations

import functools
from typing import Any, Callable

import numpy

from minpy.compiler.surroundings import Surroundings
from minpy.compiler.trace import ARRAY, Tracer
from minpy.core.gradient import (
    ArgNum,
    as_given,
    boxed_leaf,
    check_function,
    distinct,
    grad,
    name_of,
    position_of,
    selection,
    traced_leaf,
)
from minpy.errors import GradientError, ShapeError, UnsupportedError
from minpy.ops import FUNCTIONS, aval_of, creation
from minpy.ops.aval import is_float
from minpy.ops.scalars import is_scalar
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
        check_function(function, "a vjp is taken of")
        flat: list[Array] = []
        arrays = [
            rebuild(functools.partial(boxed_leaf, which=i, flat=flat), primal)
            for i, primal in enumerate(primals)
        ]
        with Surroundings(), recording() as tape:
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
            (result, g if isinstance(g, Array) else Array(Value(numpy.asarray(g, aval_of(result).dtype))))
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
            found = trace.gradients(seeds, self._flat, self._start)
            filled = iter([creation.zeros_like(x) if g is None else g for x, g in zip(self._flat, found)])
        return tuple(rebuild(lambda x: next(filled), box) for box in self._boxes)


def _check_results(value: Any, function: Any) -> None:
    for _, result in leaves(value):
        if not isinstance(result, (Array, float, numpy.ndarray, numpy.generic)):
            raise GradientError(f"{name_of(function)} gave a {type(result).__name__}, not arrays of floats")
        if not is_float(aval_of(result).dtype):
            raise GradientError(f"{name_of(function)} gave {aval_of(result)}; a gradient needs floats")


def _paired(
    value: Any, cotangent: Any, what: str = "a cotangent", of: str = "the value"
) -> list[tuple[Any, Any]]:
    """The leaves of both in the same places. Raises ShapeError where they differ."""
    results, parts = dict(leaves(value)), dict(leaves(cotangent))
    if results.keys() != parts.keys():
        raise ShapeError(
            f"{what} is not nested like {of}: that has {_places(results)}, and {what} {_places(parts)}"
        )
    for step in results:
        have, want = numpy.shape(parts[step]), numpy.shape(results[step])
        if have != want:
            raise ShapeError(f"{what} has shape {have}, {of} has {want}")
    return [(results[step], parts[step]) for step in results]


def _places(found: dict[Any, Any]) -> str:
    if list(found) == [()]:
        return "one array"
    places = ["".join(f"[{step!r}]" for step in steps) for steps in found]
    return f"arrays at {', '.join(places)}" if places else "no array"


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
    check_function(function, "a jvp is taken of")
    for name, given in ("primals", primals), ("tangents", tangents):
        if not isinstance(given, (tuple, list)):
            raise TypeError(f"{name} is a tuple with one for each argument, not a {type(given).__name__}")
    _paired(tuple(primals), tuple(tangents), "a tangent", "its argument")
    value, _ = vjp(function, *primals)

    def along(u):
        _, pull = vjp(function, *primals)
        return _inner(pull(u), tuple(tangents))

    tangent = grad(along)(rebuild(creation.ones_like, value))
    of_value = iter([x for _, x in leaves(value)])
    return value, rebuild(lambda x: x[()] if is_scalar(next(of_value)) else x, tangent)


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
    """A function that computes the Jacobian of ``function``.

    Args:
        function: gives an array of floats, or a nested tuple, list or dict of them.
        argnum: the position or name of the argument to differentiate, or a list of them: an array, or a
            nested tuple, list or dict of arrays.

    The result has the shape of the value followed by that of the argument: ``result[i, j]`` is
    ``d value[i] / d argument[j]``. For a nested argument it is nested like that, for a list of arguments it
    is a list; for a nested value there is one in place of each array. Python numbers give a number. It costs
    one backward pass for each element of the value, two for complex elements by real arguments. By complex
    arguments it is the derivative of holomorphic functions.
    """
    check_function(function, "a Jacobian is taken of")
    selection(argnum)

    def compute(*args, **kwargs):
        partial, argument = _partial(function, argnum, args, kwargs)
        value, pull = vjp(partial, argument)
        results = [x for _, x in leaves(value)]
        numbers = iter(range(len(results)))
        return rebuild(lambda x: _rows(next(numbers), results, value, pull), value)

    return compute


def _rows(number: int, results: list, value: Any, pull: Any) -> Any:
    """The Jacobian of one of the arrays in ``value``, nested like the argument."""
    result = results[number]
    zeros = [creation.zeros_like(x) for x in results]

    def pulled(g):
        following = iter([*zeros[:number], g, *zeros[number + 1 :]])
        return pull(rebuild(lambda x: next(following), value))[0]

    def row(g):
        found = pulled(g)
        if result.dtype.kind != "c":
            return found
        imaginary = iter([x for _, x in leaves(pulled(-1j * g))])  # a real argument gets the real part alone
        return rebuild(lambda x: _joined(x, next(imaginary)), found)

    shape, size = result.shape, result.size
    if not shape:
        return row(creation.ones_like(result))
    if size == 0:
        return rebuild(lambda x: creation.zeros(shape + numpy.shape(x), result.dtype), row(zeros[number]))
    rows = [row(_reshape(_unit(i, size, result.dtype), shape)) for i in range(size)]
    columns = iter([_stack(column) for column in zip(*[[x for _, x in leaves(row)] for row in rows])])
    return rebuild(lambda x: _reshape(next(columns), shape + numpy.shape(x)), rows[0])


def _joined(real: Any, imaginary: Any) -> Any:
    return real if numpy.iscomplexobj(real) else real + 1j * imaginary


def _partial(function: Callable, argnum: Any, args: Any, kwargs: Any) -> tuple[Callable, Any]:
    """``function`` as one of a single argument, and the argument: a list for a list of them."""
    selected = argnum if isinstance(argnum, (tuple, list)) else [argnum]
    places = [_place(function, which, args, kwargs) for which in selected]
    given = [kwargs[place] if isinstance(place, str) else args[place] for place in places]

    def partial(x):
        arguments, named = list(args), dict(kwargs)
        for place, value in zip(places, x if isinstance(argnum, (tuple, list)) else [x]):
            if isinstance(place, str):
                named[place] = value
            else:
                arguments[place] = value
        return function(*arguments, **named)

    return partial, given if isinstance(argnum, (tuple, list)) else given[0]


def _place(function: Callable, which: Any, args: Any, kwargs: Any) -> Any:
    """Where an argument is given: its name or its position."""
    if isinstance(which, str):
        return which if which in kwargs else position_of(function, which)
    return which


def _unit(position: int, size: int, dtype: Any) -> Any:
    return creation.eye(1, size, position, dtype)[0]


def hessian(function: Callable, argnum: ArgNum = 0) -> Callable:
    """A function that computes the matrix of second derivatives of a scalar ``function``.

    For an argument of shape s the result has shape s + s. For a nested argument, or several, it is nested as
    the argument is, twice: ``hessian(f)(p)["w"]["b"]`` holds the derivatives by ``p["w"]`` and ``p["b"]``.
    """
    return jacobian(grad(function, argnum), argnum)


def hvp(function: Callable, argnum: ArgNum = 0) -> Callable:
    """A function ``(*args, vector) -> Hessian times vector``, for the cost of about two gradients.

    ``vector`` has the form and the shapes of the argument; the Hessian itself is never made.
    """
    check_function(function, "a product with the Hessian is taken of")
    selection(argnum)

    def compute(*args, **kwargs):
        *primals, vector = args
        partial, argument = _partial(function, argnum, primals, kwargs)
        _paired((argument,), (vector,), "the vector", "the argument")
        _, pull = vjp(grad(partial), argument)
        return pull(vector)[0]  # a Hessian is symmetric

    return compute


def elementwise_grad(function: Callable, argnum: int = 0) -> Callable:
    """The derivative of a function whose every result element depends on one element of the argument.

    For such a function the gradient of the sum is the derivative of each element.
    """
    return grad(function, argnum)
