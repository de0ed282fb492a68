"""The methods of ufuncs: ``np.add.reduce``, ``.accumulate``, ``.reduceat``, ``.outer``, ``.at``.

Folding a binary ufunc f over an axis makes c[0] = x[0], c[i] = f(c[i-1], x[i]): ``accumulate`` gives all
of c, ``reduce`` the last of them. One gradient rule serves every ufunc, by the rules for its arguments.
Where the table has a faster op of its own (sum, cumsum, max, ...), that one is used.
"""

from __future__ import annotations

import functools
from typing import Any, Callable

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.aval import Aval, aval_of, normalize_axis, product
from minpy.ops.indexing import basic_slice, index, index_add
from minpy.ops.keys import WHOLE
from minpy.ops.op import (
    FUNCTIONS,
    NOT_DIFFERENTIABLE,
    OPS,
    Box,
    Function,
    Op,
    Ufunc,
    UfuncFunction,
    as_operand,
    refuse,
    register,
)
from minpy.ops.reduction import reduced_axes
from minpy.ops.reverse import match
from minpy.ops.scan import backward_recurrence
from minpy.ops.shape import broadcast_to_op, concatenate_op, reshape_op, transpose_op


def _run(method: str) -> Callable:
    return lambda x, *indices, function, **params: getattr(OPS[function].numpy, method)(x, *indices, **params)


def _infer(method: str) -> Callable:
    """Shape and dtype, or the error, by asking NumPy on an array of one repeated element."""
    run = _run(method)

    def infer(x: Any, *indices: Any, **params: Any) -> Aval:
        refuse(indices="computed" if any(isinstance(i, Box) for i in indices) else None)
        shape, dtype = aval_of(x)
        stand_in = numpy.broadcast_to(numpy.ones((), dtype), shape)
        with numpy.errstate(all="ignore"):
            return aval_of(run(stand_in, *indices, **params))

    return infer


def _slopes(op: Op, after: Any, before: Any, x: Any) -> tuple[Any, Any]:
    """The derivatives of ``after = op(before, x)`` by both arguments."""
    aval = aval_of(after)
    blank = numpy.zeros(aval.shape, aval.dtype)
    found = op.pull_back((0, 1), numpy.ones(aval.shape, aval.dtype), after, (before, x), {})
    by_before, by_x = (match(found[i], aval) if i in found else blank for i in (0, 1))
    return by_before, by_x


def _accumulate_vjp(g: Any, ans: Any, x: Any, function: str, axis: int) -> Any:
    """What arrives at c[i] is r[i] = g[i] + df/dc r[i+1], and x[i] gets df/dx r[i]."""
    shape = aval_of(x).shape
    n = shape[axis]
    if n < 2:
        return g
    before, after = basic_slice(ans, axis, 0, n - 1), basic_slice(ans, axis, 1, n)
    by_before, by_x = _slopes(OPS[function], after, before, basic_slice(x, axis, 1, n))
    last = numpy.zeros((*shape[:axis], 1, *shape[axis + 1 :]), aval_of(g).dtype)
    arrived = backward_recurrence(concatenate_op(by_before, last, axis=axis), g, axis)
    later = by_x * basic_slice(arrived, axis, 1, n)
    return concatenate_op(basic_slice(arrived, axis, 0, 1), later, axis=axis)


accumulate_op: Op = register(
    Op(
        "accumulate",
        numpy=_run("accumulate"),
        infer=_infer("accumulate"),
        vjp=(_accumulate_vjp,),
        family="folding",
    )
)


def _reduce_vjp(g: Any, ans: Any, x: Any, function: str, axis: tuple[int, ...], keepdims: bool) -> Any:
    """The result is the last element of the accumulation along the axes, made one."""
    shape, dtype = aval_of(x)
    kept = tuple(i for i in range(len(shape)) if i not in axis)
    order, n = kept + axis, product(shape[i] for i in axis)
    left = tuple(shape[i] for i in kept)
    if not n:
        return broadcast_to_op(numpy.zeros((), dtype), shape=shape)
    rows = reshape_op(transpose_op(x, axes=order), shape=(*left, n))
    scanned = accumulate_op(rows, function=function, axis=len(left))
    g = reshape_op(g, shape=(*left, 1))
    if n > 1:
        g = concatenate_op(numpy.zeros((*left, n - 1), aval_of(g).dtype), g, axis=len(left))
    found = _accumulate_vjp(g, scanned, rows, function, len(left))
    found = reshape_op(found, shape=tuple(shape[i] for i in order))
    return transpose_op(found, axes=tuple(int(i) for i in numpy.argsort(order)))


reduce_op: Op = register(
    Op("reduce", numpy=_run("reduce"), infer=_infer("reduce"), vjp=(_reduce_vjp,), family="folding")
)


def _reduceat_vjp(g: Any, ans: Any, x: Any, indices: Any, function: str, axis: int) -> Any:
    """Part by part, as for ``reduce``."""
    shape = aval_of(x).shape
    starts = numpy.asarray(indices).tolist()
    total = broadcast_to_op(numpy.zeros((), aval_of(g).dtype), shape=shape)
    for i, (start, following) in enumerate(zip(starts, [*starts[1:], shape[axis]])):
        bounds = ("slice", start, max(following, start + 1), None)
        part = index(x, template=(WHOLE,) * axis + (bounds,))
        one = _reduce_vjp(basic_slice(g, axis, i, i + 1), None, part, function, (axis,), True)
        total = total + index_add(one, template=(WHOLE,) * axis + (bounds,), shape=shape)
    return total


