"""``@minpy.jit``: a function that runs compiled where it can."""

from __future__ import annotations

import copy
import functools
import sys
import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Callable, NoReturn, Union, overload

import numpy

from minpy.compiler.cache import CacheInfo
from minpy.compiler.driver import PASSES
from minpy.compiler.eager import compiles_now, decorate
from minpy.compiler.joint import Found, Wanted, value_and_gradients
from minpy.compiler.lowering.reads import walk_values
from minpy.compiler.passes import check_settings
from minpy.compiler.program import Options, Program
from minpy.compiler.regions import Block
from minpy.compiler.surroundings import Surroundings
from minpy.compiler.target import Target, calling
from minpy.compiler.tracer import NUMBERS, Tracer
from minpy.errors import NotCompiledError, StaticArgumentError, UnsupportedError
from minpy.runtime.array import Array
from minpy.runtime.location import without_own_frames
from minpy.runtime.routes import Meter, Routed, Routes

Names = Union[str, Iterable[str]]


_watching: list[list[JitFunction]] = []


@contextmanager
def jitted_functions() -> Iterator[list[JitFunction]]:
    """``with jitted_functions() as functions:`` lists the functions that are jitted inside."""
    functions: list[JitFunction] = []
    _watching.append(functions)
    try:
        yield functions
    finally:
        _watching.remove(functions)


