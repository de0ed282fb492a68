"""New arrays. What MinPy creates is float32 unless told otherwise; what the user brings keeps its dtype."""

from __future__ import annotations

import functools
import inspect
from array import array as buffer
from typing import Any

import numpy

from minpy.errors import DTypeError
from minpy.ops.aval import aval_of
from minpy.ops.data import content, flows
from minpy.ops.elementwise import astype
from minpy.ops.elementwise import copy as copy_op
from minpy.ops.op import Box, as_operand, current_interpreter, holds_box, numpy_function, refuse
from minpy.ops.scalars import is_scalar
from minpy.ops.shape import broadcast_to, reshape_op, transpose

floats = [numpy.dtype("float32")]


def default_dtype() -> numpy.dtype:
    """The dtype of floating-point arrays that MinPy creates."""
    return floats[0]


def set_default_dtype(dtype: Any) -> None:
    """Choose the dtype of floating-point arrays that MinPy creates: 'float32' or 'float64'.

    Raises:
        DTypeError: for anything else.
    """
    try:
        wanted = numpy.dtype(dtype).name if dtype is not None else ""  # None is NumPy's float64
    except TypeError:
        wanted = ""
    if wanted not in ("float32", "float64"):
        raise DTypeError(f"the default dtype is float32 or float64, not {dtype!r}")
    floats[0] = numpy.dtype(wanted)


def created(array: numpy.ndarray, dtype: Any = None, by: str = "array") -> Any:
    """A box for an array that NumPy made: as ``dtype``, or with the default dtype for its floats.

    ``by`` is the name of the function that made it.
    """
    if dtype is None and array.dtype == numpy.float64:
        array = array.astype(default_dtype())
    interpreter = current_interpreter()
    interpreter.created(by)
    return interpreter.constant(array)


def _has_dtype(x: Any) -> bool:
    """Whether ``x`` is an array, of whatever library, or nested lists and tuples with one in them."""
    if type(x) in (float, int):
        return False
    if isinstance(x, (list, tuple)):
        return any(map(_has_dtype, x))
    if isinstance(x, Box):
        return not x.is_number
    return isinstance(x, (buffer, memoryview)) or any(hasattr(x, name) for name in _OF_ARRAYS)


#: what tells that an object is an array, or can be seen as one
_OF_ARRAYS = ("dtype", "__array__", "__array_interface__")


def by_default(x: Any, *sources: Any) -> Any:
    """A new array with the default dtype for its floats, if its sources are numbers of Python."""
    dtype, wanted = aval_of(x).dtype, default_dtype()
    return astype(x, dtype=wanted) if dtype == numpy.float64 != wanted and not _has_dtype(sources) else x


def _create(function: Any, *args: Any, dtype: Any, by: str | None = None, **kwargs: Any) -> Any:
    made = function(*args, **kwargs) if dtype is None else function(*args, dtype=dtype, **kwargs)
    return created(made, dtype, by or function.__name__)


@numpy_function(name="zeros", arrays=0, gradient=False)
def zeros(shape, dtype=None, order="C", **options):
    """Zeros; of the default dtype unless ``dtype`` says otherwise."""
    refuse(order=None if order == "C" else order, **options)
    return _create(numpy.zeros, shape, dtype=dtype or default_dtype())


@numpy_function(name="ones", arrays=0, gradient=False)
def ones(shape, dtype=None, order="C", **options):
    """Ones; of the default dtype unless ``dtype`` says otherwise."""
    refuse(order=None if order == "C" else order, **options)
    return _create(numpy.ones, shape, dtype=dtype or default_dtype())


@numpy_function(name="empty", arrays=0, gradient=False)
def empty(shape, dtype=None, order="C", **options):
    """An array whose content is zero here, since compiled and eager code have to agree."""
    refuse(order=None if order == "C" else order, **options)
    return _create(numpy.zeros, shape, dtype=dtype or default_dtype(), by="empty")


@numpy_function(name="full", arrays=0)
def full(shape, fill_value, dtype=None, order="C", **options):
    """``fill_value`` everywhere; a Python float gives the default dtype."""
    refuse(order=None if order == "C" else order, **options)
    if isinstance(fill_value, Box):
        value = astype(fill_value, dtype=numpy.dtype(dtype)) if dtype else by_default(fill_value, fill_value)
        return copy_op(broadcast_to.implementation(value, shape))
    return _create(numpy.full, shape, fill_value, dtype=dtype)


