"""Gradients of your own: ``customop``, ``custom_gradient``, and ways to steer the backward pass."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from typing import Any, Callable

import numpy

from minpy.core.gradient import check_function, name_of
from minpy.errors import GradientError, GradientWarning, ShapeError
from minpy.ops import OPS, Op, aval_of
from minpy.ops.creation import zeros_like
from minpy.ops.op import UNDEFINED, ZERO, Box
from minpy.runtime.array import Array, Value
from minpy.runtime.context import current_context
from minpy.runtime.dispatch import run_op
from minpy.runtime.location import user_place, warn_at_user
from minpy.runtime.native import is_mxnet_array
from minpy.runtime.tape import live_tape, off_tape, recording
from minpy.runtime.tree import leaves, rebuild


class CustomOp(Op):
    """An operation written by the user on arrays of NumPy or MXNet; made by ``customop``."""

    def __init__(self, function: Callable, library: str):
        check_function(function, "customop takes")
        super().__init__(
            getattr(function, "__name__", "customop"),
            numpy=function,
            infer=_unknown,
            vjp=self._rule,
            family="custom",
        )
        functools.update_wrapper(self, function)
        self.library = library
        self.execute = self._execute
        self._gradients: dict[int, Callable] = {}
        self.__minpy_opaque__ = f"{self.name} is a custom operator, its body runs as it is"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        op = self
        if kwargs:
            args = inspect.signature(self.numpy).bind(*args, **kwargs).args
        values = [x._current() for x in args if isinstance(x, Array)]
        if len(self._gradients) < len(args) and live_tape(values):
            op = CustomOp.__new__(CustomOp)  # which knows the line, for the error
            op.__dict__.update(vars(self), where=user_place())
        return run_op(op, args, {})

    def _native(self, x: Any) -> Any:
        """An array, whoever's it is, as one of the operator's library; anything else as it is."""
        if type(x) is Value or (
            isinstance(x, numpy.ndarray) if self.library == "mxnet" else is_mxnet_array(x)
        ):
            x = Array(x)
        if isinstance(x, Array):
            return x.shown() if self.library == "numpy" else x._current().mxnet()
        return x

    def _execute(self, values: tuple) -> tuple[Value, ...]:
        result = _alone(self.name, lambda: self.numpy(*[self._native(value) for value in values]))
        if isinstance(result, (tuple, list)):
            raise GradientError(f"{self.name}: a custom operator gives one array, not {len(result)}")
        return (_result(_as_value(result), values),)

    def def_grad(self, gradient: Callable, argnum: int = 0) -> Callable:
        """Register the gradient with respect to argument ``argnum``.

        Args:
            gradient: ``gradient(ans, *args)`` gives a function ``g -> cotangent of the argument``, all in
                arrays of the operator's library.
            argnum: the position of the argument.

        Raises:
            TypeError: where ``gradient`` is not callable or ``argnum`` not a position.
        """
        if not callable(gradient):
            raise TypeError(f"def_grad takes a function, not {gradient!r}")
        if isinstance(argnum, bool) or not isinstance(argnum, int) or argnum < 0:
            raise TypeError(f"argnum is the position of an argument, not {argnum!r}")
        self._gradients[argnum] = gradient
        return gradient

    def _rule(self, position: int) -> Any:
        gradient = self._gradients.get(position)
        if gradient is None:
            return UNDEFINED

        def execute(values: tuple) -> tuple[Value, ...]:
            g, ans, *args = map(self._native, values)
            pull = gradient(ans, *args)
            if not callable(pull):
                raise GradientError(
                    f"{self.name}: what def_grad was given for argument {position} has to give a function "
                    f"g -> cotangent, not {pull!r}"
                )
            value = _as_value(pull(g.copy()))  # which it may change
            wanted = aval_of(values[2 + position]).shape
            if value.aval.shape != wanted:
                raise GradientError(
                    f"{self.name}: the gradient for argument {position} has shape {value.aval.shape}, "
                    f"the argument has {wanted}"
                )
            return (value,)

        # An op without a gradient of its own, so that a second derivative is an error and not a zero.
        op = Op(f"the gradient of {self.name}", numpy=self.numpy, infer=_unknown, family="custom")
        op.execute = execute
        return lambda g, ans, *args: run_op(op, (g, ans, *args), {})


def _unknown(*args: Any) -> Any:
    raise AssertionError("a custom operator is run to know its result")


def _as_value(x: Any) -> Value:
    if isinstance(x, Array) or is_mxnet_array(x):
        return Array(x)._current()
    return Value(numpy.asarray(x), context=current_context())


def customop(library: str = "numpy") -> Callable[[Callable], CustomOp]:
    """Decorator: make a function of arrays an operator whose gradient you define.

    Args:
        library: 'numpy' or 'mxnet': which arrays the function and its gradients work on.

    Example::

        @customop('numpy')
        def square(x):
            return x * x

        square.def_grad(lambda ans, x: lambda g: g * 2 * x)

    Raises:
        ValueError: for another library.
    """
    if library not in ("numpy", "mxnet"):
        hint = "; write @customop('numpy')" if callable(library) else ""
        raise ValueError(f"customop works on 'numpy' or 'mxnet' arrays, not {library!r}{hint}")

    def decorate(function: Callable) -> CustomOp:
        return CustomOp(function, library)

    return decorate


class _WithGradient(Op):
    """One call of a function under ``custom_gradient``, with the backward function it gave."""

    def __init__(self, name: str, backward: Callable[[Sequence[Any], tuple], list], values: tuple):
        super().__init__(name, numpy=_unknown, infer=_unknown, family="custom")
        self.execute = lambda _: values
        self._backward = backward

    def pull_back(self, wanted: Any, g: Any, ans: Any, args: tuple, params: dict) -> dict[int, Any]:
        parts, results = (g, ans) if isinstance(g, tuple) else ((g,), (ans,))
        filled = [zeros_like(x) if g is None else g for g, x in zip(parts, results)]
        cotangents = self._backward(filled, args)
        found = {i: cotangents[i] for i in wanted if cotangents[i] is not None}
        for i, cotangent in found.items():
            have, want = numpy.shape(cotangent), args[i].shape
            if not _is_sum_to(have, want):
                raise ShapeError(
                    f"{self.name}: a cotangent has shape {have}, the array that it is of has {want}"
                )
        return found


def _is_sum_to(shape: tuple, wanted: tuple) -> bool:
    """Whether an array of ``wanted`` shape could have been broadcast to this one."""
    last = shape[len(shape) - len(wanted) :]
    return len(shape) >= len(wanted) and all(m in (n, 1) for n, m in zip(last, wanted))


def custom_gradient(function: Callable) -> Callable:
    """Decorator: ``function(*arrays)`` gives ``(value, backward)``, and ``backward`` is its gradient.

    ``backward(g)`` gives the cotangent of each positional argument (a tuple for several; None for zero),
    nested like that, in ``minpy.numpy`` operations, so that it can be differentiated again; for that
    ``function`` runs once more, so it should have no side effects then. The value is an array or a nested
    tuple, list or dict of them, and ``g`` is nested like it. Arguments by name are settings without a
    gradient.

    Raises:
        GradientError: ``function`` gives something else, or ``backward`` another number of cotangents.
    """

    check_function(function, "custom_gradient takes")

    @functools.wraps(function)
    def wrapper(*args: Any, **settings: Any) -> Any:
        args = _held(args)
        detached = rebuild(lambda x: Array(x._current().alias()) if isinstance(x, Array) else x, args)
        found = _alone(function.__name__, lambda: function(*detached, **settings))
        if not (isinstance(found, (tuple, list)) and len(found) == 2 and callable(found[1])):
            raise GradientError(
                f"{function.__name__}: a function under custom_gradient gives (value, backward), where "
                "backward(g) gives the cotangents of the arguments"
            )
        value, first_backward = found

        def cotangents(parts: Sequence[Any], operands: tuple) -> list:
            backward = first_backward
            if live_tape([x._current() for x in operands]):  # of a gradient around: what it reads is recorded
                following = iter(operands)
                again = rebuild(lambda x: next(following) if isinstance(x, Array) else x, args)
                _, backward = function(*again, **settings)
            following = iter(parts)
            found = backward(rebuild(lambda x: next(following).copy(), value))  # which it may change
            is_alone = len(args) == 1 and (
                not isinstance(found, (tuple, list)) or isinstance(args[0], (tuple, list))
            )
            by_argument = (found,) if is_alone else found
            if len(by_argument) != len(args):
                raise GradientError(
                    f"{function.__name__}: {len(args)} arguments, but {len(by_argument)} cotangents"
                )
            by_place = dict(leaves(tuple(by_argument)))
            return [by_place.get(steps) for steps, x in leaves(args) if isinstance(x, Array)]

        arrays = tuple([x for _, x in leaves(args) if isinstance(x, Array)])
        operands = [x._current() for x in arrays]
        values = tuple([_result(_as_value(x), operands) for _, x in leaves(value)])
        results = run_op(_WithGradient(function.__name__, cotangents, values), arrays, {})
        following = iter(results if isinstance(results, tuple) else (results,))
        return rebuild(lambda x: next(following), value)

    wrapper.__minpy_opaque__ = f"{function.__name__} has a gradient of its own"  # type: ignore[attr-defined]
    return wrapper


def _alone(name: str, call: Callable[[], Any]) -> Any:
    """What a call of the user's function gives; warns where a gradient would flow past its own."""
    results, others = off_tape(call, lambda result: [x for _, x in leaves(result) if isinstance(x, Array)])
    if others:
        warn_at_user(
            f"{name} has a gradient of its own, for its arguments alone: none flows to the array of "
            f"{others[0].aval} that it has from elsewhere. Make that an argument too",
            GradientWarning,
        )
    return results