class JitFunction(Routed):
    """A function together with its compiled forms; what ``minpy.jit`` gives.

    Calling it gives what the plain function gives. ``minpy.explain`` shows what was compiled. It is
    pickled like a function, by name. Copying it gives the same object, as for a function; only what is
    jitted on top of a bound method or a partial is copied with the objects in it.

    Attributes:
        function: the plain function.
    """

    __name__: str
    __qualname__: str

    def __init__(self, function: Callable, options: Options):
        attributes = functools.WRAPPER_UPDATES if isinstance(function, types.FunctionType) else ()
        functools.update_wrapper(self, function, updated=attributes)
        check_settings(PASSES)
        self.function = function
        self.options = options
        self.target = Target(function)
        if not hasattr(function, "__name__"):  # a partial, or an object with ``__call__``
            self.__name__ = getattr(self.target.function, "__name__", repr(function))
            self.__qualname__ = getattr(self.target.function, "__qualname__", repr(function))
        self.root: Block | None = None
        self._static = [self.target.names.index(name) for name in options.static_argnames]
        self.cache_clear()
        for functions in _watching:
            functions.append(self)

    def cache_clear(self) -> None:
        """Forget all compiled versions and all counts."""
        made = self._fresh()  # before anything is forgotten: other threads may be calling
        if self.root is not None:
            self.root.plans.close()
        self.program, self.root, self.reason = made
        self.meter = self.root.function_meter if self.root is not None else Meter()
        self.routes = self.root.routes if self.root is not None else Routes()

    @property
    def calls(self) -> int:
        """How often it was called."""
        return self.meter.calls

    def _fresh(self) -> tuple[Program | None, Block | None, str]:
        """Program and block with nothing compiled, or why there are none."""
        function = self.target.function
        if function is None:
            no_source = f"{self.function!r} is not a Python function, so it has no source"
            return None, None, getattr(self.function, "__minpy_opaque__", no_source)
        try:
            program = Program(function, self.options)
        except UnsupportedError as error:
            return None, None, error.reason
        program.refuse = self._refuse if self.options.strict else None
        root = Block(program, program.source.body, self.target.names, (), static=self.options.static_argnames)
        root.as_python = self.target.run
        root.routes = Routes(without_own_frames, not self.target.is_simple)
        return program, root, ""

    def cache_info(self) -> CacheInfo:
        """How often a call found a compiled version, and how many versions are kept."""
        if self.root is None or self.program is None:
            return CacheInfo(0, 0, 0, self.options.cache_size, 0)
        hits = max(0, self.calls - self.root.misses)
        size = len(self.root.plans)
        return CacheInfo(hits, self.root.misses, size, self.options.cache_size, self.program.evictions)

    def arranged(self, args: tuple, kwargs: dict[str, Any]) -> tuple | None:
        """The arguments of a call in the order of the parameters; None where they do not fit."""
        return self.target.values(args, kwargs)

    def call_slowly(self, *args: Any, **kwargs: Any) -> Any:
        """A call that no route is for."""
        self.meter.calls += 1
        values = self._values(args, kwargs)
        if values is None:
            return self.function(*args, **kwargs)
        try:
            with Surroundings():
                result = self.root.run(values)  # type: ignore[union-attr]
            return result[1] if result[0] else None  # a function that ends without return
        except Exception as error:
            raise error.with_traceback(without_own_frames(error.__traceback__))  # noqa: B904  # its chain stays

    def value_and_gradients(self, args: tuple, kwargs: dict[str, Any], wanted: Wanted) -> Found | None:
        """The value and the gradients by one graph, or None where not all of the function compiles."""
        values = self._values(args, kwargs)
        if values is None:
            return None
        found = value_and_gradients(self.root, values, wanted)  # type: ignore[arg-type]
        self.meter.calls += found is not None
        return found

    def _values(self, args: tuple, kwargs: dict[str, Any]) -> tuple | None:
        """The arguments in the order of the parameters. None where the function has to run plainly."""
        if not compiles_now():
            return None
        if self.root is None:
            return self._refuse() if self.options.strict else None
        values = self.target.values(args, kwargs)
        if values is not None:
            for position in self._static:
                if isinstance(values[position], (Array, numpy.ndarray)):
                    raise StaticArgumentError(
                        f"the argument {self.target.names[position]} is in static_argnames, and is an array. "
                        "Arrays are inputs of the compiled code; static are numbers, strings, what holds such"
                    )
        return values

    def _refuse(self, *_: Any) -> NoReturn:
        """Under ``strict``: say what is left to Python."""
        from minpy.compiler.explain import explain  # which knows JitFunction

        raise NotCompiledError(f"jit(strict=True): not everything is compiled.\n{explain(self)}")

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __minpy_lower__(self, lowering: Any, args: list, kwargs: dict[str, Any]) -> Any:
        """Inside another compiled function: inlined."""
        given: list[tuple[Any, Any]] = [*enumerate(args), *kwargs.items()]
        for argument, value in given:
            place = self.target.place_of(argument)
            if place is not None and place[0] in self.options.static_argnames:
                for part in walk_values(value):
                    if isinstance(part, Tracer) and (part is value or part.kind in NUMBERS):
                        lowering.pin(part)
                        raise UnsupportedError(f"{place[0]} is a static argument, known at run time only")
        return lowering.call(lowering.reference(self.function), args, kwargs)

    def __repr__(self) -> str:
        return f"<minpy.jit of {self.function!r}>"

    def __copy__(self) -> JitFunction:
        return self

    def __deepcopy__(self, memo: dict) -> JitFunction:
        function = copy.deepcopy(self.function, memo)
        return self if function is self.function else JitFunction(function, self.options)

    def __reduce__(self) -> Any:
        found: Any = sys.modules.get(self.__module__)
        for name in self.__qualname__.split("."):
            found = getattr(found, name, None)
        if found is self:
            return self.__qualname__
        return JitFunction, (self.function, self.options)


@overload
def jit(
    function: Callable,
    *,
    static_argnames: Names = ...,
    strict: bool = ...,
    check: bool = ...,
    cache_size: int = ...,
    donate_argnames: Names = ...,
) -> JitFunction: ...


@overload
def jit(
    function: None = None,
    *,
    static_argnames: Names = ...,
    strict: bool = ...,
    check: bool = ...,
    cache_size: int = ...,
    donate_argnames: Names = ...,
) -> Callable[[Callable], JitFunction]: ...


