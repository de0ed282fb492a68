"""The eager array: one buffer that NumPy and MXNet both see.

``Value`` is the data: it never changes its meaning while something else relies on it. ``Array`` is a
handle on a value; a write either goes straight to the memory or, when the value was recorded for a
gradient, makes a new value for the handle. Results of basic slicing, ``reshape`` and ``transpose``
are views, as in NumPy: a write through a view reaches its base, and the other way round.
"""

from __future__ import annotations

import copy
import logging
import operator
from collections.abc import Iterator
from typing import Any, Callable

import numpy

from minpy.errors import ContextError, DonatedError, GradientWarning, ShapeError
from minpy.ops import Aval, aval_of, elementwise, indexing
from minpy.ops.keys import split_key
from minpy.ops.methods import IN_PLACE
from minpy.ops.op import Op, eager_interpreter
from minpy.ops.shape import reshape_op
from minpy.runtime import native, watch
from minpy.runtime.context import CPU, Context, current_context
from minpy.runtime.location import lost_gradient, warn_at_user
from minpy.runtime.ndarray import NDArrayMethods
from minpy.runtime.objects import ArraySlots, ValueSlots, configure
from minpy.runtime.policy import count_by_numpy
from minpy.runtime.views import WRITE_BACK, MadeBy, Reshaped, read_only, reshaped

_log = logging.getLogger("minpy.array")


class Value(ValueSlots):
    """An array's data, as NumPy's array, as MXNet's, or as both on the same memory.

    Attributes:
        context: the device of the data.
        tape: the tape that recorded how this value was computed, if one did.
        recorded: a tape or a view with one relies on the data, so it must not change.
        owner: the value whose memory this one is a view of.
    """

    __slots__ = ()

    def numpy(self) -> numpy.ndarray:
        """The data as NumPy's array: on the CPU the memory itself, from a GPU a copy."""
        array = self._numpy
        if array is None:
            self._require_memory()
            aval, on_cpu = self.aval, self.context.device_type == "cpu"
            if on_cpu:
                array = native.to_numpy(self._mxnet, *aval)
                self._numpy = array
            else:
                array = native.checked(self._mxnet.asnumpy)
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("MXNet array to NumPy array, %s, %s", aval, "no copy" if on_cpu else "copied")
        return array

    def mxnet(self) -> Any:
        """The data as MXNet's array on this value's device."""
        array = self._mxnet
        if array is None:
            source: Any = self._numpy
            if source is None:
                self._require_memory()
            array = native.from_numpy(source)
            shared = native.shares_memory(source)
            if self.context.device_type != "cpu":
                array, shared = native.checked(array.as_in_context, self.context.mxnet), False
            if shared or self.context.device_type != "cpu":
                self._mxnet = array  # a copy on the CPU would miss later writes through NumPy
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("NumPy array to MXNet array, %s, %s", self.aval, "no copy" if shared else "copied")
        return array

    @property
    def is_writeable(self) -> bool:
        """Whether the data may be changed in place, as far as NumPy is concerned."""
        return self._numpy is None or self._numpy.flags.writeable

    def give_up(self) -> None:
        """Forget the memory, which belongs to another value from now on."""
        _ = self.aval  # which may have to be read off the memory
        self._numpy = self._mxnet = None

    def _require_memory(self) -> None:
        if self._mxnet is None:
            raise DonatedError(
                "this array was given up to a compiled function (donate_argnames); a result has its memory. "
                "Use the result, or hand over a copy: x.copy()"
            )

    def detach(self) -> None:
        """Give the data memory of its own."""
        self.take_over(numpy.array(self.numpy()))

    def take_over(self, data: Any) -> None:
        """Let other memory hold the same data, of which nobody else has a view."""
        self._numpy, self._mxnet = data, None

    def alias(self) -> Value:
        """The same data without the tape; while one relies on it, a write to one does not reach the other."""
        value = Value(self._numpy, self._mxnet, self.aval, self.context)
        value.owner = self
        return value

    def root(self) -> Value:
        """The value that owns the memory."""
        value = self
        while value.owner is not None:
            value = value.owner
        return value


def _as_value(data: Any) -> Value:
    if isinstance(data, Array):
        return data._current()
    if isinstance(data, native.NDArray):
        context = Context(data.context.device_type, data.context.device_id)
        return Value(None, data, Aval(tuple(data.shape), numpy.dtype(data.dtype)), context)
    return Value(numpy.asarray(data), None, None, current_context())