@numpy_function(name="arange", arrays=0, gradient=False)
def arange(start=None, stop=None, step=None, dtype=None, **options):
    """Evenly spaced values; integers stay int64, floats get the default dtype."""
    refuse(**options)
    if stop is None:
        start, stop = None, start
    if stop is None:
        raise TypeError("arange() requires stop to be specified.")  # as NumPy has it
    if start is None and step is None:
        return _create(numpy.arange, stop, dtype=dtype)
    bounds = (0 if start is None else start, stop, *(() if step is None else (step,)))
    return _create(numpy.arange, *bounds, dtype=dtype)


@numpy_function(name="eye", arrays=0, gradient=False)
def eye(N, M=None, k=0, dtype=None, **options):
    """Ones on the k-th diagonal; of the default dtype unless ``dtype`` says otherwise."""
    refuse(**options)
    return _create(numpy.eye, N, M, k, dtype=dtype or default_dtype())


@numpy_function(name="identity", arrays=0, gradient=False)
def identity(n, dtype=None, **options):
    """The n x n identity matrix."""
    refuse(**options)
    return eye.implementation(n, dtype=dtype)


def _like(a: Any, value: Any, dtype: Any, order: str, shape: Any, by: str) -> Any:
    refuse(order=None if order == "K" else order)
    aval = aval_of(a)
    dtype = aval.dtype if dtype is None else numpy.dtype(dtype)
    made = created(numpy.full(aval.shape if shape is None else shape, value, dtype), dtype, by)
    return made.in_order_of(a, "K")


@numpy_function(numpy.zeros_like, gradient=False)
def zeros_like(a, dtype=None, order="K", subok=True, shape=None):
    """Zeros of the shape and dtype of ``a``."""
    return _like(a, 0, dtype, order, shape, "zeros_like")


@numpy_function(numpy.ones_like, gradient=False)
def ones_like(a, dtype=None, order="K", subok=True, shape=None):
    """Ones of the shape and dtype of ``a``."""
    return _like(a, 1, dtype, order, shape, "ones_like")


@numpy_function(numpy.empty_like, gradient=False)
def empty_like(prototype, dtype=None, order="K", subok=True, shape=None):
    """Zeros of the shape and dtype of ``prototype``, as ``empty``."""
    return _like(prototype, 0, dtype, order, shape, "empty_like")


empty_like.is_numpys = False  # the content of NumPy's is arbitrary


@numpy_function(numpy.full_like)
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None):
    """``fill_value`` in the shape and dtype of ``a``."""
    if not holds_box(fill_value):
        return _like(a, fill_value, dtype, order, shape, "full_like")
    refuse(order=None if order == "K" else order)
    value = astype(as_operand(fill_value), dtype=aval_of(a).dtype if dtype is None else numpy.dtype(dtype))
    made = copy_op(broadcast_to.implementation(value, aval_of(a).shape if shape is None else shape))
    return made.in_order_of(a, "K")


@numpy_function(name="array", arrays=0)
def array(object, dtype=None, copy=True, order="K", subok=False, ndmin=0, **options):
    """An array of ``object``: a number, nested lists, or an array, whose dtype is kept.

    Python floats get the default dtype.
    """
    refuse(order=None if order in ("K", "C") else order, **options)
    if ndmin:
        found = array.implementation(object, dtype, copy)
        shape = aval_of(found).shape
        return reshape_op(found, shape=(1,) * (ndmin - len(shape)) + shape) if len(shape) < ndmin else found
    if not copy and isinstance(object, (Box, numpy.ndarray)):
        return asarray.implementation(object, dtype)
    if holds_box(object):
        result = copy_op(object).in_order_of(object, order) if isinstance(object, Box) else as_operand(object)
        return by_default(result, object) if dtype is None else astype(result, dtype=numpy.dtype(dtype))
    made = numpy.array(object, dtype=dtype)
    return created(made, made.dtype if _has_dtype(object) else dtype)


@numpy_function(numpy.copy)
def copy(a, order="K", subok=False):
    """A copy of ``a``."""
    return copy_op(a).in_order_of(a, order)


