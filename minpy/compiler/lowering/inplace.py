"""Lowering of calls that write into arrays: ``out=``, ``np.copyto``, ``np.add.at``, ``a.sort()``, ...

NumPy rehearses each call on arrays of zeros, for its errors. What it would leave in the array is computed by
the same rules as in eager mode (``runtime/writing.py``), and written.
"""

from __future__ import annotations

from typing import Any

import numpy

from minpy.compiler.lowering.instances import Construction
from minpy.compiler.lowering.reads import walk_values
from minpy.compiler.tracer import ARRAY, MINPY, NDARRAY, Tracer
from minpy.errors import GradientError, UnsupportedError
from minpy.ops import Function, Op, aval_of, elementwise, of_numpy
from minpy.ops.indexing import index, index_add
from minpy.ops.keys import split_key
from minpy.ops.scalars import is_scalar
from minpy.ops.shape import broadcast_to_op
from minpy.runtime.writing import content_of, results_of, without_out


class InPlace(Construction):
    """The part of the lowering that knows functions which write into arrays."""

    def call_that_writes(self, function: Any, args: list, kwargs: dict[str, Any]) -> Any:
        """The result of a call that writes into an array; NotImplemented for any other call."""
        function = _of_numpy(function)
        if content_of(function) is not None:
            return self.change_array(function, args, kwargs)
        if "out" not in kwargs and not isinstance(function, numpy.ufunc):
            return NotImplemented
        given, named, outs = without_out(function, tuple(args), kwargs)
        return self._write_out(function, given, named, outs) if outs else NotImplemented

    def change_array(self, function: Any, args: list, kwargs: dict[str, Any]) -> None:
        """A function of NumPy that changes its first argument."""
        plain = [_known(self.plain(arg)) for arg in args]
        named = {name: _known(self.plain(value)) for name, value in kwargs.items()}
        target = args[0] if args else None
        if not isinstance(target, Tracer) or target.is_scalar:
            raise UnsupportedError("something that is no array is changed in place")
        plain[0] = target
        for value in (*plain[1:], *named.values()):
            target.check_source(value)
            if isinstance(value, Tracer) and value.root is target.root:
                raise UnsupportedError(f"{function.__name__} reads memory that it writes")
        _rehearse(function, plain, named)
        with self.trace.in_namespace(target.kind), numpy.errstate(all="ignore"):
            is_sum = getattr(function, "__self__", None) in (numpy.add, numpy.subtract)
            if is_sum and _is_open(plain[1:2]):
                content = _add_at(function.__self__, target, *plain[1:])
            elif _is_open(plain[1:2]) and len(plain) > 2:
                raise UnsupportedError("the places that are written depend on array data")
            else:
                content = self._content(function, plain, named)
        target.write(elementwise.astype(content, dtype=target.dtype))

    def _content(self, function: Any, args: list, kwargs: dict[str, Any]) -> Any:
        find: Any = content_of(function)
        try:
            return find(function, tuple(args), kwargs)
        except GradientError as error:
            raise UnsupportedError(f"{function.__name__} in place is not compiled") from error

    def _write_out(self, function: Any, args: tuple, kwargs: dict[str, Any], outs: tuple) -> Any:
        plain = tuple(self.plain(arg) for arg in args)
        named = {name: self.plain(value) for name, value in kwargs.items()}
        if len(outs) != 1 or not isinstance(outs[0], Tracer) or outs[0].is_scalar:
            raise UnsupportedError("out= is given something else than one array")
        if of_numpy(function) is None:
            raise UnsupportedError(f"{function.__name__} is not in the op table")
        out = outs[0]
        _rehearse(function, plain, {**named, "out": out})
        values = [v for x in (*plain, *named.values(), out) for v in walk_values(x)]
        is_ours = any(isinstance(v, Tracer) and v.kind in MINPY for v in values)
        with self.trace.in_namespace(ARRAY if is_ours else NDARRAY):
            (result,) = results_of(function, plain, named, outs if "where" in named else ())
            out.check_source(result)
            if not isinstance(function, numpy.ufunc) and result.dtype != out.dtype:
                raise UnsupportedError("out= has another dtype than the result")
            content = elementwise.astype(result, dtype=out.dtype)
            if content.shape != out.shape:
                content = broadcast_to_op(content, shape=out.shape)
        out.write(content)
        return out


def _of_numpy(function: Any) -> Any:
    """NumPy's function for one of MinPy's, or of its method."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, (Op, Function)):
        return getattr(owner.numpy, function.__name__, function)
    if isinstance(function, (Op, Function)):
        return function.numpy or function
    return getattr(function, "__wrapped__", function) if hasattr(function, "__minpy_opaque__") else function


def _rehearse(function: Any, args: Any, kwargs: dict[str, Any]) -> None:
    """Let NumPy do the same to arrays of zeros. Raises what it raises."""
    with numpy.errstate(all="ignore"):
        function(*map(stand_in, args), **{name: stand_in(value) for name, value in kwargs.items()})


def stand_in(x: Any) -> Any:
    """A value with zeros for the arrays that are known at run time only."""
    if isinstance(x, Tracer):
        zeros = numpy.zeros(*x.aval)
        return zeros[()] if is_scalar(x) else zeros
    return type(x)(map(stand_in, x)) if type(x) in (list, tuple) else x


def _known(x: Any) -> Any:
    """An array that is known at compile time as NumPy's."""
    return x.known if isinstance(x, Tracer) and x.known is not None else x


def _is_open(values: list) -> bool:
    """Whether some of the values are known at run time only."""
    return any(isinstance(v, Tracer) and v.known is None for x in values for v in walk_values(x))


def _add_at(ufunc: Any, target: Tracer, key: Any, value: Any) -> Any:
    if not numpy.can_cast(aval_of(value).dtype, target.dtype, "same_kind"):
        raise UnsupportedError("what is added is rounded each time")
    arrays, template = split_key(key)
    chosen = index(target, *arrays, template=template)  # which also checks the indices
    if not isinstance(value, Tracer) or value.shape != chosen.shape:
        value = broadcast_to_op(value, shape=chosen.shape)
    value = elementwise.astype(value, dtype=target.dtype)
    added = index_add(value, *arrays, template=template, shape=target.shape)
    return target + added if ufunc is numpy.add else target - added
