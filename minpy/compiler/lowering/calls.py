"""Lowering of calls: functions of the op table, of NumPy, of Python, of the user."""

from __future__ import annotations

import builtins
import functools
import operator
import types
from collections.abc import Sequence
from typing import Any, Callable

import gast
import numpy

from minpy.compiler import draws
from minpy.compiler.guards import class_attribute
from minpy.compiler.lowering.containers import ContainerMethod, Instance
from minpy.compiler.lowering.frames import BoundMethod, Closure
from minpy.compiler.lowering.inplace import InPlace, stand_in
from minpy.compiler.lowering.instances import can_be_made
from minpy.compiler.lowering.operators import Made, UnknownMethod
from minpy.compiler.lowering.reads import Ref, is_constant_object, is_plain, unref, walk_values
from minpy.compiler.target import unjitted
from minpy.compiler.trace import ARRAY, ARRAY_SCALAR, MINPY, NDARRAY, SCALAR, Tracer
from minpy.errors import UnsupportedError
from minpy.ops import FUNCTIONS, Function, Op, of_numpy
from minpy.runtime.draws import GENERATORS

#: Functions without effects, computed at compile time from values known then.
_PURE = frozenset(
    (
        *(bin, chr, complex, hex, oct, ord, range, slice),
        *(operator.index, operator.itemgetter, operator.attrgetter, operator.methodcaller),
    )
)
_EFFECTS: dict[Any, str] = {
    print: "print",
    input: "input",
    open: "open",
    exec: "exec",
    eval: "eval",
    breakpoint: "breakpoint",
}

#: Modules whose functions do something that is seen.
_HAPPENING = {
    "pdb": "pdb",
    "bdb": "pdb",
    "logging": "logging",
    "warnings": "warnings",
    "_warnings": "warnings",
}

#: NumPy functions that make an array from values known at compile time, and functions about types.
_PURE_NUMPY = frozenset(
    (
        *(numpy.zeros, numpy.ones, numpy.empty, numpy.full, numpy.arange, numpy.linspace, numpy.logspace),
        *(numpy.eye, numpy.identity, numpy.array, numpy.asarray, numpy.tri, numpy.indices),
        *(numpy.finfo, numpy.iinfo),
        *(numpy.dtype, numpy.result_type, numpy.isscalar, numpy.ndim, numpy.shape, numpy.size),
    )
)
#: Types of what the region makes or knows, whose methods do what they do to abstract values too.
_WITH_METHODS = (list, dict, tuple, str, bytes, bool, int, float, complex)
_KIND_OF_NUMBERS = {ARRAY: ARRAY_SCALAR, NDARRAY: SCALAR}
#: functions whose result for a number of Python is of another type than that for an array
_KEEPING = frozenset(("real", "imag", "real_if_close", "squeeze", "transpose"))
_ABOUT_SHAPE: dict[Any, Callable] = {
    numpy.shape: lambda a: a.shape,
    numpy.ndim: lambda a: a.ndim,
    numpy.size: lambda a, axis=None: a.size if axis is None else a.shape[axis],
}


