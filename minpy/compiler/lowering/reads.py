"""Reading values that live outside of the region: what becomes an input, what is guarded.

* arrays and floats become inputs of the graph: they may change from call to call;
* other plain values (ints, strings, None, ...) are compile-time constants under a guard, but ints and strings
  that change from call to call are known at run time only, as long as nothing depends on their values;
* functions, classes and modules are constants by identity;
* lists, tuples, dicts and objects become a ``Ref``: nothing of them is relied upon until it is read.
"""

from __future__ import annotations

import builtins
import enum
import inspect
import operator
import types
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy

from minpy.compiler.aliasing import Aliasing, Origin
from minpy.compiler.guards import Guards, array_type, class_attribute
from minpy.compiler.lowering.frames import OfRegion
from minpy.compiler.paths import Path, identifier
from minpy.compiler.reals import Deferred, Number, Reader
from minpy.compiler.trace import Trace
from minpy.compiler.tracer import ARRAY, ARRAY_SCALAR, NDARRAY, SCALAR, Tracer
from minpy.compiler.varying import FREE, Numbers, seems_constant
from minpy.errors import UnsupportedError
from minpy.ops import Aval, Function, Op
from minpy.runtime.array import Array
from minpy.runtime.draws import GENERATORS
from minpy.runtime.native import MXNET_DTYPES
from minpy.runtime.scalar import Scalar

_PLAIN = (bool, int, str, bytes, complex, type(None), type(Ellipsis), numpy.dtype)
_BY_IDENTITY = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    type,
    numpy.ufunc,
    operator.itemgetter,
    operator.attrgetter,
    operator.methodcaller,
    Op,
    Function,
)
_KINDS = {Array: ARRAY, Scalar: ARRAY_SCALAR, numpy.ndarray: NDARRAY}


def kind_of(value: Any) -> str | None:
    """The kind of an array; None for what is none, or a special one."""
    return _KINDS.get(type(value), SCALAR if isinstance(value, numpy.generic) else None)


class Ref:
    """A container, object, function or module from outside, and the path to it."""

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: Path):
        self.value = value
        self.path = path

    def __repr__(self) -> str:
        return f"{self.path}, a {type(self.value).__name__}"


class Text(Deferred, Ref):
    """A text of which only the type is known; see ``Deferred``. Reading from it asks for it as a constant."""

    __slots__ = ("reader", "sources")

    def __init__(self, reader: Reader, path: Path, value: str, sources: tuple[Path, ...]):
        super().__init__(value, path)
        self.reader = reader
        self.sources = sources


class PinRequest(Exception):
    """A value was needed at compile time: lower again with the value at ``path`` as a constant."""

    def __init__(self, path: Path):
        super().__init__(str(path))
        self.path = path


class ReadRequest(Exception):
    """A number that was changed without being read is read after all: lower again and read it at once."""

    def __init__(self, path: Path):
        super().__init__(str(path))
        self.path = path


def is_plain(value: Any) -> bool:
    """Whether a value can be a compile-time constant that is compared by ``==``."""
    return type(value) in _PLAIN or isinstance(value, (enum.Enum, numpy.dtype))


def is_constant_object(value: Any) -> bool:
    """Whether a value is a compile-time constant that is compared by ``is``."""
    return isinstance(value, _BY_IDENTITY) or type(value).__name__ == "_ArrayFunctionDispatcher"


def is_made_by_call(value: Any, path: Path) -> bool:
    """Whether a value is an inner function that a variable holds: another one at each call, as a rule."""
    while path.parent is not None:
        path = path.parent
    is_function = isinstance(value, types.FunctionType) and bool(value.__code__.co_flags & inspect.CO_NESTED)
    return is_function and path.step == "local"