def _result(value: Value, operands: Sequence[Any]) -> Value:
    """What a function of the user's gave, under a gradient as a value of the tape: the function may have it
    from somewhere else, or use its memory again.
    """
    tape = live_tape(operands)
    return value if tape is None else tape.hold(value).alias()


def _held(args: Any) -> Any:
    """The arguments; under a gradient as the tape holds them, since a backward function reads them later."""
    tape = live_tape([x._current() for _, x in leaves(args) if isinstance(x, Array)])
    if tape is None:
        return args

    def hold(x: Any) -> Any:
        if isinstance(x, Array):
            return type(x)(tape.hold(x._current()))
        return x.copy() if isinstance(x, numpy.ndarray) else x

    return rebuild(hold, args)


# Not in the table: a gradient check would rightly find its rule wrong.
_stop = Op(
    "stop_gradient",
    numpy=numpy.array,
    infer=aval_of,
    mx=OPS["copy"].mx,
    parts=OPS["copy"],  # kernels know ops of the table only
    vjp=(ZERO,),
    elementwise=True,
)
_stop.is_known_by_name = True


def stop_gradient(x: Any) -> Any:
    """A copy of ``x`` that is a constant for every gradient.

    ``x`` is an array, or a nested tuple, list, dict or dataclass of arrays; what is no array stays as it is.
    """
    return rebuild(_stopped, x)