class Array(ArraySlots, NDArrayMethods):
    """An n-dimensional array that works like ``numpy.ndarray`` and can be differentiated.

    Arrays come from ``minpy.numpy``; ``Array(data)`` wraps an ``numpy.ndarray`` or an
    ``mxnet.nd.NDArray`` without a copy.
    """

    # _value; of a view its _base, what _made_by it, and the _version of the base that it has _seen, where
    # _version counts how often a handle got a new value
    __slots__ = ()
    __array_priority__ = 1000.0
    __module__ = "minpy.array"  # where it is public

    # Data -------------------------------------------------------------------------------------

    @property
    def _view(self) -> tuple[Op, dict]:
        """The op and the params that made this view from its base."""
        made_by = self._made_by
        if type(made_by) is not MadeBy:  # a key or ``reshape``, as long as nobody asks
            if made_by is reshape_op:
                params = {"shape": self._value.aval.shape}
            else:
                made_by, params = indexing.index, {"template": split_key(made_by)[1]}
            made_by = self._made_by = MadeBy(made_by, params)
        return made_by

    def _current(self) -> Value:
        """The value, after writes to the base of a view."""
        base = self._base
        if base is not None:
            if base._base is None:
                base._current()
            else:  # one after the other: a chain of views may be longer than Python's stack
                bases = [base]
                while bases[-1]._base is not None:
                    bases.append(bases[-1]._base)
                for view in reversed(bases):
                    if view._base is None or view._base._version != view._seen:
                        view._current()
            if base._version != self._seen:
                base = self._base_as_seen()
            if base._version != self._seen:
                op, params = self._view
                self._hold(op(base, **params)._value)
                self._seen = base._version
                self._version += 1
        return self._value

    def _base_as_seen(self) -> Array:
        """The base, or what it was before its shape was set, if the view is older than that."""
        while (how := reshaped(self._base)) is not None and self._seen <= how.version:
            self._base = self._base._base
        return self._base

    def _set_shape(self, shape: Any) -> None:
        data = self._current().numpy().view()
        data.shape = shape  # NumPy's errors
        before = Array(self._value)
        before._base, before._made_by, before._seen = self._base, self._made_by, self._seen
        before._version = self._version
        how = Reshaped(data.shape, self._version)
        self._value, self._base, self._made_by = how(before)._current(), before, MadeBy(how, {})
        self._seen = before._version
        self._version += 1

    @property
    def context(self) -> Context:
        """The device that holds the data."""
        return self._value.context

    def _left(self, how: str) -> Value:
        """The value, for something that a gradient does not flow through: warn of it under a gradient."""
        value = self._current()
        if is_traced(value):
            warn_at_user(lost_gradient(how), GradientWarning)
        return value

    def _leaving(self, how: str) -> numpy.ndarray:
        return self._left(how).numpy()

    def asnumpy(self) -> numpy.ndarray:
        """A NumPy array of its own with the data."""
        return numpy.array(self._leaving("asnumpy()"))

    def asmxnet(self) -> Any:
        """The data as ``mxnet.nd.NDArray``; on the CPU mostly the same memory, where no tape relies on it."""
        value = self._left("asmxnet()")
        return native.checked(value.mxnet().copy) if value.root().recorded else value.mxnet()

    def as_in_context(self, context: Context) -> Array:
        """The array on another device: itself, if it is there already, or a copy.

        Raises:
            ContextError: for anything but a context, as made by ``cpu()`` or ``gpu(i)``.
        """
        if not isinstance(context, Context):
            raise ContextError(f"as_in_context takes a context such as cpu() or gpu(0), not {context!r}")
        if context == self.context:
            return self
        return eager_interpreter().bind(_Transfer(self.context, context), (self,), {})

    def raw(self) -> numpy.ndarray:
        return self._current().numpy()

    def in_order_of(self, source: Any, order: str = "A") -> Array:
        value = self._value
        if hasattr(source, "raw") and value.context.device_type == "cpu":
            data = value.numpy()
            ordered = numpy.empty_like(source.raw(), data.dtype, order, shape=data.shape)  # type: ignore[call-overload]
            if ordered.strides != data.strides:
                ordered[...] = data
                value.take_over(ordered)
        return self

    def is_traced(self) -> bool:
        return is_traced(self._current())

    def __copy__(self) -> Array:
        return self.copy("K")

    bind: Callable[[Op, tuple, dict], Any]  # set by runtime/dispatch.py
    _assign_from_itself: Callable[[Any, Any, Any], None]  # set by runtime/writing.py
    _show: Callable[[Value, Value], None]  # set by runtime/tape.py

    # Writing ----------------------------------------------------------------------------------

    def __setitem__(self, key: Any, new: Any) -> None:
        value = self._current()
        if self._writable_in_place(value, new):
            try:
                value.numpy()[_raw_key(key)] = _raw(new)
            except (ValueError, IndexError) as error:
                raise eager_interpreter().located(error, "setitem", (self, new)) from None
        else:
            if not value.is_writeable:
                read_only()
            if shares_memory(value, new) and split_key(key)[0]:
                self._assign_from_itself(self, _raw_key(key), new)
                return
            self._replace(indexing.setitem(self, key, new)._value)

    def _writable_in_place(self, value: Value, *operands: Any) -> bool:
        if value.context.device_type != "cpu" or value.root().recorded or is_traced(value):
            return False
        return not any(isinstance(x, Array) and is_traced(x._current()) for x in operands)

    def _replace(self, value: Value) -> None:
        """Let the handle, and the bases it is a view of, hold new content."""
        base = self._base
        if base is not None:
            op, params = self._view
            write_back = getattr(op, "write_back", None) or WRITE_BACK[op]
            base._replace(write_back(base, Array(value), **params)._value)
            value = op(base, **params)._value
            self._seen = base._version
        else:
            value = self._laid_out(value)
            self._show(self._value, value)
        self._hold(value)
        self._version += 1

    def _laid_out(self, value: Value) -> Value:
        """New content in the order that the axes have in memory: of it depends what is a view."""
        old, new = self._value._numpy, value._numpy
        if (old is None or old.flags.c_contiguous) and (new is None or new.flags.c_contiguous):
            return value
        if old is not None and new is not None and old.strides == new.strides:
            return value
        return elementwise.copy(Array(value)).in_order_of(Array(self._value), "K")._value

    def overwrite(self, new: Array) -> None:
        """Take over the content of an array of the same shape and dtype, which nobody else holds."""
        value = self._current()
        if new.context != self.context:
            new = new.as_in_context(self.context)
        if self._writable_in_place(value, new):
            numpy.copyto(value.numpy(), new._current().numpy())
        else:
            self._replace(new._current())

    def _follow(self, base: Array, op: Any, params: dict) -> None:
        """Be a view: ``op(base, **params)`` at any time."""
        source = base._current()
        self._base, self._made_by, self._seen = base, MadeBy(op, params), base._version
        self._value.owner = source
        if source.root().recorded:
            self._value.recorded = True

    def _hold(self, value: Value) -> None:
        """Take a new value; what is read-only stays so, and what is not, as a view of what became so."""
        is_writeable = self._value.is_writeable
        if is_writeable != value.is_writeable:
            data = value.numpy().view()  # whose owner stays writable
            data.flags.writeable = is_writeable
            value._numpy = data
        self._value = value

    def _update(self, op: Op, operation: Callable, other: Any) -> Array:
        """``operation`` such as ``self += other``, where ``op`` is ``+``: the dtype and the object stay the
        same, as in NumPy.
        """
        value = self._current()
        if self._writable_in_place(value, other):
            if watch.current is not None:
                op(self, other)  # is looked at
            memory = value.numpy()
            try:
                result = operation(memory, _raw(other))
            except ValueError as error:
                raise eager_interpreter().located(error, op.name, (self, other)) from None
            count_by_numpy(op.name)
            return self if result is memory else result  # some objects do not let arrays change
        if not value.is_writeable:
            read_only()
        result = op(self, other)
        if not numpy.can_cast(result.dtype, self.dtype, "same_kind"):
            raise TypeError(
                f"Cannot cast ufunc '{op.name}' output from {result.dtype!r} to {self.dtype!r} "
                "with casting rule 'same_kind'"
            )
        if result.shape != self.shape:
            raise ShapeError(
                f"non-broadcastable output operand with shape {self.shape} "
                f"doesn't match the broadcast shape {result.shape}"
            )
        self._replace(elementwise.astype(result, dtype=self.dtype)._value)
        return self

    # Conversion -------------------------------------------------------------------------------

    def shown(self) -> numpy.ndarray:
        """NumPy's view of the memory, which is read-only where a tape relies on it."""
        value = self._current()
        array = value.numpy()
        if value.root().recorded:
            array = array.view()
            array.flags.writeable = False
        return array

    def __array__(self, dtype: Any = None, copy: Any = None) -> numpy.ndarray:
        array = self._leaving("making a NumPy array (as NumPy's own a.dot(x) does; np.dot(a, x) does not)")
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else self.shown()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return eager_interpreter().ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        return eager_interpreter().function(function, args, kwargs)

    def __repr__(self) -> str:
        text = repr(self._current().numpy())
        return text if self.context == CPU else f"{text[:-1]}, context={self.context})"

    def __str__(self) -> str:
        return str(self._current().numpy())

    def __format__(self, spec: str) -> str:
        return format(self._current().numpy()[()], spec)

    def __reduce__(self):
        return Array, (self.asnumpy(),)

    def __deepcopy__(self, memo: dict) -> Array:
        return Array(copy.deepcopy(self.raw(), memo)) if self.dtype == object else self.copy("K")