class Reads:
    """The part of the lowering that reads from outside. Floats in what is ``pinned`` are constants."""

    trace: Trace
    guards: Guards
    pinned: frozenset[Path]
    numbers: Numbers
    same: dict[Path, Path]  # paths to arrays that another path leads to as well
    counted: frozenset[Path]  # numbers that are not only counted on, but read
    chosen: dict[Path, tuple[Path, ...]]  # elements at positions that vary, and what those depend on

    def __init__(self) -> None:
        self.trace = trace = Trace()
        self.guards = Guards(lambda: trace.loc)  # plans keep the guards, but not the lowering
        self.aliasing = trace.watcher = Aliasing(self.guards)
        self._tracers: dict[Path, Tracer] = {}
        self.inputs: list[Tracer] = []  # of the graph
        self.computed = 0  # numbers that Python computes before the graph runs
        self.chosen = {}
        self.states: dict[tuple, Path] = {}  # of generators that numbers are drawn from; see ``draws``
        self._made_functions: dict[int, Path] = {}  # id of a function that is made anew -> its path

    def read(self, value: Any, path: Path) -> Any:
        """What the lowering works on for a value that was found at ``path``."""
        if path in self.same:
            self.guards.add(path, "same", self.same[path])
            path = self.same[path]
        if path in self._tracers:
            return self._tracers[path]
        if isinstance(value, (Array, numpy.ndarray, numpy.generic)):
            return self._read_array(value, path)
        if type(value) is float:
            return self._read_number(value, path)
        if is_plain(value):
            return self._read_plain(value, path)
        if is_made_by_call(value, path):
            return self._read_made_function(value, path)
        is_quiet = class_attribute(type(value), "__getattr__") is None  # else asking runs code of the user's
        if is_quiet and isinstance(getattr(value, "__self__", None), GENERATORS):
            self.guards.add(path.attribute("__name__"), "value", value.__name__)
            self.guards.add(path.attribute("__self__"), "type", type(value.__self__))
        elif isinstance(value, types.BuiltinFunctionType) and type(value.__self__) is not types.ModuleType:
            self.guards.add(path, "value", value)  # a bound method: another one at each reading, but equal
        elif is_constant_object(value):
            self.guards.add(path, "identity", value)
        else:
            self.guards.add(path, "type", type(value))
        return Ref(value, path)

    def _read_made_function(self, function: types.FunctionType, path: Path) -> Ref:
        """A function that is another one at each call, with the same code; see ``is_made_by_call``."""
        known = self._made_functions.setdefault(id(function), path)
        if known != path:
            self.guards.add(path, "same", known)
            return Ref(function, known)
        self.guards.add(path, "type", types.FunctionType)
        self.guards.add(path.attribute("__code__"), "identity", function.__code__)
        self.guards.add(path.attribute("__globals__"), "identity", function.__globals__)
        return Ref(function, path)

    def is_constant(self, ref: Ref) -> bool:
        """Whether the guards fix which object a Ref stands for."""
        return is_constant_object(ref.value) and id(ref.value) not in self._made_functions

    def _read_array(self, value: Any, path: Path) -> Any:
        found, kind = array_type(value), kind_of(value)
        if kind is None:
            raise UnsupportedError(f"{path} is a {found.type.__name__}, a special kind of array")
        if found.aval.dtype not in MXNET_DTYPES:
            raise UnsupportedError(f"{path} has dtype {found.aval.dtype}, which MXNet does not have")
        if isinstance(value, numpy.generic) and self._is_pinned(path):
            self.guards.add(path, "value", value)
            return value
        self.guards.add(path, "array", found)
        return self._new_input(found.aval, kind, path, value)

    def _read_plain(self, value: Any, path: Path) -> Any:
        is_varying = path.root in self.chosen or self.guards.key(path) in self.numbers.inputs
        if type(value) not in FREE or not is_varying or self._is_pinned(path):
            self.guards.add(path, "value", value)
            return value
        if type(value) is int:
            return self._read_number(value, path)
        self.guards.add(path, "type", str)
        return Text(self, path, value, (path,))

    def _read_number(self, value: Any, path: Path) -> Any:
        is_free = self.guards.key(path) in self.numbers.inputs
        if self._is_pinned(path) or (type(value) is float and not is_free and seems_constant(path)):
            self.guards.add(path, "value", value)
            return value
        self.guards.add(path, "type", type(value))
        number = self._tracers[path] = Number(self, path, value, (path,))
        return number

    @property
    def size(self) -> int:
        """How much was recorded: equations, and what Python computes before."""
        return len(self.trace.eqns) + self.computed

    def add_input(self, number: Number, aval: Aval, value: Any) -> Any:
        """A new input of the graph for a number."""
        tracer = self.trace.input(aval, number.kind, identifier(number.path.label))
        number.origin = Origin(number.path, value, self.guards.input(number.path))
        self.inputs.append(number)
        return tracer.atom

    def _is_pinned(self, path: Path | None) -> bool:
        """Whether a number is a constant, by itself or as a part of something that is."""
        while path is not None:
            if path in self.pinned:
                return True
            path = path.parent
        return False

    def _new_input(self, aval: Aval, kind: str, path: Path, value: Any) -> Tracer:
        tracer = self.trace.input(aval, kind, identifier(path.label))
        tracer.origin = Origin(path, value, self.guards.input(path))
        self.inputs.append(tracer)
        if isinstance(value, Array):
            self.trace.context = value.context
        self.aliasing.add(tracer)
        self._tracers[path] = tracer
        return tracer

    def reference(self, obj: Any) -> Any:
        """A Ref to an object that the compiler itself came by; what the region defined is itself."""
        if isinstance(obj, OfRegion):
            return obj
        if id(obj) in self._made_functions:
            return Ref(obj, self._made_functions[id(obj)])
        return Ref(obj, self.guards.fixed_path(obj, getattr(obj, "__name__", repr(obj))))

    def pin(self, value: Any) -> None:
        """Ask for what is known at run time only as a constant, where it decides what is compiled."""
        if isinstance(value, Deferred):
            value.pin()

    def pin_path(self, path: Path) -> NoReturn:
        """Ask for the number or text at a path as a constant."""
        path = self.chosen.get(path.root, (path,))[0]
        if self.guards.key(path) in self.numbers.unsettled:
            raise UnsupportedError(f"{path} changes again and again, and decides what is compiled")
        raise PinRequest(path)


def unref(x: Any) -> Any:
    """The value behind a Ref."""
    return x.value if isinstance(x, Ref) else x


def walk_values(x: Any) -> Iterator[Any]:
    """All values in nested containers that the region made, the containers included."""
    yield x
    if type(x) in (list, set) or isinstance(x, tuple):
        for item in x:
            yield from walk_values(item)
    elif type(x) is dict:
        for item in x.values():
            yield from walk_values(item)


def is_builtin_name(name: str) -> bool:
    """Whether Python defines a name for every module."""
    return hasattr(builtins, name)
