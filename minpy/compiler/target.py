"""What ``jit`` was given: the Python function in it, and how a call's arguments reach its parameters."""

from __future__ import annotations

import functools
import inspect
import itertools
import linecache
import types
import weakref
from typing import Any, Callable

from minpy.compiler.guards import class_attribute
from minpy.ops import Function, Op

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


_NOTHING = object()


class Target:
    """A callable with a Python function in it.

    Attributes:
        callable: what ``jit`` was given: a function, or a bound method, partial or object that calls one.
        function: the Python function that is compiled; None where there is none.
        names: of its parameters, in the order of the code object.
        is_simple: ``callable`` is ``function``, and each parameter takes one argument by position.
    """

    def __init__(self, target: Callable):
        self.callable = target
        self.function, args, _ = _python_function(target)
        self.names: tuple[str, ...] = ()
        if self.function is None:
            return
        self._adds = len(args)  # arguments before those of the call
        self._is_plain = self.function is target
        self._read_signature()
        self._positional = [p.name for p in self._parameters.values() if p.kind in _BY_POSITION]
        code = self.function.__code__
        count = code.co_argcount + code.co_kwonlyargcount
        self.names = code.co_varnames[: count + sum(bool(code.co_flags & flag) for flag in (0x04, 0x08))]
        self.is_simple = self._is_plain and len(self._positional) == len(self._parameters)

    def _read_signature(self) -> None:
        function = self.function
        assert function is not None
        self._defaults = function.__defaults__, function.__kwdefaults__
        self._signature = inspect.signature(function, follow_wrapped=False)
        self._parameters = self._signature.parameters
        parameters = self._parameters.values()
        kinds = [p.kind for p in parameters]
        self._passes_on = kinds == [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD]
        ends_open = kinds[-1:] == [inspect.Parameter.VAR_POSITIONAL]
        self._gathers = ends_open and set(kinds[:-1]) <= set(_BY_POSITION)
        self._is_usual = all(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
        self._by_default = {p.name: p.default for p in parameters if p.default is not p.empty}

    def values(self, args: tuple, kwargs: dict[str, Any]) -> tuple | None:
        """The arguments of a call in the order of ``names``; None where Python has to raise TypeError."""
        if self.is_simple and not kwargs and len(args) == len(self._positional):
            return args
        if not self._is_plain:
            function, first, named = _python_function(self.callable)
            if function is not self.function:  # the class of an object got another ``__call__``
                return None
            args, kwargs = (*first, *args), {**named, **kwargs}
        if (self.function.__defaults__, self.function.__kwdefaults__) != self._defaults:  # type: ignore[union-attr]
            self._read_signature()
        if self._passes_on:
            return args, kwargs
        named_apart = len(self.names) - 1
        if self._gathers and not kwargs and len(args) >= named_apart:
            return *args[:named_apart], args[named_apart:]
        if self._is_usual and len(args) <= len(self.names):
            missing = self.names[len(args) :]
            if kwargs.keys() <= set(missing):
                found = (*args, *[kwargs.get(name, self._by_default.get(name, _NOTHING)) for name in missing])
                return None if any(x is _NOTHING for x in found) else found
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError:
            return None
        bound.apply_defaults()
        return tuple([bound.arguments[name] for name in self.names])

    def run(self, *values: Any) -> tuple[bool, Any]:
        """The plain function on values of its parameters, with the result as a block gives it."""
        named = dict(zip(self.names, values))
        args: list = []
        kwargs: dict[str, Any] = {}
        for name, parameter in self._parameters.items():
            if parameter.kind in _BY_POSITION:
                args.append(named[name])
            elif parameter.kind is parameter.VAR_POSITIONAL:
                args.extend(named[name])
            elif parameter.kind is parameter.KEYWORD_ONLY:
                kwargs[name] = named[name]
            else:
                kwargs.update(named[name])
        return True, self.function(*args, **kwargs)  # type: ignore[misc]

    def place_of(self, argument: int | str) -> tuple[str, tuple] | None:
        """The parameter that receives an argument, and the steps to it within ``*args`` or ``**kwargs``."""
        if self.function is None:
            return None
        if isinstance(argument, int):
            position = argument + self._adds
            if position < len(self._positional):
                return self._positional[position], ()
            name, step = self._name_of(inspect.Parameter.VAR_POSITIONAL), position - len(self._positional)
            return name and (name, (step,))
        found = self._parameters.get(argument)
        if found is not None and found.kind in _NAMED:
            return argument, ()
        name = self._name_of(inspect.Parameter.VAR_KEYWORD)
        return name and (name, (argument,))

    def _name_of(self, kind: Any) -> Any:
        return next((p.name for p in self._parameters.values() if p.kind is kind), None)


def _python_function(target: Any) -> tuple[types.FunctionType | None, tuple, dict[str, Any]]:
    """The Python function that a call of ``target`` runs, and the arguments that ``target`` adds to it."""
    args: tuple = ()
    kwargs: dict[str, Any] = {}
    while not hasattr(target, "__minpy_opaque__"):
        if isinstance(target, types.FunctionType):
            return target, args, kwargs
        if isinstance(target, types.MethodType):
            target, args = target.__func__, (target.__self__, *args)
        elif isinstance(target, functools.partial):
            args, kwargs, target = (*target.args, *args), {**target.keywords, **kwargs}, target.func
        elif unjitted(target) is not target:
            target = unjitted(target)
        else:
            call = unjitted(class_attribute(type(target), "__call__"))
            if isinstance(target, (Op, Function)) or not isinstance(call, types.FunctionType):
                break
            target, args = call, (target, *args)
    return None, (), {}


def unjitted(function: Any) -> Any:
    """What ``jit`` was given, for a jitted function; anything else as it is."""
    return function.function if isinstance(getattr(function, "target", None), Target) else function


def calling(function: Callable) -> Callable:
    """A Python function that calls something that knows itself how it is compiled, such as a gradient.

    It has the parameters of what it calls, where these are known, so that each is a variable of its own.
    """
    defaults: dict[str, Any] = {}
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = [
            inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
            inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
        ]
    for i, parameter in enumerate(parameters):
        default = parameter.default
        if default is not parameter.empty:
            default = _Text(f"{_DEFAULTS}[{parameter.name!r}]")
            defaults[parameter.name] = parameter.default
        parameters[i] = parameter.replace(default=default, annotation=parameter.empty)
    given = ", ".join(map(_passed_on, parameters))
    text = f"def call{inspect.Signature(parameters)}:\n    return {_CALLED}({given})\n"
    file = f"{CALL_FILE} {next(_numbers)}>"
    namespace: dict[str, Any] = {_CALLED: function, _DEFAULTS: defaults, "__name__": __name__}
    exec(compile(text, file, "exec"), namespace)
    call: Callable = functools.wraps(function)(namespace["call"])
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    weakref.finalize(call, linecache.cache.pop, file, None)
    return call


#: how the names of files begin that have only such a function
CALL_FILE = "<minpy call"
_CALLED, _DEFAULTS = "_minpy_called", "_minpy_defaults"
_numbers = itertools.count()


class _Text(str):
    """Text whose representation is the text."""

    __repr__ = str.__str__


def _passed_on(parameter: inspect.Parameter) -> str:
    """How an argument is passed on."""
    name = parameter.name
    forms: dict[Any, str] = {
        parameter.VAR_POSITIONAL: f"*{name}",
        parameter.VAR_KEYWORD: f"**{name}",
        parameter.KEYWORD_ONLY: f"{name}={name}",
    }
    return forms.get(parameter.kind, name)