class _Transfer(Op):
    """A copy on another device; the gradient goes back to where the array is."""

    def __init__(self, source: Context, target: Context):
        def execute(values: tuple) -> tuple[Value, ...]:
            (value,) = values
            if target.device_type == "cpu" or value.aval.dtype not in native.MXNET_DTYPES:
                return (Value(numpy.array(value.numpy()), None, None, target),)
            moved = native.checked(value.mxnet().as_in_context, target.mxnet)
            return (Value(None, moved, value.aval, target),)

        rule = (lambda g, ans, x: g.as_in_context(source),)
        super().__init__("as_in_context", numpy=numpy.array, infer=aval_of, vjp=rule)
        self.execute = execute


def _in_place(op: Any, operation: Callable) -> Callable:
    def method(self, other):
        return NotImplemented if self.is_scalar else self._update(op, operation, other)

    return method


def _by_numpys_operator(operation: Callable) -> Callable:
    def method(self, other):
        if self.is_scalar:
            return NotImplemented
        eager_interpreter().call(operation, (self, other), {})
        return self

    return method


Array.__imatmul__ = _by_numpys_operator(operator.imatmul)  # type: ignore[attr-defined]
for _name, _op in IN_PLACE.items():
    setattr(Array, f"__i{_name}__", _in_place(_op, getattr(operator, f"i{_name}")))


