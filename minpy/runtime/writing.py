"""Calls that write into arrays: ``out=``, ``ufunc.at``, ``np.put`` and its kin, ``a.sort()``.

NumPy itself does the writing, on the memory of the arrays; where that must not change, since a tape relies
on it, on a copy that becomes the new content. Where a gradient runs through the call, NumPy's is only a
rehearsal on copies, for its errors, and the new content is computed by ops.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Sequence
from typing import Any, Callable

import numpy

from minpy.errors import GradientError, GradientWarning
from minpy.ops import FUNCTIONS, Function, aval_of, of_numpy
from minpy.ops.aval import product
from minpy.ops.elementwise import astype
from minpy.ops.indexing import index, index_add, index_put
from minpy.ops.keys import ARRAY, split_key
from minpy.ops.logic import where_op
from minpy.ops.op import as_operand, eager_interpreter
from minpy.ops.shape import broadcast_to_op, concatenate_op, reshape_op
from minpy.runtime.array import Array, Value, arrays_in, is_traced, shares_memory, to_raw
from minpy.runtime.flat import put_flat
from minpy.runtime.location import lost_gradient, warn_at_user
from minpy.runtime.policy import count_by_numpy
from minpy.runtime.statistics import name_of

#: what computes the new content of the array that a call writes to: (function, args, kwargs) -> array
Content = Callable[[Any, tuple, dict], Any]


def written(function: Any, args: tuple, kwargs: dict) -> Any:
    """The result of a call of NumPy's that writes into arrays of MinPy; NotImplemented for any other call."""
    content = content_of(function)
    if content is not None:
        if args and isinstance(args[0], Array):
            return _change(args[0], content, function, args, kwargs)
        if _is_traced(args, kwargs):
            _warn_of_lost()
        return NotImplemented
    args, kwargs, outs = without_out(function, args, kwargs)
    if outs:
        return _write_out(function, args, kwargs, outs)
    if isinstance(function, numpy.ufunc) and kwargs and not outs and _is_traced(args, kwargs):
        function(*to_raw(args), **to_raw(kwargs))  # for its errors
        return results_of(function, args, kwargs, ())[0]
    return NotImplemented


def _is_traced(*parts: Any) -> bool:
    return any(is_traced(array._current()) for array in arrays_in(parts))


def _warn_of_lost() -> None:
    warn_at_user(lost_gradient("a write into a NumPy array"), GradientWarning)


# Writing by NumPy ------------------------------------------------------------------------------


class _Memory:
    """Stands for arrays in a call of NumPy's: their memory, or copies that take its place."""

    def __init__(self, targets: Sequence[Any], rehearsal: bool):
        self.copies: list[tuple[Array, numpy.ndarray]] = []
        self.known: dict[int, Any] = {}
        for target in targets:
            if isinstance(target, Array) and target.is_scalar:
                self.known[id(target)] = target.raw()[()]  # NumPy says what is wrong with that
            elif isinstance(target, Array):
                value = target._current()
                data = value.numpy()
                if rehearsal or not target._writable_in_place(value):
                    data = numpy.array(data)
                    data.flags.writeable = value.is_writeable
                    self.copies.append((target, data))
                self.known[id(target)] = data
            elif rehearsal and isinstance(target, numpy.ndarray):
                self.known[id(target)] = numpy.array(target)

    def call(self, function: Any, args: tuple, kwargs: dict) -> Any:
        try:
            return function(*to_raw(args, self.known), **to_raw(kwargs, self.known))
        except ValueError as error:
            raise eager_interpreter().located(error, name_of(function), args) from None

    def keep(self) -> None:
        """Make the copies the content of their arrays."""
        for target, data in self.copies:
            target._replace(Value(data, context=target.context))


def _by_numpy(targets: Sequence[Any], function: Any, args: tuple, kwargs: dict) -> Any:
    memory = _Memory(targets, rehearsal=False)
    result = memory.call(function, args, kwargs)
    memory.keep()
    count_by_numpy(name_of(function))
    return result


def _rehearse(targets: Sequence[Any], function: Any, args: tuple, kwargs: dict) -> None:
    _Memory(targets, rehearsal=True).call(function, args, kwargs)


# out= ------------------------------------------------------------------------------------------

