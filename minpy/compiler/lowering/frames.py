"""Frames of the lowering: variables of a function, and how its parameters get their values."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

from minpy.compiler.ir import Loc
from minpy.compiler.paths import Path
from minpy.compiler.source import Source
from minpy.errors import UnsupportedError

#: what a variable holds that has no value
UNBOUND: Any = type("no value", (), {"__repr__": lambda self: "<unbound>"})()


class Unforeseen:
    """What a variable holds where that is known only when the program has run; for ``explain``."""

    __slots__ = ("reason",)

    def __init__(self, reason: str):
        self.reason = reason


class UnforeseenError(UnsupportedError):
    """A value is used that is unforeseen."""


class Frame:
    """A function that is being lowered.

    Attributes:
        function: None for a function that the region defined.
        path: to the function, where it is another one at each call.
        outer: the frame that the function was defined in, where the region defined it.
        caller: the line of the call, where the function is inlined.
        is_comprehension: the frame is that of a comprehension, where ``:=`` binds outside.
    """

    __slots__ = ("caller", "function", "is_comprehension", "outer", "path", "source", "variables")

    def __init__(
        self,
        source: Source,
        function: types.FunctionType | None,
        outer: Frame | None,
        is_comprehension: bool = False,
    ):
        self.is_comprehension = is_comprehension
        self.source = source
        self.function = function
        self.outer = outer
        self.path: Path | None = None
        self.caller: Loc | None = None
        self.variables: dict[str, Any] = {}

    def owner(self, name: str) -> Frame | None:
        """The frame that an assignment to ``name`` here reaches; None where it goes out of the region."""
        if name in self.source.global_names:
            return None
        if self.is_comprehension or name not in self.source.nonlocal_names:
            return self
        frame = self.outer
        while frame is not None and name not in frame.variables:
            if name in frame.source.global_names:
                return None
            frame = frame.outer
        return frame

    def loc(self, node: Any) -> Loc:
        """Where a node of this function stands."""
        return self.source.loc(node, self.caller)

    @property
    def home(self) -> Frame:
        """The frame of the real function around the code: it has the globals and the closure."""
        frame: Frame = self
        while frame.function is None:
            assert frame.outer is not None
            frame = frame.outer
        return frame

    @property
    def global_names(self) -> dict[str, Any]:
        """The globals of the code."""
        return self.home.function.__globals__  # type: ignore[union-attr]


class OfRegion:
    """A function that only the region can call."""

    __slots__ = ()
    name: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise UnsupportedError(f"{self.name}, defined here, is called from outside of the region")


class Closure(OfRegion):
    """A function or lambda that the region defined."""

    __slots__ = ("defaults", "frame", "keyword_defaults", "source")

    def __init__(self, source: Source, frame: Frame, defaults: list, keyword_defaults: list):
        self.source = source
        self.frame = frame
        self.defaults = defaults
        self.keyword_defaults = keyword_defaults

    @property
    def name(self) -> str:  # type: ignore[override]
        """Of the function."""
        return self.source.name


class BoundMethod(OfRegion):
    """A Python method found on an object."""

    __slots__ = ("function", "instance")

    def __init__(self, function: Any, instance: Any):
        self.function = function
        self.instance = instance

    @property
    def name(self) -> str:  # type: ignore[override]
        """Of the function."""
        return self.function.__name__


def bind_parameters(
    source: Source,
    parameters: Any,
    defaults: list,
    keyword_defaults: list,
    args: Sequence[Any],
    kwargs: dict[str, Any],
) -> dict[str, Any]:
    """Python's rules for a call: parameter names -> values. Raises TypeError as Python does."""
    positional = [arg.id for arg in (*parameters.posonlyargs, *parameters.args)]
    keyword_only = [arg.id for arg in parameters.kwonlyargs]
    only_positional = {arg.id for arg in parameters.posonlyargs}
    bound: dict[str, Any] = dict(zip(positional, args))
    rest = tuple(args[len(positional) :])
    if parameters.vararg is not None:
        bound[parameters.vararg.id] = rest
    elif rest:
        raise TypeError(
            f"{source.name}() takes {len(positional)} positional arguments but {len(args)} were given"
        )
    extra = {}
    for name, value in kwargs.items():
        if name in keyword_only or (name in positional and name not in only_positional):
            if name in bound:
                raise TypeError(f"{source.name}() got multiple values for argument '{name}'")
            bound[name] = value
        elif parameters.kwarg is not None:
            extra[name] = value
        else:
            raise TypeError(f"{source.name}() got an unexpected keyword argument '{name}'")
    if parameters.kwarg is not None:
        bound[parameters.kwarg.id] = extra
    for name, value in zip(positional[len(positional) - len(defaults) :], defaults):
        bound.setdefault(name, value)
    for name, value in zip(keyword_only, keyword_defaults):
        if value is not UNBOUND:
            bound.setdefault(name, value)
    missing = [name for name in (*positional, *keyword_only) if name not in bound]
    if missing:
        raise TypeError(f"{source.name}() missing required arguments: {', '.join(missing)}")
    return bound
