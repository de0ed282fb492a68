"""From a compiled version of a block to a route: the short way that later calls take to it.

A route has steps, which are what signature and guards are in Python (``plans.signature_of`` and
``guards.Guards``). A step that reads something gives it the next number, behind those of the arguments:

    ("fixed", 0, object)            ("attribute", n, name)      ("item", n, key)
    ("call", 0, (function, n, ...))

The others say whether the call may go on:

    ("is", n, object)    ("same", n, None, m)        ("type", n, class)    ("equal", n, constant)
    ("length", n, None, length)                      ("keys", n, keys)     ("float", n, None, is_too_large)
    ("array", n, None, classes, shape, dtype)        ("holds", 0, (function, n, ...))

Where something cannot be said in steps there is no route, and its calls go through Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy

from minpy.compiler.guards import ArrayType, Guard, Guards, Path, condition_of, local_path
from minpy.runtime.array import Array
from minpy.runtime.context import CPU
from minpy.runtime.objects import is_fast
from minpy.runtime.routes import Meter, Output, Route
from minpy.runtime.scalar import Scalar

if TYPE_CHECKING:
    from minpy.compiler.driver import Compiled
    from minpy.compiler.plans import Plan

#: the classes that an array step takes
NDARRAYS, ARRAYS, SCALARS = 1, 2, 4
_CLASSES = {numpy.ndarray: NDARRAYS, Array: ARRAYS, Scalar: SCALARS}

_MOST_OPERANDS = 8
_SIMPLE = {"identity": "is", "type": "type", "value": "equal", "keys": "keys"}


class NoRoute(Exception):
    """Something cannot be said in steps."""


class Steps:
    """Collects the steps of a route.

    Args:
        names: of the block's variables.
        guards: those of the version, None where it has none.

    Attributes:
        list: the steps.
    """

    def __init__(self, names: Sequence[str], guards: Guards | None):
        self.list: list[tuple] = []
        self._guards = guards
        self._count = len(names)
        self._known = {local_path(name): number for number, name in enumerate(names)}
        self._done: set[Path] = set()

    def _read(self, *step: Any) -> int:
        self.list.append(step)
        self._count += 1
        return self._count - 1

    def reach(self, path: Path) -> int:
        """The number of the value at a path."""
        number = self._known.get(path)
        if number is not None:
            return number
        if path.step == "number":
            for part in path.key.before(self._known):
                self.reach(part)
            operands = [self.reach(x) if isinstance(x, Path) else self.fixed(x) for x in path.key.operands]
            number = self._read("call", 0, (path.key.function, *operands))
        elif path.parent is None:
            assert self._guards is not None
            number = self.fixed(self._guards.fixed[path.key])
        else:
            number = self._read(path.step, self.reach(path.parent), path.key)
        self._known[path] = number
        return number

    def fixed(self, obj: Any) -> int:
        """The number of an object that is always the same one."""
        return self._read("fixed", 0, obj)

    def argument(self, path: Path, part: Any) -> None:
        """Check a variable as its part of a signature does."""
        number = self.reach(path)
        if not isinstance(part, tuple):
            self.list.append(("type", number, part))
        elif part[0] is float:
            self.list.append(("float", number, None, int(part[1])))
        elif len(part) == 2:
            self.list.append(("equal", number, part[1]))
        elif part[0] is numpy.ndarray:
            self.array(path, ArrayType(part[0], (part[1], part[2])))  # type: ignore[arg-type]
        else:
            self.array(path, ArrayType(*part))

    def array(self, path: Path, expected: ArrayType, classes: int = 0) -> None:
        """Check an array; its class is the expected one, or one of ``classes``."""
        known = classes or _CLASSES.get(expected.type, 0)
        shape, dtype = expected.aval
        if not known or len(shape) > 8 or expected.context not in (None, CPU):
            raise NoRoute
        self.list.append(("array", self.reach(path), None, known, tuple(shape), dtype))
        self._done.add(path)

    def add(self, guard: Guard) -> None:
        """Check a guard."""
        path, kind, expected = guard.path, guard.kind, guard.expected.value
        if kind == "array":
            if path not in self._done:
                self.array(path, expected)
        elif kind in _SIMPLE:
            self.list.append((_SIMPLE[kind], self.reach(path), expected))
        elif kind == "same":
            self.list.append(("same", self.reach(path), None, self.reach(expected)))
        elif kind == "length":
            self.list.append(("length", self.reach(path), None, expected))
        else:
            function, paths = condition_of(guard)
            if len(paths) > _MOST_OPERANDS:
                raise NoRoute
            self.list.append(("holds", 0, (function, *map(self.reach, paths))))


def steps_of(plan: Plan, names: Sequence[str], parts: Iterable[tuple[Path, Any]]) -> Steps:
    """The steps of a plan of a block with these variables, given parts of a signature. May raise NoRoute."""
    steps = Steps(names, plan.conditions)
    for path, part in parts:
        steps.argument(path, part)
    for guard in plan.conditions.guards if plan.conditions is not None else ():
        steps.add(guard)
    return steps


def of_block(plan: Plan, names: Sequence[str], function: Meter, block: Meter) -> Route | None:
    """The route to a plan of a block, None where there is none."""
    if not is_fast:
        return None
    signature = plan.signature[len(plan.signature) - len(names) :]
    try:
        steps = steps_of(plan, names, zip(map(local_path, names), signature))
        inputs = [steps.reach(path) for path in plan.conditions.inputs] if plan.conditions is not None else []
        meters = (function, block, plan.meter, plan.compiled.meter if plan.compiled is not None else Meter())
        graph = graph_of(plan.compiled) if plan.runnable is not None and not plan.failures else None
        if graph is None or plan.compiled is None:
            return Route(len(names), steps.list, inputs, meters, run=plan.run)
        bound, outputs = graph
        assert plan.runnable is not None
        return Route(len(names), steps.list, inputs, meters, bound, outputs, plan.form, plan.runnable.finish)
    except (NoRoute, ValueError):
        return None


def graph_of(compiled: Compiled | None) -> tuple[Any, tuple] | None:
    """The graph on memory of its own and where its outputs are; None where it does not run that way."""
    if compiled is None or compiled.executor is None or compiled.executor.bound is None:
        return None
    outputs = [what for source, what in compiled.outputs if source != "input"]
    computed = [what for source, what in compiled.outputs if source == "computed"]
    if len(outputs) < len(compiled.outputs) or any(isinstance(x, int) for x in outputs) is not bool(computed):
        return None
    return compiled.executor.bound, tuple(outputs)


__all__ = ["ARRAYS", "NDARRAYS", "NoRoute", "Output", "Steps", "graph_of", "of_block", "steps_of"]