_OUT_OF_METHOD = {"reduce": 3, "accumulate": 3, "reduceat": 4}


@functools.lru_cache(maxsize=1024)
def _place_of_out(function: Any) -> int | None:
    """The position of the parameter ``out``, None where it is given by name only or does not exist."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, numpy.ufunc):
        return _OUT_OF_METHOD.get(function.__name__)
    if isinstance(function, numpy.ufunc):
        return function.nin
    known = of_numpy(function)
    try:
        parameters = inspect.signature(known.implementation if known else function).parameters
    except (ValueError, TypeError):
        return None
    if "out" not in parameters or parameters["out"].kind is inspect.Parameter.KEYWORD_ONLY:
        return None
    return list(parameters).index("out")


_RUNNING = frozenset(("cumsum", "cumprod", "nancumsum", "nancumprod"))


def without_out(function: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict, tuple]:
    """The arguments without ``out``, and the arrays that were given for it."""
    given = kwargs.get("out")
    if given is None:
        place = _place_of_out(function)
        if place is not None and len(args) > place:
            rest = args[place:] if isinstance(function, numpy.ufunc) else args[place : place + 1]
            too_many = isinstance(function, numpy.ufunc) and len(args) > function.nargs
            if too_many or len(args) > place + len(rest):  # leave the call as it is
                return args, kwargs, ()
            if isinstance(function, numpy.ufunc):
                rest += (None,) * (function.nout - len(rest))
            args, given = args[:place], rest
    if given is None:
        return args, kwargs, ()
    outs = given if isinstance(given, tuple) else (given,)
    kwargs = {name: x for name, x in kwargs.items() if name != "out"}
    if getattr(function, "__name__", "") in _RUNNING and any(getattr(out, "ndim", 1) == 0 for out in outs):
        function(*to_raw(args), **to_raw(kwargs))  # for its errors
        raise ValueError("provided out is the wrong size for the accumulation.")  # NumPy itself may crash
    return args, kwargs, outs


def _write_out(function: Any, args: tuple, kwargs: dict, outs: tuple) -> Any:
    old = outs if "where" in kwargs else ()
    named = {**kwargs, "out": outs if isinstance(function, numpy.ufunc) else outs[0]}
    if not _is_traced(args, kwargs, old):
        found = _by_numpy(outs, function, args, named)
        results = found if isinstance(found, tuple) else (found,)
        results = tuple(
            Array(Value(numpy.asarray(x))) if out is None else None for out, x in zip(outs, results)
        )
    else:
        _rehearse(outs, function, args, named)
        results = results_of(function, args, kwargs, outs)
        for out, result in zip(outs, results):
            if isinstance(out, Array):
                _fill(out, result)
            elif out is not None:
                _warn_of_lost()
                numpy.copyto(out, to_raw(result), casting="unsafe")
    filled = tuple(x if out is None else out for out, x in zip(outs, results))
    return filled if len(filled) > 1 else filled[0]


def results_of(function: Any, args: tuple, kwargs: dict, outs: tuple) -> tuple:
    """What the call computes, by ops where the table has it; else without a gradient."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, numpy.ufunc):
        known = getattr(of_numpy(owner), function.__name__, None)
    else:
        known = of_numpy(function)
    if isinstance(function, numpy.ufunc) and kwargs and known is not None:
        return (_ufunc_by_ops(function, known, args, kwargs, outs),)
    if known is None:
        result = eager_interpreter().call(function, args, kwargs)
    else:
        result = known(*args, **kwargs)
    return result if isinstance(result, tuple) else (result,)


def _ufunc_by_ops(ufunc: Any, op: Any, args: tuple, kwargs: dict, outs: tuple) -> Any:
    """A ufunc with ``where=`` and ``dtype=``; the other options only decide what raises."""
    options = dict(kwargs)
    where, dtype = options.pop("where", True), options.pop("dtype", None)
    if not set(options) <= {"casting", "order", "subok"}:
        raise GradientError(f"{ufunc.__name__}: {', '.join(options)} has no gradient")
    if dtype is not None:
        args = tuple(astype(as_operand(x), dtype=numpy.dtype(dtype)) for x in args)
    result = op(*args)
    if where is True:
        return result
    old = outs[0] if outs else numpy.zeros((), aval_of(result).dtype)
    return where_op(where, result, old)


