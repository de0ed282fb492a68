"""Calls that take the short way to a compiled graph: in C where that was built (``fast/routes.c``).

Without it, or with ``MINPY_FAST=0``, there are no routes, and every call goes through Python.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

from minpy.runtime.objects import is_fast

if not TYPE_CHECKING and is_fast:
    from minpy.runtime import _fast


class Output(NamedTuple):
    """A result of a graph as a kind of value of the user's program; stands for it in what a call gives."""

    position: int
    kind: str


if TYPE_CHECKING or not is_fast:

    class Meter:
        """How often something ran, when last (see ``tick``), and how long it took."""

        __slots__ = ("calls", "compile_seconds", "last_used", "seconds")

        def __init__(self) -> None:
            self.calls = self.last_used = 0
            self.seconds = self.compile_seconds = 0.0

    class Route:
        """The way of calls with certain arguments to one compiled version.

        Args:
            arity: how many arguments there are.
            steps: what is read and checked: see ``compiler/routes.py``. Each value has a number: first the
                arguments, then what steps read.
            inputs: numbers of the values that the version takes.
            meters: of the function, the block, the version, and the graph.
            bound: the graph on its own memory.
            outputs: for each output of the graph its position among those of ``bound``, or an array to copy.
            form: what the call gives, with an ``Output`` for each result.
            finish: (outputs, values of ``inputs``) -> what the call gives, where there is no form. None if it
                cannot be made.
            run: (arguments, values of ``inputs``) -> what the call gives, where there is no ``bound``, or it
                fails; ``NotImplemented`` where the call has to go the long way.
        """

        def __init__(
            self,
            arity: int,
            steps: list[tuple],
            inputs: list[int],
            meters: tuple[Meter, Meter, Meter, Meter],
            bound: Any = None,
            outputs: Any = None,
            form: Any = None,
            finish: Any = None,
            run: Any = None,
        ):
            raise NotImplementedError

        def close(self) -> None:
            """The version is given up: let no call take the route any more."""

    class Routes:
        """The routes of what can be called.

        Args:
            cleaned: of a function, which gives the second part of the tuple that a route gives: makes of the
                traceback of an error the one that the user sees.
            arranges: whether the arguments of a call have to be arranged first, see ``Routed``.

        Attributes:
            known: for who adds routes.
        """

        def __init__(self, cleaned: Any = None, arranges: bool = False):
            self.known: dict = {}

        def add(self, route: Route) -> None:
            """Take this route where it fits."""

    class Routed:
        """What has ``routes``. Where none fits, ``call_slowly`` is called.

        ``arranged(args, kwargs)`` gives the arguments that routes are for, where a call has others.
        """

        routes: Routes
        call_slowly: Any

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return self.call_slowly(*args, **kwargs)

    tick = itertools.count(1).__next__

    def keep_out(depth: int) -> None:
        """How deep in code that is not compiled this thread is."""

    def close_routes(flag: bool) -> None:
        """Whether every call goes through Python, where something watches."""

else:
    Meter, Route, Routes, Routed = _fast.Meter, _fast.Route, _fast.Routes, _fast.Routed
    tick, keep_out, close_routes = _fast.tick, _fast.keep_out, _fast.close_routes
    _fast.set_output(Output)