def jit(
    function: Any = None,
    *,
    static_argnames: Names = (),
    strict: bool = False,
    check: bool = False,
    cache_size: int = 64,
    donate_argnames: Names = (),
) -> Any:
    """Compile a function of NumPy code to MXNet graphs; use as ``@jit`` or ``@jit(strict=True)``.

    Nothing happens at decoration. The first call with new shapes, dtypes or constants compiles; what
    cannot be compiled runs as Python. The result never differs from the plain function's.

    Args:
        function: a function, method, partial, object with ``__call__``, or a gradient such as
            ``minpy.grad(loss)``; also a classmethod, staticmethod or property within a class. What has no
            Python source, such as a builtin, runs as it is.
        static_argnames: a name or several: these arguments are constants of the compiled code. Ints,
            strings and the like are anyway; a float named here is one too, and each value of it
            compiles a version of its own.
        strict: raise NotCompiledError where anything is left to Python.
        check: on the first call with new shapes, dtypes or constants run the code as plain Python too, on
            copies of the arguments, and raise CheckError where the results differ.
        cache_size: how many compiled versions are kept. Past that the least recently used one goes, with
            one PerformanceWarning.
        donate_argnames: a name or several: the arrays in these arguments are given up, and results of their
            shapes and dtypes take their memory, as the new parameters of a training step can. An array whose
            memory was taken raises DonatedError where it is used. Where memory cannot be taken, as while a
            view or an array of NumPy sees it, there is one PerformanceWarning; small arrays are copied.

    Raises:
        TypeError: where ``function`` is not callable, or is a class, or a name is no text.
        ValueError: where ``cache_size`` is not positive.
        StaticArgumentError: where ``static_argnames`` or ``donate_argnames`` names what is no parameter; on a
            call, where a static argument is an array.
        NotCompiledError: on a call, under ``strict``; its text is that of ``explain``.
    """
    if isinstance(cache_size, bool) or not isinstance(cache_size, int) or cache_size < 1:
        raise ValueError(f"cache_size is a positive integer, not {cache_size!r}")
    static = _names(static_argnames, "static_argnames")
    donated = _names(donate_argnames, "donate_argnames")
    options = Options(static, strict, check, cache_size, donated)
    if function is None:
        return functools.partial(_jit, options=options)
    return _jit(function, options)


jit.__minpy_pure__ = True  # type: ignore[attr-defined]  # a compiled function may call it


def _names(names: Names, option: str) -> frozenset[str]:
    found = [names] if isinstance(names, str) else list(names) if isinstance(names, Iterable) else [None]
    if not all(isinstance(name, str) for name in found):
        raise TypeError(f"{option} is a name of a parameter or several, not {names!r}")
    return frozenset(found)


def _jit(function: Any, options: Options) -> Any:
    return decorate(functools.partial(_jitted, options=options), function, "jit")


def _jitted(function: Any, options: Options) -> JitFunction:
    if isinstance(function, JitFunction):
        if options in (Options(), function.options):
            return function
        function = function.function
    if hasattr(type(function), "__minpy_lower__"):
        if hasattr(type(function), "__minpy_jit__"):
            function = function.__minpy_jit__(functools.partial(_jit, options=options))
            options = options._replace(static_argnames=frozenset(), donate_argnames=frozenset())
        function = calling(function)
    _check_names(function, options.static_argnames, "static_argnames")
    _check_names(function, options.donate_argnames, "donate_argnames")
    return JitFunction(function, options)


def _check_names(function: Callable, names: frozenset[str], option: str) -> None:
    known = Target(function).names
    for name in sorted(names):
        if name not in known:
            raise StaticArgumentError(
                f"{option}: {getattr(function, '__name__', function)} has no parameter {name!r}; "
                f"it has {', '.join(known) or 'none that can be seen'}"
            )