# Changing the first argument -------------------------------------------------------------------


def _change(array: Array, content: Content, function: Any, args: tuple, kwargs: dict) -> None:
    if not _is_traced(args, kwargs):
        _by_numpy((array,), function, args, kwargs)
        return
    _rehearse((array,), function, args, kwargs)
    _fill(array, content(function, args, kwargs))


def _fill(array: Array, content: Any) -> None:
    """Give an array new content: all of it, so that of ``content`` every element is used."""
    if aval_of(content).shape != array.shape:
        content = broadcast_to_op(content, shape=array.shape)
    array._replace(astype(content, dtype=array.dtype)._value)


def shuffle(method: Callable, args: tuple, kwargs: dict) -> None:
    """``shuffle(array)`` of a generator. There is no rehearsal: it would draw other numbers."""
    array = args[0] if args else kwargs["x"]
    if _is_traced((array,)):

        def call(numbers: numpy.ndarray) -> None:
            known = {id(array): numbers}
            method(*to_raw(args, known), **to_raw(kwargs, known))

        _fill(array, moved(call, array))
    else:
        _by_numpy((array,), method, args, kwargs)


def moved(function: Callable, array: Any, value: Any = None) -> Any:
    """The new content of an array, after ``function(array, value)`` moved elements within or into it.

    ``function`` is called with numbers in place of the elements, which tell where each one went.
    """
    shape, dtype = aval_of(array)
    size = aval_of(array).size
    elements = reshape_op(array, shape=(size,))
    places = numpy.arange(size).reshape(shape)
    if value is None:
        numbers = places.copy()
        function(numbers)
        return index(elements, numbers, template=(ARRAY,))
    value = as_operand(value)
    more = aval_of(value)
    numbers, others = _numbered(array, value)
    origin = numpy.empty(max(numbers.max(initial=0), others.max(initial=0)) + 1, numpy.intp)
    origin[others] = numpy.arange(size, size + more.size).reshape(more.shape)
    origin[numbers] = places
    function(numbers, others)
    numbers = origin[numbers]
    written = numbers != places
    source = astype(reshape_op(value, shape=(more.size,)), dtype=dtype)
    if (numbers[written] < size).any():  # the value shows memory of the array
        source = concatenate_op(elements, source, axis=0)
    else:
        numbers -= size
    if not written.any():
        return array
    # what is overwritten has no part in the new content, so a derivative that is infinite there does no harm
    return where_op(written, index(source, numpy.where(written, numbers, 0), template=(ARRAY,)), array)