def is_traced(value: Value) -> bool:
    """Whether a running gradient depends on the value."""
    return value.tape is not None and value.tape.alive


def _raw(x: Any) -> Any:
    """NumPy's view of an operand, or NumPy's number."""
    return (x.raw()[()] if x.is_scalar else x.raw()) if isinstance(x, Array) else x


def _raw_key(key: Any) -> Any:
    return tuple(map(_raw, key)) if isinstance(key, tuple) else _raw(key)


def shares_memory(value: Value, x: Any) -> bool:
    """Whether an operand shows memory of a value, on the CPU."""
    return (
        isinstance(x, Array)
        and value.context == CPU == x.context
        and numpy.may_share_memory(value.numpy(), x.raw())
    )


def to_raw(x: Any, known: dict[int, numpy.ndarray] | None = None) -> Any:
    """Arrays inside nested tuples, lists and dicts replaced by NumPy's, which are read-only where a tape
    relies on them; the rest as it is. ``known`` has what to put in place of an object, by its id.
    """
    if known is not None and id(x) in known:
        return known[id(x)]
    if isinstance(x, Array):
        return x.raw()[()] if x.is_scalar else x.shown()
    if type(x) in (tuple, list):
        return type(x)(to_raw(item, known) for item in x)
    if type(x) is dict:
        return {name: to_raw(item, known) for name, item in x.items()}
    return x


def arrays_in(x: Any) -> Iterator[Array]:
    """The arrays inside nested tuples, lists and dicts."""
    if isinstance(x, Array):
        yield x
    elif type(x) in (tuple, list):
        for item in x:
            yield from arrays_in(item)
    elif type(x) is dict:
        for item in x.values():
            yield from arrays_in(item)


def same_context(one: Context, other: Context) -> Context:
    """The one device of two values. Raises ContextError where there are two."""
    if one != other:
        names = " and ".join(sorted((repr(one), repr(other))))
        raise ContextError(f"arrays on {names} meet in one operation; move one with a.as_in_context(...)")
    return one


configure(Value, Array, Aval, MadeBy, CPU, numpy.asarray, _as_value)
