"""Differentiation: ``grad``, ``grad_and_loss``, ``value_and_grad``.

A function that is jitted is differentiated by the compiler, forward and backward as one graph; any
other function, or one that does not compile as a whole, on the eager tape. The results are the same.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from collections.abc import Sequence
from typing import Any, Callable, NamedTuple, Union

import numpy

from minpy.compiler import routes
from minpy.compiler.eager import compiles_now
from minpy.compiler.jit import JitFunction
from minpy.compiler.joint import Wanted
from minpy.compiler.plans import Plan
from minpy.compiler.surroundings import Surroundings
from minpy.compiler.trace import ARRAY, ARRAY_SCALAR, FLOAT, NDARRAY, Tracer
from minpy.errors import GradientError, GradientWarning, UnsupportedError
from minpy.ops import FUNCTIONS, creation, elementwise
from minpy.ops.aval import aval_of, is_float
from minpy.ops.scalars import is_scalar
from minpy.runtime.array import Array, Value
from minpy.runtime.leftovers import leftover_policy
from minpy.runtime.location import warn_at_user
from minpy.runtime.routes import Routed, Routes
from minpy.runtime.scalar import Scalar
from minpy.runtime.tape import recording
from minpy.runtime.tree import Field, leaves, rebuild

_asarray = FUNCTIONS["asarray"]

ArgNum = Union[int, str, Sequence[Union[int, str]]]


def check_function(function: Any, what: str) -> None:
    """Raise TypeError for what cannot be called; the text begins with ``what`` needs a function."""
    if not callable(function):
        raise TypeError(f"{what} a function, not {function!r}")


def selection(argnum: ArgNum) -> list[Any]:
    """The positions and names in ``argnum``. Raises TypeError where it has anything else, or nothing."""
    selected = list(argnum) if isinstance(argnum, (list, tuple)) else [argnum]
    if not selected or not all(isinstance(n, (int, str)) and not isinstance(n, bool) for n in selected):
        raise TypeError(f"argnum is a position, a name, or a list of these, not {argnum!r}")
    return selected


class _Differentiated(Routed):
    """A function that computes gradients of another; base of what ``grad`` and its kin return."""

    def __init__(self, function: Callable, argnum: ArgNum):
        check_function(function, "a gradient is taken of")
        functools.update_wrapper(self, function, updated=())
        self.routes = Routes(None, isinstance(function, types.MethodType))
        self.function = function
        self.argnum = argnum
        self.selected = selection(argnum)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def call_slowly(self, *args: Any, **kwargs: Any) -> Any:
        """A call that no route is for."""
        with Surroundings():
            gradients, value, joint = _differentiate(self.function, self.selected, args, kwargs)
            if joint is not None and joint.call.function.target.is_simple:
                self._add_route(*joint)
            return self._made(gradients, value)

    def _made(self, gradients: list, value: Any) -> Any:
        return self.result(self._shaped(gradients), value)

    def arranged(self, args: tuple, kwargs: dict[str, Any]) -> tuple | None:
        """The arguments of a call in the order of the parameters of the jitted function."""
        function: Any = self.function
        if isinstance(function, types.MethodType):
            function, args = function.__func__, (function.__self__, *args)
        return function.target.values(args, kwargs)

    def _add_route(self, call: JointCall, plan: Plan) -> None:
        """Let calls take the short way to a plan, from its second call on: many a gradient has only one.

        Not where they would pass by a plan before it.
        """
        function, known = call.function, self.routes.known
        assert function.root is not None
        for other in function.root.plans.of_signature(plan.signature):
            is_on_route = known.get(other.meter)
            if other is plan:
                if is_on_route is None:
                    is_second = plan.meter in known
                    values = function.target.values(call.args, call.kwargs)
                    known[plan.meter] = None
                    if is_second and values is not None:
                        known[plan.meter] = routes.of_gradient(
                            self.routes, plan, function.root, values, call.names, self._made
                        )
                return
            if not is_on_route:
                return

    def joint_call(self, args: tuple, kwargs: dict[str, Any]) -> JointCall | None:
        """What a compiled graph of value and gradients is called with, for ``explain``."""
        arguments, named = list(args), dict(kwargs)
        targets = _targets(self.function, self.selected, arguments, named)
        _boxed(targets)
        _show_as_arrays(arguments, named)
        return _joint_call(self.function, targets, arguments, named)

    def _shaped(self, gradients: list) -> Any:
        return gradients if isinstance(self.argnum, (list, tuple)) else gradients[0]

    def result(self, gradients: Any, value: Any) -> Any:
        """What the caller gets."""
        raise NotImplementedError

    def __minpy_jit__(self, jit: Callable) -> _Differentiated:
        """The same of the jitted function: where the gradient does not compile as a whole, that does."""
        return type(self)(jit(self.function), self.argnum)

    def __minpy_lower__(self, lowering: Any, args: list, kwargs: dict[str, Any]) -> Any:
        """Inside a compiled function: record the function, then its backward, in the same graph."""
        trace = lowering.trace
        args, kwargs = list(args), dict(kwargs)
        flat: list[Tracer] = []
        originals = []

        def leaf(x: Any) -> Tracer:
            made = traced_leaf(trace, x)
            flat.append(made.snapshot())
            return made

        with trace.in_namespace(ARRAY):
            for target in _targets(self.function, self.selected, args, kwargs):
                holder, key = target
                originals.append(lowering.plain(holder[key]))
                holder[key] = rebuild(leaf, originals[-1])
            _show_as_arrays(args, kwargs, lowering.plain)
        start = len(trace.eqns)
        value = lowering.call(lowering.reference(self.function), args, kwargs)
        if not isinstance(value, Tracer):
            raise UnsupportedError("the function that is differentiated does not return an array")
        with trace.in_namespace(ARRAY):
            seed = trace.constant(numpy.ones(value.shape, value.dtype))
            found = trace.gradients([(value, seed)], flat, start)
            gradients = [creation.zeros_like(x) if g is None else g for x, g in zip(flat, found)]
        filled = iter([Tracer(trace, g.atom, _kind_as(x)) for x, g in zip(flat, gradients)])
        gradients = [rebuild(lambda x: next(filled), original) for original in originals]
        return self.result(self._shaped(gradients), value)


def traced_leaf(trace: Any, x: Any) -> Tracer:
    """A leaf of an argument as a variable that a gradient inside a compiled function can be taken to."""
    if isinstance(x, (int, float)) or (isinstance(x, Tracer) and x.kind == FLOAT):
        raise UnsupportedError("a gradient with respect to a Python number is a Python number")
    if not isinstance(x, Tracer):
        x = trace.constant(numpy.asarray(x))
    if not is_float(x.dtype):
        raise UnsupportedError("a gradient with respect to integers is taken")
    leaf = elementwise.copy(x)
    return Tracer(trace, leaf.atom, _kind_as(x))


def _kind_as(x: Any) -> str:
    return ARRAY_SCALAR if is_scalar(x) else ARRAY


class Gradient(_Differentiated):
    """Returns the gradient."""

    def result(self, gradients: Any, value: Any) -> Any:
        return gradients


class GradientAndLoss(_Differentiated):
    """Returns (gradient, value)."""

    def result(self, gradients: Any, value: Any) -> Any:
        return gradients, value


class ValueAndGradient(_Differentiated):
    """Returns (value, gradient)."""

    def result(self, gradients: Any, value: Any) -> Any:
        return value, gradients


def grad(function: Callable, argnum: ArgNum = 0) -> Gradient:
    """A function that computes the gradient of ``function``.

    Args:
        function: returns one number or array of floats. The gradient of an array is that of the sum
            of its elements.
        argnum: the position or name of the argument to differentiate, or a list of them. The
            argument is a float, an array, or a nested tuple, list, dict or dataclass of arrays.

    Returns:
        A function with the same arguments that returns the gradient, of the shape and dtype of the
        argument; for a list of arguments a list, in its order. Python numbers give Python floats.

    Raises (when called):
        GradientError: an argument is not of floats, the result is not, or an op on the way has no
            gradient.
    """
    return Gradient(function, argnum)


def grad_and_loss(function: Callable, argnum: ArgNum = 0) -> GradientAndLoss:
    """Like ``grad``, but the returned function gives (gradient, value)."""
    return GradientAndLoss(function, argnum)


def value_and_grad(function: Callable, argnum: ArgNum = 0) -> ValueAndGradient:
    """Like ``grad``, but the returned function gives (value, gradient)."""
    return ValueAndGradient(function, argnum)


for _maker in (grad, grad_and_loss, value_and_grad):
    setattr(_maker, "__minpy_pure__", True)  # noqa: B010  # a compiled function may call it


class Joint(NamedTuple):
    """A call for which one graph gave value and gradients, and its plan."""

    call: JointCall
    plan: Plan


def _differentiate(
    function: Callable, selected: Sequence[int | str], args: tuple, kwargs: dict[str, Any]
) -> tuple[list, Any, Joint | None]:
    """Gradients of ``function`` with respect to the selected arguments, its value, and how it was found."""
    arguments, named = list(args), dict(kwargs)
    targets = _targets(function, selected, arguments, named)
    originals, flat = _boxed(targets)
    _show_as_arrays(arguments, named)
    call, joint = _joint_call(function, targets, arguments, named), None
    found = call and call.function.value_and_gradients(call.args, call.kwargs, call.wanted)
    if call is not None and found is not None:
        value, gradients = found.value, found.gradients
        joint = Joint(call, found.plan)
    else:
        policy = leftover_policy() if call is not None and compiles_now() else None
        with policy or contextlib.nullcontext():
            value, gradients = _taped(function, targets, arguments, named, flat)
    _warn_where_nothing_flows(function, targets, gradients)
    filled = iter(creation.zeros_like(x) if g is None else g for g, x in zip(gradients, flat))
    numbers = [rebuild(lambda x: as_given(next(filled), x), original) for original in originals]
    return numbers, _as_number(value, originals), joint


def _boxed(targets: list[tuple[Any, Any]]) -> tuple[list, list[Array]]:
    """Make arrays of the leaves of the selected arguments; gives what was there, and the arrays."""
    originals = [holder[key] for holder, key in targets]
    flat: list[Array] = []
    for (holder, key), original in zip(targets, originals):
        holder[key] = rebuild(functools.partial(boxed_leaf, which=key, flat=flat), original)
    return originals, flat


def _show_as_arrays(args: list, kwargs: dict[str, Any], plain: Callable | None = None) -> None:
    """Let arrays show the NumPy arrays among the arguments: a method of those, such as ``x.dot(w)``, takes no
    gradient through an array of MinPy.

    Args:
        plain: gives what stands for an argument of a compiled function.
    """
    shown: dict[int, Any] = {}
    both: list[tuple[Any, Any]] = [(args, range(len(args))), (kwargs, list(kwargs))]
    for holder, keys in both:
        for key in keys:
            x = plain(holder[key]) if plain else holder[key]
            if isinstance(x, Tracer) and x.kind == NDARRAY:
                holder[key] = x.as_kind(ARRAY)
            elif type(x) is numpy.ndarray and x.dtype.kind in "biufc":
                holder[key] = shown.setdefault(id(x), _asarray(x))


def _warn_where_nothing_flows(function: Any, targets: Any, gradients: list) -> None:
    """Warn of an argument, all leaves of which have no gradient; a derivative may well be constant."""
    if isinstance(function, _Differentiated) or all(gradient is not None for gradient in gradients):
        return
    following = iter(gradients)
    for holder, key in targets:
        found = [next(following) for _ in leaves(holder[key])]
        if found and all(gradient is None for gradient in found):
            name = f"argument {key}" if isinstance(key, int) else f"argument {key!r}"
            warn_at_user(
                f"the gradient of {name_of(function)} for {name} is zero: its value does not depend on it "
                "by operations that a gradient flows through (integers, comparisons, float(x) and "
                "stop_gradient stop it)",
                GradientWarning,
            )


def _targets(function: Any, selected: Sequence[Any], args: list, kwargs: dict) -> list[tuple[Any, Any]]:
    """Where the selected arguments are: (args or kwargs, position or name)."""
    result: list[tuple[Any, Any]] = []
    for which in selected:
        if isinstance(which, str):
            if which in kwargs:
                result.append((kwargs, which))
                continue
            which = position_of(function, which)
        if which < len(args) and which >= -len(args):
            result.append((args, which % len(args)))
            continue
        parameters = list(inspect.signature(function).parameters.values())
        if 0 <= which < len(parameters):
            name, default = parameters[which].name, parameters[which].default
            if name not in kwargs and default is not inspect.Parameter.empty:
                kwargs[name] = default
            if name in kwargs:
                result.append((kwargs, name))
                continue
        raise TypeError(
            f"argument {which} of {name_of(function)} is to be differentiated (argnum), but {len(args)} "
            "were given"
        )
    return result


def position_of(function: Any, name: str) -> int:
    """The position of the argument ``name``. Raises TypeError where there is none."""
    names = list(inspect.signature(function).parameters)
    if name not in names:
        raise TypeError(f"{name_of(function)} has no argument {name!r}; it has {', '.join(names)}")
    return names.index(name)


def boxed_leaf(x: Any, which: Any, flat: list[Array]) -> Array:
    """A leaf of an argument as an array that the gradient can be taken to; also put into ``flat``."""
    if not isinstance(x, Array) and (
        isinstance(x, (bool, str)) or not isinstance(x, (int, float, complex, numpy.ndarray, numpy.generic))
    ):
        raise GradientError(
            f"argument {which} holds a {type(x).__name__}; a gradient needs floats, "
            "or nested tuples, lists, dicts and dataclasses of them"
        )
    # A handle of its own: the function changes an argument alone, even where another one is the same array.
    array = type(x)(x._current()) if isinstance(x, Array) else _kind(x)(Value(numpy.asarray(x)))
    if array.dtype.kind in "iu":
        array = array.astype(numpy.float64)  # as NumPy does for a derivative of integers by hand
    if not is_float(array.dtype):
        raise GradientError(f"argument {which} is of {array.dtype}; a gradient needs floats")
    flat.append(array)
    return array


def _kind(x: Any) -> type[Array]:
    return Scalar if is_scalar(x) else Array


def as_given(gradient: Array, original: Any) -> Any:
    """A Python number's gradient is a Python number; an array's, even one without axes, is an array."""
    if type(original) is Array is type(gradient):
        return gradient
    if type(original) in (int, float, complex) and not gradient.is_traced():
        return gradient.item()
    kind = _kind(original)
    return gradient if type(gradient) is kind else kind(gradient)


def _as_number(value: Any, originals: Sequence[Any]) -> Any:
    """Python numbers in, a Python number out."""
    if not isinstance(value, Array) or value.shape or value.is_traced():
        return value
    numbers = all(type(x) in (int, float, complex) for original in originals for _, x in leaves(original))
    return value.item() if numbers else value


class JointCall(NamedTuple):
    """A call of a jitted function, and the arrays in its arguments that a gradient is taken of."""

    function: JitFunction
    args: tuple
    kwargs: dict[str, Any]
    wanted: Wanted
    names: list[str]  # of the arguments that a gradient is taken of


def _joint_call(function: Any, targets: Any, args: list, kwargs: dict) -> JointCall | None:
    """The call that a compiled graph of value and gradients stands for, where ``function`` is jitted."""
    first: list[Any] = []
    if isinstance(function, types.MethodType):
        function, first = function.__func__, [function.__self__]
    if not isinstance(function, JitFunction):
        return None
    wanted: list[tuple] = []
    names: list[str] = []
    for holder, key in targets:
        place = function.target.place_of(key + len(first) if isinstance(key, int) else key)
        if place is None:
            return None
        if any(isinstance(step, Field) for steps, _ in leaves(holder[key]) for step in steps):
            return None
        name, steps_before = place
        names.append(name)
        wanted.extend((name, (*steps_before, *steps), array) for steps, array in leaves(holder[key]))
    return JointCall(function, (*first, *args), kwargs, wanted, names)


def _taped(function: Callable, targets: Any, args: list, kwargs: dict, flat: list[Array]) -> Any:
    """By running the function on the eager tape."""
    with recording() as tape:
        boxes = [tape.leaf(array) for array in flat]
        following = iter(boxes)
        for holder, key in targets:
            holder[key] = rebuild(lambda x: next(following), holder[key])
        value = function(*args, **kwargs)
        if not isinstance(value, (Array, int, float, numpy.ndarray, numpy.generic)):
            raise GradientError(
                f"{name_of(function)} returned a {type(value).__name__}; a gradient needs one number or array"
            )
        if not isinstance(value, Array):
            return value, [None] * len(flat)
        if not is_float(value.dtype):
            raise GradientError(f"{name_of(function)} returned {aval_of(value)}; a gradient needs floats")
        one = numpy.ones(value.shape, value.dtype) if value.shape else numpy.array(1, value.dtype)
        seed = Array(Value(one, context=value.context))
        return value, distinct(tape.gradients([(value, seed)], boxes))


def distinct(gradients: list) -> list:
    """Gradients as arrays of their own, which can be written without changing anything else."""
    seen: set[int] = set()
    result = []
    for gradient in gradients:
        if gradient is not None:
            shared = id(gradient._value) in seen or gradient._value.recorded
            if shared or not gradient._value.is_writeable:
                gradient = gradient.copy()
            seen.add(id(gradient._value))
        result.append(gradient)
    return result


def name_of(function: Any) -> str:
    return getattr(function, "__qualname__", None) or getattr(function, "__name__", None) or repr(function)
