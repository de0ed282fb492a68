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

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Callable

import numpy

from minpy.compiler.draws import rewind
from minpy.compiler.guards import ArrayType, Guard, Guards, condition_of
from minpy.compiler.paths import Path, local_path
from minpy.ops import Aval
from minpy.ops.aval import is_float
from minpy.runtime.array import Array
from minpy.runtime.context import CPU
from minpy.runtime.objects import is_fast
from minpy.runtime.routes import Meter, Output, Route, Routes
from minpy.runtime.scalar import Scalar

if TYPE_CHECKING:
    from minpy.compiler.driver import Compiled
    from minpy.compiler.plans import Plan
    from minpy.compiler.regions import Block

#: the classes that an array step takes
NDARRAYS, ARRAYS, SCALARS = 1, 2, 4
_CLASSES = {numpy.ndarray: NDARRAYS, Array: ARRAYS, Scalar: SCALARS}

_MOST_OPERANDS = 256  # as in fast/steps.c
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
        self._may_draw = False

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
            if path.is_drawn and not self._may_draw:
                raise NoRoute  # a route that is left halfway would have drawn
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

    def argument(self, path: Path, part: Any, classes: int = 0) -> None:
        """Check a variable as its part of a signature does; an array may be of ``classes``."""
        number = self.reach(path)
        if not isinstance(part, tuple):
            self.list.append(("type", number, part))
        elif part[0] is float:
            self.list.append(("float", number, None, int(part[1])))
        elif len(part) == 2:
            self.list.append(("equal", number, part[1]))
        elif part[0] is numpy.ndarray:
            self.array(path, ArrayType(part[0], (part[1], part[2])), classes)  # type: ignore[arg-type]
        else:
            self.array(path, ArrayType(*part), classes if part[0] is Array else 0)

    def differentiated(self, path: Path, value: Any, gradients: Iterator[Output]) -> Any:
        """Check an argument that a gradient is taken of; gives what its gradient is made of."""
        kind = type(value)
        if kind in (numpy.ndarray, Array) and is_float(value.dtype):
            self.array(path, ArrayType(kind, Aval(value.shape, value.dtype)), NDARRAYS | ARRAYS)
            return next(gradients)
        if kind not in (dict, list, tuple):
            raise NoRoute
        self.list.append(("type", self.reach(path), kind))
        if kind is dict:
            self.list.append(("keys", self.reach(path), tuple(value)))
            return {key: self.differentiated(path.item(key), item, gradients) for key, item in value.items()}
        self.list.append(("length", self.reach(path), None, len(value)))
        return kind([self.differentiated(path.item(i), item, gradients) for i, item in enumerate(value)])

    def array(self, path: Path, expected: ArrayType, classes: int = 0) -> None:
        """Check an array; its class is the expected one, or one of ``classes``."""
        known = classes or _CLASSES.get(expected.type, 0)
        shape, dtype = expected.aval
        if not known or len(shape) > 8 or expected.context not in (None, CPU):
            raise NoRoute
        self.list.append(("array", self.reach(path), None, known, tuple(shape), dtype))
        self._done.add(path)

    def add_guards(self) -> None:
        """Check the guards."""
        for guard in self._guards.guards if self._guards is not None else ():
            self._add(guard)

    def inputs(self) -> list[int]:
        """The numbers of the values that the version takes. No other steps may follow these."""
        if self._guards is None:
            return []
        self._may_draw = True
        for path in self._guards.reads():
            self.reach(path)
        return [self.reach(path) for path in self._guards.inputs]

    def _add(self, guard: Guard) -> None:
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


def of_block(plan: Plan, block: Block) -> bool:
    """Let calls of a block take the short way to a plan. Says whether there is one."""
    if not is_fast:
        return False
    names = block.inputs
    steps = Steps(names, plan.conditions)
    graph = graph_of(plan.compiled) if plan.runnable is not None and not plan.failures else None
    try:
        for name, part in zip(names, _parts(plan, names)):
            steps.argument(local_path(name), part)
        steps.add_guards()
        inputs = steps.inputs() if plan.runnable is not None else []
        if graph is None or plan.runnable is None:
            route = Route(len(names), steps.list, inputs, _meters(plan, block), run=plan.run)
        else:
            end = plan.form, plan.runnable.finish, plan.run
            route = Route(len(names), steps.list, inputs, _meters(plan, block), *graph, *end)
    except NoRoute:
        return False
    plan.routes.add(route)
    block.routes.add(route)
    return True


def of_gradient(
    routes: Routes,
    plan: Plan,
    block: Block,
    values: tuple,
    selected: Sequence[str],
    made: Callable[[list, Any], Any],
) -> bool:
    """Let calls of a gradient take the short way to a plan of value and gradients. Says whether there is one.

    Args:
        routes: of the gradient.
        values: of the block's variables, in a call.
        selected: those that the gradient is taken of.
        made: (gradients of these, value) -> what the call gives.
    """
    graph, names = graph_of(plan.compiled), block.inputs
    if not is_fast or graph is None or plan.runnable is None or not plan.form or plan.failures:
        return False
    steps = Steps(names, plan.conditions)
    value, gradients = plan.form
    following = iter(gradients)
    named = dict(zip(names, values))
    try:
        trees = [steps.differentiated(local_path(name), named[name], following) for name in selected]
        for name, part in zip(names, _parts(plan, names)):
            if name not in selected:
                steps.argument(local_path(name), part, NDARRAYS | ARRAYS)
        steps.add_guards()
        form = made(trees, value)
        end = (form, None, _undoing(plan.runnable.states)) if plan.runnable.states else (form,)
        route = Route(len(names), steps.list, steps.inputs(), _meters(plan, block), *graph, *end)
    except NoRoute:
        return False
    plan.routes.add(route)
    routes.add(route)
    return True


def _undoing(states: Sequence[int]) -> Callable[[tuple, tuple], Any]:
    """Instead of a run: the call goes the long way, and draws the same numbers there."""

    def undo(_: tuple, found: tuple) -> Any:
        rewind(found, states)
        return NotImplemented

    return undo


def _parts(plan: Plan, names: Sequence[str]) -> tuple:
    """What the signature says of the variables of the block."""
    return plan.signature[len(plan.signature) - len(names) :]


def _meters(plan: Plan, block: Block) -> tuple[Meter, Meter, Meter, Meter]:
    graph = plan.compiled.meter if plan.compiled is not None else Meter()
    return block.function_meter, block.meter, plan.meter, graph


def graph_of(compiled: Compiled | None) -> tuple[Any, tuple] | None:
    """The graph on memory of its own and where its outputs are; None where it does not run that way."""
    if compiled is None or compiled.executor is None or compiled.executor.bound is None or compiled.reused:
        return None
    outputs = [what for source, what in compiled.outputs if source != "input"]
    computed = [what for source, what in compiled.outputs if source == "computed"]
    if len(outputs) < len(compiled.outputs) or any(isinstance(x, int) for x in outputs) is not bool(computed):
        return None
    return compiled.executor.bound, tuple(outputs)