class Calls(InPlace):
    """The part of the lowering that applies functions."""

    inline: Callable[..., Any]
    inline_closure: Callable[[Closure, Sequence[Any], dict], Any]

    def _Call(self, node: Any) -> Any:
        return self.call(*self.call_parts(node))

    def call_parts(self, node: Any) -> tuple[Any, list, dict[str, Any]]:
        """What a call expression calls, and with which arguments."""
        try:
            function = self.evaluate(node.func)
        except UnknownMethod as error:
            self._blame_call(node, error)
            raise
        try:
            return function, *self._arguments(node)
        except UnsupportedError as error:
            self._keep(function, node.func, error)
            try:
                _check_open(unref(function))
            except UnsupportedError as own:
                self.blame(node, own)
                raise
            raise

    def _blame_call(self, node: Any, error: UnsupportedError) -> None:
        """An array has no method that the compiler knows: what stays with Python is the call of it."""
        if self.culprit is not None and self.culprit.error is error and self.culprit.node is node.func:
            self.culprit.node = node

    def _keep(self, function: Any, node: Any, error: UnsupportedError) -> None:
        """Note how the function of a call is found again, of which an argument was refused."""
        if self.culprit is None or self.culprit.error is not error:
            return
        if isinstance(node, gast.Name):
            if node.id not in self.frame.global_names and hasattr(builtins, node.id):
                self.culprit.kept[node] = True
        elif isinstance(node, gast.Attribute):
            is_of_module = isinstance(unref(self.evaluate(node.value)), types.ModuleType)
            if is_of_module or not isinstance(function, Ref):
                self.culprit.kept[node] = is_of_module

    def _arguments(self, node: Any) -> tuple[list, dict[str, Any]]:
        """The arguments of a call expression."""
        args = list(self._elements_of(node.args))
        kwargs: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg is None:
                kwargs.update(self.mapping(value))
            else:
                kwargs[keyword.arg] = value
        return args, kwargs

    def call(self, function: Any, args: list, kwargs: dict[str, Any]) -> Any:  # type: ignore[override]
        """``function(*args, **kwargs)`` on abstract values."""
        if isinstance(function, Closure):
            return self.inline_closure(function, args, kwargs)
        if isinstance(function, BoundMethod):
            _check_open(function.function)
            return self.inline(function.function, [function.instance, *args], kwargs)
        if isinstance(function, ContainerMethod):
            return self.call_container_method(function, args, kwargs)
        if isinstance(function, Made):
            return function.apply(*args, **kwargs)
        hook = getattr(type(function), "__minpy_lower__", None)
        if hook is not None:
            return hook(function, self, args, kwargs)
        if isinstance(function, Instance):
            method = self.python_method(function, "__call__")
            if method is None:
                raise TypeError(f"{function.kind.__name__!r} object is not callable")
            return self.call(method, args, kwargs)
        if isinstance(function, Tracer):
            raise TypeError("an array is not callable")
        if isinstance(function, Ref):
            return self._call_ref(function, args, kwargs)
        return self._call_method(function, args, kwargs)

    def _call_ref(self, ref: Ref, args: list, kwargs: dict[str, Any]) -> Any:
        function = ref.value
        hook = getattr(type(function), "__minpy_lower__", None)
        if hook is not None:
            self.guards.add(ref.path, "identity", function)
            return hook(function, self, args, kwargs)
        call = unjitted(class_attribute(type(function), "__call__"))
        if isinstance(call, types.FunctionType) and not isinstance(function, (Op, Function)):
            return self.inline(call, [ref, *args], kwargs)
        result = self.call_that_writes(function, args, kwargs)
        if result is not NotImplemented:
            return result
        if getattr(function, "__wrapped__", None) in _ABOUT_SHAPE:  # MinPy's, which runs NumPy's
            return self._call_known(function.__wrapped__, args, kwargs)
        if draws.generator_of(function) is not None:
            return draws.lower(self, ref, args, kwargs)
        _check_open(function)
        if isinstance(function, (Op, Function)):
            return self.apply(function, args, kwargs, ARRAY)
        if isinstance(function, types.FunctionType):
            known = self.library_function(function)
            if known is not None:
                return known(*args, **kwargs)
            known = of_numpy(function)
            if known is not None:
                return self._call_numpy(known, function, args, kwargs)
            if getattr(function, "__minpy_pure__", False):
                return self._make(function, args, kwargs)
            if function not in _PURE_NUMPY:
                path = None if self.is_constant(ref) else ref.path
                return self.inline(function, args, kwargs, path)
        if isinstance(function, types.MethodType):
            called = self.read(function.__func__, ref.path.attribute("__func__"))
            instance = self.read(function.__self__, ref.path.attribute("__self__"))
            return self.call(called, [instance, *args], kwargs)
        if isinstance(function, functools.partial):
            return self._call_partial(ref, args, kwargs)
        if isinstance(function, type) and can_be_made(function):
            return self.construct(ref, args, kwargs)
        return self._call_known(function, args, kwargs)

    def _make(self, function: Any, args: list, kwargs: dict[str, Any]) -> Any:
        """A function that makes another one, such as ``grad``, run now."""

        def given(value: Any) -> Any:  # ``reference`` finds the functions again
            is_function = isinstance(value, Ref) and isinstance(value.value, types.FunctionType)
            return value.value if is_function else self.plain(value)

        return function(*map(given, args), **{name: given(value) for name, value in kwargs.items()})

    def _call_known(self, function: Any, args: list, kwargs: dict[str, Any]) -> Any:
        """Functions of Python and NumPy that the compiler knows by name."""
        known = of_numpy(function) or _method_of_ufunc(function)
        if known is not None:
            return self._call_numpy(known, function, args, kwargs)
        if function in _ABOUT_SHAPE and args and isinstance(args[0], Tracer):
            rest = [self.plain(x) for x in args[1:]]
            return _ABOUT_SHAPE[function](
                args[0], *rest, **{name: self.plain(x) for name, x in kwargs.items()}
            )
        if function in _PURE_NUMPY or (isinstance(function, type) and issubclass(function, numpy.generic)):
            return self._make_numpy(function, args, kwargs)
        apply = self.library_function(function)
        if apply is not None:
            return apply(*args, **kwargs)
        if function in _PURE:
            plain = self.known_now(function, args, kwargs)
            return function(*plain, **kwargs)
        if isinstance(getattr(function, "__self__", None), GENERATORS):
            raise UnsupportedError(f"{function.__name__} draws new numbers on every call")
        if isinstance(function, functools._lru_cache_wrapper):
            raise UnsupportedError(f"{_name(function)} keeps its results, and only Python knows which")
        raise UnsupportedError(f"{_name(function)} is a function that the compiler does not know")

    def apply(self, function: Any, args: list, kwargs: dict[str, Any], namespace: Any) -> Any:
        """A function of the op table on plain values and tracers."""
        self._pin_what_is_kept(function, args)
        args = [self.plain(arg) for arg in args]
        kwargs = {name: self.plain(value) for name, value in kwargs.items()}
        if any(map(_is_huge, walk_values([args, kwargs]))):
            raise UnsupportedError("of an int of more than 64 bits NumPy makes an object")
        with self.trace.in_namespace(namespace):
            result = function(*args, **kwargs)
        if isinstance(result, Tracer) and any(result is arg for arg in args) and namespace is not None:
            kind = _KIND_OF_NUMBERS.get(namespace, namespace) if result.is_scalar else namespace
            return result if kind == result.kind else result.as_kind(kind)
        return result

    def _pin_what_is_kept(self, function: Any, args: list) -> None:
        """Make a number of Python a constant for functions that may give back what they are given."""
        if args and function.__name__ in _KEEPING:
            self.pin(args[0])

    def _call_numpy(self, known: Any, function: Any, args: list, kwargs: dict[str, Any]) -> Any:
        """A function of plain NumPy that the op table has."""
        self._pin_what_is_kept(known, args)
        plain = [self.plain(arg) for arg in args]
        named = {name: self.plain(value) for name, value in kwargs.items()}
        found = [v for x in (*plain, *named.values()) for v in walk_values(x) if isinstance(v, Tracer)]
        is_filled = function is not numpy.empty_like
        if is_filled and all(tracer.known is not None and not tracer.is_open for tracer in found):
            result = function(*map(_content, plain), **{name: _content(x) for name, x in named.items()})
            if not isinstance(result, numpy.ndarray):
                return result
            is_shared = any(numpy.may_share_memory(result, tracer.known) for tracer in found)
            if result.flags.writeable and not is_shared:
                return self._array_of_numpy(result)
        kinds = {tracer.kind for tracer in found}
        if kinds & MINPY and isinstance(function, types.FunctionType) and _module(function) == "scipy":
            raise UnsupportedError(f"{_name(function)} makes NumPy arrays of MinPy's")
        result = self.apply(known, plain, named, ARRAY if kinds & MINPY else NDARRAY)
        return result if is_filled else result.leave_open()

    def _array_of_numpy(self, array: numpy.ndarray) -> Tracer:
        with self.trace.in_namespace(NDARRAY):
            return self.trace.constant(array)

    def _make_numpy(self, function: Any, args: list, kwargs: dict[str, Any]) -> Any:
        if function is numpy.asarray and _is_array_of_numpy(args) and not kwargs:
            return args[0]
        if function in (numpy.array, numpy.asarray):
            values = [v for arg in args for v in walk_values(self.plain(arg))]
            tracers = [v for v in values if isinstance(v, Tracer)]
            if any(tracer.known is None for tracer in tracers):
                if function is numpy.asarray or "copy" in kwargs or any(t.kind in MINPY for t in tracers):
                    raise UnsupportedError(
                        f"numpy.{function.__name__} makes an array from arrays by NumPy itself"
                    )
                if len(args) == 1 and "dtype" not in kwargs:  # by NumPy's rules, not by ours
                    kwargs = {**kwargs, "dtype": numpy.array(stand_in(self.plain(args[0]))).dtype}
                return self.apply(FUNCTIONS["array"], args, kwargs, NDARRAY)
        if len(args) == 1 and isinstance(args[0], Tracer) and not kwargs and isinstance(function, type):
            return self._cast(args[0], function)
        plain = self.known_now(function, args, kwargs)
        named = {name: self.plain(value) for name, value in kwargs.items()}
        # An array that nobody has written to holds anything; in compiled code it holds zeros.
        if function is numpy.empty:
            return self._array_of_numpy(numpy.zeros(*plain, **named)).leave_open()
        made = function(*plain, **named)
        if isinstance(made, numpy.ndarray):
            return self._array_of_numpy(made)
        return made

    def _cast(self, x: Tracer, kind: type) -> Any:
        """``numpy.float32(x)``."""
        if x.kind in MINPY:
            raise UnsupportedError("an array is made from arrays by NumPy itself")
        with self.trace.in_namespace(NDARRAY if x.shape else SCALAR):
            return x.astype(kind)

    def known_now(self, function: Any, args: list, kwargs: dict[str, Any]) -> list:
        """Arguments that hold no array and no float that can change."""
        plain = [self.plain(arg) for arg in args]
        for value in (*plain, *kwargs.values()):
            for item in walk_values(value):
                self.pin(item)
                if isinstance(item, Tracer) and item.known is None:
                    raise UnsupportedError(f"{_name(function)} needs array data, known at run time only")
                if isinstance(item, (Closure, Made)):
                    raise UnsupportedError(f"{_name(function)} gets a function")
        return [_content(value) for value in plain]

    def _call_partial(self, ref: Ref, args: list, kwargs: dict[str, Any]) -> Any:
        partial = ref.value
        self.guards.add(ref.path, "identity", partial)
        fixed = self.guards.fixed_path(partial, str(ref.path))
        function = self.read(partial.func, fixed.attribute("func"))
        given = self.elements(self.read(partial.args, fixed.attribute("args")))
        named = dict(self.mapping_items(self.read(partial.keywords, fixed.attribute("keywords"))))
        return self.call(function, [*given, *args], {**named, **kwargs})

    def _call_method(self, function: Any, args: list, kwargs: dict[str, Any]) -> Any:
        """A method of a tracer, or of a container or string that the region knows."""
        owner = getattr(function, "__self__", None)
        if isinstance(owner, Tracer):
            if kwargs.get("out") is not None and function.__name__ in FUNCTIONS:
                return self.call_that_writes(FUNCTIONS[function.__name__], [owner, *args], kwargs)
            given = [v for x in (*args, *kwargs.values()) for v in walk_values(x) if isinstance(v, Tracer)]
            if owner.kind not in MINPY and any(v.kind in MINPY for v in given):
                raise UnsupportedError("a method of a NumPy array makes NumPy arrays of MinPy's")
            return self.apply(function, args, kwargs, self.trace.namespace)
        if type(owner) is str:
            return self.text_by_method(function, args, kwargs)
        if type(owner) in _WITH_METHODS and isinstance(function, types.BuiltinMethodType):
            if type(owner) in (list, tuple) and function.__name__ in ("count", "index"):
                args = [self.comparable(arg, True) for arg in args]
                function = getattr(self.comparable(owner), function.__name__)
            if type(owner) is list and function.__name__ == "remove":
                for item in walk_values([owner, args]):
                    self.check_comparable(item)
            if type(owner) is dict and function.__name__ in ("get", "pop", "setdefault"):
                args = [*map(self.key, args[:1]), *args[1:]]
            elif type(owner) not in (list, dict, tuple):
                args = self.known_now(function, args, kwargs)
                if not all(is_plain(arg) or type(arg) in (list, tuple, float) for arg in args):
                    raise UnsupportedError("an object is formatted into a string")
            return function(*args, **kwargs)
        if is_constant_object(function):  # a key of a dict that the region made
            return self._call_ref(self.reference(function), args, kwargs)
        raise UnsupportedError(f"{_name(function)} is a function that the compiler does not know")