reduceat_op: Op = register(
    Op(
        "reduceat",
        numpy=_run("reduceat"),
        infer=_infer("reduceat"),
        vjp=(_reduceat_vjp, NOT_DIFFERENTIABLE),
        family="folding",
    )
)

# Methods ---------------------------------------------------------------------------------------

#: ufunc -> the function of the table that is its reduction, or its accumulation
_REDUCTIONS = {
    "add": "sum",
    "multiply": "prod",
    "maximum": "max",
    "minimum": "min",
    "logical_and": "all",
    "logical_or": "any",
}
#: the options of these functions that those of ufuncs have too
_OPTIONS = {
    **{name: {"initial", "where", "dtype"} for name in ("sum", "prod")},
    **{name: {"initial", "where"} for name in ("max", "min")},
    **{name: {"where"} for name in ("all", "any")},
}
_SCANS = {"add": "cumsum", "multiply": "cumprod"}
_NOT_GIVEN: Any = numpy._NoValue  # type: ignore[attr-defined]


def _foldable(ufunc: Any, **options: Any) -> None:
    """Raise UnsupportedError where NumPy's own method has to say what happens, or that nothing does."""
    refuse(**options)
    if not isinstance(ufunc, Ufunc) or ufunc.nin != 2:
        raise UnsupportedError(f"{ufunc.__name__} is not in the op table as a function of two arguments")


def _reduce(ufunc: Any) -> Callable:
    def reduce(array, axis=0, dtype=None, out=None, keepdims=False, initial=_NOT_GIVEN, where=True):
        """``ufunc.reduce``: the ufunc folded over ``axis``, one of them, several, or all (None)."""
        _foldable(ufunc, out=out)
        options = {"initial": initial, "where": where, "dtype": dtype}
        unused = {"initial": _NOT_GIVEN, "where": True, "dtype": None}
        options = {name: x for name, x in options.items() if x is not unused[name]}
        known = _REDUCTIONS.get(ufunc.name)
        if known is not None and options.keys() <= _OPTIONS[known]:
            return FUNCTIONS[known].implementation(array, axis=axis, keepdims=keepdims, **options)
        refuse(**{name: "given" for name in options})
        axes = reduced_axes(array, axis)
        return reduce_op(array, function=ufunc.name, axis=axes, keepdims=bool(keepdims))

    return reduce


def _accumulate(ufunc: Any) -> Callable:
    def accumulate(array, axis=0, dtype=None, out=None):
        """``ufunc.accumulate``: every step of folding the ufunc over ``axis``."""
        _foldable(ufunc, out=out, array=None if aval_of(array).ndim else "without axes")
        known = _SCANS.get(ufunc.name)
        if known is not None:
            return FUNCTIONS[known].implementation(array, axis=axis, dtype=dtype)
        refuse(dtype=dtype)
        axis = normalize_axis(axis, aval_of(array).ndim)
        return accumulate_op(array, function=ufunc.name, axis=axis)

    return accumulate


def _reduceat(ufunc: Any) -> Callable:
    def reduceat(array, indices, axis=0, dtype=None, out=None):
        """``ufunc.reduceat``: the ufunc folded between each index and the next, if that is larger."""
        _foldable(ufunc, dtype=dtype, out=out, array=None if aval_of(array).ndim else "without axes")
        axis = normalize_axis(axis, aval_of(array).ndim)
        return reduceat_op(array, as_operand(indices), function=ufunc.name, axis=axis)

    return reduceat


def _outer(ufunc: Any) -> Callable:
    def outer(A, B, /, **options):
        """``ufunc.outer``: the ufunc of each element of ``A`` with each of ``B``."""
        _foldable(ufunc, **options)
        spread = aval_of(A).shape + (1,) * aval_of(B).ndim
        return ufunc(reshape_op(A, shape=spread), B)

    return outer


def _at(ufunc: Any) -> Callable:
    def at(a, indices, b=None, /):
        """``ufunc.at``: the ufunc applied in place at the indices, as often as each occurs."""
        raise UnsupportedError(f"{ufunc.__name__}.at writes in place")

    return at


def _method(name: str, make: Callable, arrays: int) -> functools.cached_property:
    def function(ufunc: Any) -> Function:
        method = Function(make(ufunc), getattr(ufunc.numpy, name), arrays)
        method.__name__ = f"{ufunc.__name__}.{name}"
        return method

    return functools.cached_property(function)


for _kind in (Ufunc, UfuncFunction):
    for _name, _make, _arrays in (
        *(("reduce", _reduce, 1), ("accumulate", _accumulate, 1), ("reduceat", _reduceat, 1)),
        *(("outer", _outer, 2), ("at", _at, 0)),
    ):
        _member = _method(_name, _make, _arrays)
        _member.__set_name__(_kind, _name)
        setattr(_kind, _name, _member)