@numpy_function(numpy.ascontiguousarray, mxnet=False)
def ascontiguousarray(a, dtype=None, **options):
    """``a`` with one axis at least: itself where it lies in memory in C order, else a copy."""
    a = asarray.implementation(a, dtype)
    refuse(**options, a=None if hasattr(a, "raw") else "whose memory is not known")
    if not a.shape:
        return reshape_op(a, shape=(1,))
    return a if a.raw().flags.c_contiguous else copy_op(a)


@numpy_function(name="asarray", arrays=0)
def asarray(a, dtype=None, order=None, **options):
    """``a`` as an array, without a copy where it is one already."""
    refuse(order=None if order in (None, "K", "C") else order, **options)
    if isinstance(a, Box) and (dtype is None or dtype == aval_of(a).dtype):
        if not is_scalar(a):
            return a
        made = copy_op(a)  # which is an array
        return by_default(made, a) if dtype is None else made
    if isinstance(a, numpy.ndarray) and (dtype is None or dtype == a.dtype):
        return current_interpreter().constant(a)
    return array.implementation(a, dtype)


@numpy_function(numpy.asanyarray, arrays=0)
def asanyarray(a, dtype=None, order=None, **options):
    """``asarray``; but subclasses of NumPy's arrays stay what they are."""
    refuse(a=None if isinstance(a, Box) else "no array of MinPy")
    return asarray.implementation(a, dtype, order, **options)


@numpy_function(numpy.asarray_chkfinite, arrays=0, mxnet=False)
def asarray_chkfinite(a, dtype=None, order=None):
    """``asarray`` of what holds neither nan nor an infinity."""
    a = asarray.implementation(a, dtype, order)
    if aval_of(a).dtype.kind in "fc" and not numpy.isfinite(content(a, "what is checked")).all():
        raise ValueError("array must not contain infs or NaNs")
    return a


@numpy_function(numpy.asfarray, arrays=0)
def asfarray(a, dtype=numpy.float64):
    """``a`` as an array of floats."""
    dtype = dtype if numpy.issubdtype(dtype, numpy.inexact) else numpy.float64
    return asarray.implementation(a, dtype)


@numpy_function(numpy.asfortranarray, arrays=0, mxnet=False)
def asfortranarray(a, dtype=None, **options):
    """``a`` with its elements in memory in the order of Fortran: itself where they are, else a copy."""
    refuse(**options)
    a = asarray.implementation(a, dtype)
    return transpose.implementation(ascontiguousarray.implementation(transpose.implementation(a)))


@numpy_function(numpy.require, arrays=0, mxnet=False)
def require(a, dtype=None, requirements=None, **options):
    """``a`` as an array with these flags: itself where it has them, else a copy."""
    refuse(**options, a=None if flows(a) else "without a gradient")
    known = content(a, "what is required")
    found = numpy.require(known, dtype, requirements)
    if found is known:
        return a
    a = asarray.implementation(a, found.dtype)
    if found.flags.f_contiguous and not found.flags.c_contiguous:
        return transpose.implementation(copy_op(transpose.implementation(a)))
    return copy_op(a)


@numpy_function(numpy.from_dlpack, mxnet=False)
def from_dlpack(x, /, **options):
    """An array on the memory of another library's."""
    refuse(**options, x=None if flows(x) else "without a gradient")  # NumPy's cannot be written to
    return x


def _by_numpy(function: Any, numpys: Any) -> Any:
    """NumPy's own, for options that the function does not take; its floats get the default dtype."""
    signature = inspect.signature(function.implementation)

    @functools.wraps(numpys)
    def make(*args: Any, **kwargs: Any) -> numpy.ndarray:
        made = numpys(*args, **kwargs)
        given = signature.bind_partial(*args, **kwargs).arguments
        keeps = given.get("dtype") is not None or _has_dtype(given.get("object", given.get("a")))
        return made if keeps or made.dtype != numpy.float64 else made.astype(default_dtype())

    return make


for _function in (zeros, ones, empty, full, arange, eye, identity, array, asarray):
    _function.numpy = _by_numpy(_function, getattr(numpy, _function.__name__))

for _function in (zeros, ones, empty, full, arange, eye, identity):
    _function.makes_constants = True