def _numbered(array: Any, value: Any) -> tuple[numpy.ndarray, numpy.ndarray]:
    """A number for each element of two arrays, in memory that they share where the arrays do."""
    if not (
        isinstance(array, Array) and shares_memory(array._current(), value) and array.dtype == value.dtype
    ):
        (shape, _), (more, _) = aval_of(array), aval_of(value)
        size = product(shape)
        return numpy.arange(size).reshape(shape), numpy.arange(size, size + product(more)).reshape(more)
    one, other = array.raw(), value.raw()
    (low, high), bounds = numpy.byte_bounds(one), numpy.byte_bounds(other)
    low, high = min(low, bounds[0]), max(high, bounds[1])
    memory = numpy.arange((high - low) // one.itemsize)

    def seen(x: numpy.ndarray) -> numpy.ndarray:
        start = (x.__array_interface__["data"][0] - low) // x.itemsize
        strides = [step // x.itemsize * memory.itemsize for step in x.strides]
        return numpy.lib.stride_tricks.as_strided(memory[start:], x.shape, strides)

    return seen(one), seen(other)


def assign_from_itself(array: Any, key: Any, value: Any) -> None:
    """``array[key] = value`` at index arrays, where the value shows memory of the array: as NumPy does it,
    which reads what it has just written."""
    _fill(array, moved(lambda numbers, others: operator.setitem(numbers, key, others), array, value))


Array._assign_from_itself = staticmethod(assign_from_itself)


def _mover(place: int, name: str) -> Content:
    """For a function that writes the elements of one argument into the array."""

    def content(function: Any, args: tuple, kwargs: dict) -> Any:
        value = args[place] if len(args) > place else kwargs[name]

        def call(numbers: numpy.ndarray, more: numpy.ndarray) -> None:
            given, named = [numbers, *to_raw(args[1:])], to_raw(kwargs)
            if len(args) > place:
                given[place] = more
            else:
                named[name] = more
            function(*given, **named)

        return moved(call, args[0], value)

    return content


def _table(name: str) -> Content:
    """For a method that puts into the array what a function of the table gives for it."""
    return lambda function, args, kwargs: FUNCTIONS[name](*args, **kwargs)


def _no_gradient(function: Any, args: tuple, kwargs: dict) -> Any:
    raise GradientError(f"{name_of(function)} in place has no gradient; compute a new array instead")


_CHANGES: dict[Any, Content] = {
    numpy.copyto: _mover(1, "src"),
    numpy.put: _mover(2, "v"),
    numpy.place: _mover(2, "vals"),
    numpy.putmask: _mover(2, "values"),
    numpy.fill_diagonal: _mover(1, "val"),
    numpy.put_along_axis: _mover(2, "values"),
    numpy.ndarray.put: _mover(2, "values"),
    numpy.ndarray.fill: _mover(1, "value"),
    numpy.ndarray.sort: _table("sort"),
    numpy.ndarray.partition: _table("partition"),
    numpy.ndarray.itemset: lambda function, args, kwargs: _mover(len(args) - 1, "")(function, args, kwargs),
    numpy.ndarray.setfield: _no_gradient,
    put_flat: _mover(2, "value"),
    operator.imatmul: _table("matmul"),
}


def content_of(function: Any) -> Content | None:
    owner = getattr(function, "__self__", None)
    if isinstance(owner, numpy.ufunc):
        return _at if function.__name__ == "at" else None
    try:
        return _CHANGES.get(function)
    except TypeError:  # not hashable
        return None


def writes_with_gradient(function: Any) -> bool:
    """Whether a function of NumPy's changes its first argument, and a gradient flows through the change."""
    content = content_of(function)
    return content is not None and content is not _no_gradient


def _at(function: Any, args: tuple, kwargs: dict) -> Any:
    """``ufunc.at``: the n-th time that an element is chosen waits until the ones before are done."""
    ufunc, array, key, operands = function.__self__, args[0], to_raw(args[1]), args[2:]
    op = of_numpy(ufunc)
    if op is None or isinstance(op, Function):
        raise GradientError(
            f"{ufunc.__name__}.at in place has no gradient; the op table lacks {ufunc.__name__}"
        )
    shape, dtype = aval_of(array)
    size = aval_of(array).size
    chosen = numpy.arange(size).reshape(shape)[key]
    operands = tuple(broadcast_to_op(as_operand(x), shape=chosen.shape) for x in operands)
    if ufunc in (numpy.add, numpy.subtract) and numpy.can_cast(
        aval_of(operands[0]).dtype, dtype, "same_kind"
    ):
        arrays, template = split_key(key)
        return op(array, index_add(astype(operands[0], dtype=dtype), *arrays, template=template, shape=shape))
    places = chosen.ravel()
    operands = tuple(reshape_op(x, shape=(places.size,)) for x in operands)
    elements = reshape_op(array, shape=(size,))
    turns = _occurrence(places)
    for turn in range(turns.max(initial=-1) + 1):
        now = numpy.flatnonzero(turns == turn)
        old = index(elements, places[now], template=(ARRAY,))
        new = op(old, *[index(x, now, template=(ARRAY,)) for x in operands])
        elements = index_put(elements, new, places[now], template=(ARRAY,))
    return reshape_op(elements, shape=shape)


def _occurrence(places: numpy.ndarray) -> numpy.ndarray:
    """For each number how often it stood before."""
    order = numpy.argsort(places, kind="stable")
    sorted_places = places[order]
    starts = numpy.flatnonzero(numpy.diff(sorted_places, prepend=-1))
    counts = numpy.diff(numpy.append(starts, places.size))
    result = numpy.empty(places.size, numpy.intp)
    result[order] = numpy.arange(places.size) - numpy.repeat(starts, counts)
    return result