def _stopped(x: Any) -> Any:
    return _stop(x) if isinstance(x, (Box, numpy.ndarray)) else x


class _Checkpointed(Op):
    """A call whose intermediate results are not kept: the backward pass runs it again.

    Args:
        function: takes the arrays in the arguments of the call, and gives those in its result.
        values: the results.
        operands: how many of the operands are arguments; ``function`` has the others from elsewhere.
    """

    def __init__(self, function: Callable[[Sequence[Any]], list[Array]], values: tuple, operands: int):
        super().__init__("checkpoint", numpy=_unknown, infer=_unknown, selects=True)
        self.function = function
        self.operands = operands
        self.execute = lambda _: values

    def pull_back(self, wanted: Any, g: Any, ans: Any, args: tuple, params: dict) -> dict[int, Any]:
        return self.pull_back_selected(wanted, g, ans, args, params, ())[0]

    def pull_back_selected(
        self, wanted: Any, g: Any, ans: Any, args: tuple, params: dict, hidden: Sequence[int]
    ) -> tuple[dict[int, Any], Sequence[int]]:
        with recording() as tape:
            boxes = {i: (tape.leaf if i < self.operands else tape.adopt)(args[i]) for i in wanted}
            results = self.function([boxes.get(i, x) for i, x in enumerate(args[: self.operands])])
            if not all(tape.reads(x, results) for i, x in boxes.items() if i >= self.operands):
                raise GradientError(
                    "a function under minpy.checkpoint uses an array from elsewhere that is another one "
                    "since; hand it over as an argument"
                )
            path = tape.path(list(boxes.values()))
        parts = g if isinstance(g, tuple) else (g,)
        unselected = {id(results[i]._current()) for i in hidden}
        seeds = [(x, part) for x, part in zip(results, parts) if part is not None]
        found = path.pull_back(seeds, unselected)
        cotangents = {i: cotangent for i, cotangent in zip(boxes, found) if cotangent is not None}
        return cotangents, [i for i, leaf in zip(boxes, path.leaves) if id(leaf) in unselected]


def checkpoint(function: Callable) -> Callable:
    """A function that computes the same, but keeps only its arguments for the backward pass.

    What is between them is computed again there: memory for time. ``function`` takes and gives arrays, or
    nested tuples, lists and dicts of them, and anything else as a constant; gradients flow to arrays that it
    has from elsewhere too. It runs once more for each backward pass, so it should have no side effects, and
    those arrays must not change in between.

    Raises (when a gradient is computed):
        GradientError: an array from elsewhere was changed after the call.
    """

    check_function(function, "checkpoint takes")

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = _held((args, kwargs))
        arrays = [x for _, x in leaves((args, kwargs)) if isinstance(x, Array)]
        results: list[Any] = []

        def on_arrays(given: Sequence[Any]) -> list[Array]:
            following = iter(given)
            call = rebuild(lambda x: next(following) if isinstance(x, Array) else x, (args, kwargs))
            results[:] = [function(*call[0], **call[1])]
            return [x if isinstance(x, Array) else Array(x) for _, x in leaves(results[0])]

        if not arrays:
            return function(*args, **kwargs)
        detached = [Array(x._current().alias()) for x in arrays]
        made, others = off_tape(lambda: on_arrays(detached), list)
        operands = [x._current() for x in (*arrays, *others)]
        values = tuple([_result(x._current(), operands) for x in made])
        found = run_op(_Checkpointed(on_arrays, values, len(arrays)), (*arrays, *others), {})
        following = iter(found if isinstance(found, tuple) else (found,))
        return rebuild(lambda x: next(following), results[0])

    wrapper.__minpy_opaque__ = f"{name_of(function)} is under minpy.checkpoint"  # type: ignore[attr-defined]
    return wrapper