def _method_of_ufunc(function: Any) -> Any:
    """The table's function for ``numpy.add.reduce`` and the like; None for others."""
    ufunc = getattr(function, "__self__", None)
    if not isinstance(ufunc, numpy.ufunc):
        return None
    return getattr(of_numpy(ufunc), function.__name__, None)


def _check_open(function: Any) -> None:
    """Raise for functions whose body is not to be compiled."""
    if hasattr(function, "__minpy_opaque__"):
        raise UnsupportedError(function.__minpy_opaque__)
    if isinstance(function, types.BuiltinFunctionType) and function in _EFFECTS:
        raise UnsupportedError(f"{_EFFECTS[function]} has to happen on every call, with real values")
    module = getattr(function, "__module__", "")
    if module in _HAPPENING:
        name = f"{_HAPPENING[module]}.{function.__name__}"
        raise UnsupportedError(f"{name} has to happen on every call, with real values")


def _is_huge(x: Any) -> bool:
    return type(x) is int and not -(2**63) <= x < 2**64


def _content(x: Any) -> Any:
    """Tracers of what is known at compile time replaced by NumPy's arrays."""
    if isinstance(x, Tracer):
        assert x.known is not None
        return x.known
    if type(x) in (list, tuple):
        return type(x)(_content(item) for item in x)
    return x


def _is_array_of_numpy(args: list) -> bool:
    return len(args) == 1 and isinstance(args[0], Tracer) and args[0].kind == NDARRAY


def _module(function: Any) -> str:
    """The package that a function belongs to."""
    return (getattr(function, "__module__", None) or "").partition(".")[0]


def _name(function: Any) -> str:
    module = (getattr(function, "__module__", None) or "").lstrip("_")
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
    if name is None:
        return repr(function)
    return f"{module}.{name}" if module and module != "builtins" else name
