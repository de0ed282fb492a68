"""Plans: how a block runs for one signature of its variables."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter as now
from typing import TYPE_CHECKING, Any, Callable

import numpy

from minpy.compiler.driver import Compiled, Lowered
from minpy.compiler.graph_op import GraphOp
from minpy.compiler.ir import Graph
from minpy.compiler.lowering.reads import is_plain
from minpy.compiler.notes import Leftover
from minpy.compiler.paths import Path
from minpy.ops.creation import default_dtype
from minpy.runtime import stopwatch
from minpy.runtime.array import Array
from minpy.runtime.routes import Meter, Route

if TYPE_CHECKING:
    from minpy.compiler.generated import Generated
    from minpy.compiler.regions import Block

_FLOAT32_MAX = 3.4028234663852886e38
_CONTAINERS = frozenset((dict, list, tuple))


@dataclass
class Runnable:
    """A compiled graph with what happens before and after it.

    Attributes:
        graph: as it was lowered.
        execute: the values that the guards found -> the outputs of the graph.
        finish: (outputs, found values) -> the block's result.
        preview: the same without what it does to objects other than arrays.
        written: paths of the arrays and objects from outside that ``finish`` writes.
        states: places of the states of generators in what the guards found.
    """

    graph: Graph
    execute: Callable[[tuple], Sequence[Array]]
    finish: Callable[[Sequence[Array], tuple], Any]
    preview: Callable[[Sequence[Array], tuple], Any]
    written: list[Path]
    states: Sequence[int] = ()


@dataclass
class Plan:
    """How a block runs for one signature.

    Attributes:
        guard: values of the block's variables -> values of the guarded inputs, or None.
        run: (values, guarded inputs) -> the block's result.
        op: runs ``compiled``, and its gradient on a tape.
        runnable: what ``run`` consists of, where there is a graph.
        residual: what runs instead, where something was left over; it calls ``children``.
        outputs: name and type of what the graph gives, for ``explain``.
        meter: how often it was chosen, and when last.
        routes: the short ways to it; ``is_on_route``: whether the block has one, None where nobody looked.
        form: what the block gives, with an ``Output`` for each array, where nothing else happens at its end.
        statements: those of the residual program.
        refused: why there is no graph of value and gradient, so that the gradient runs on a tape.
    """

    signature: tuple
    guard: Callable[[tuple], tuple | None]
    run: Callable[[tuple, tuple], Any] = None  # type: ignore[assignment]  # set when the plan is made
    conditions: Any = None
    lowered: Lowered | None = None
    compiled: Compiled | None = None
    op: GraphOp | None = None
    runnable: Runnable | None = None
    leftovers: list[Leftover] = field(default_factory=list)
    children: list[Block] = field(default_factory=list)
    residual: Generated | None = None
    statements: tuple[Any, ...] = ()
    compile_seconds: float = 0.0
    seconds: float = 0.0  # of what Python runs, children included
    failures: int = 0
    meter: Meter = field(default_factory=Meter)
    routes: weakref.WeakSet[Route] = field(default_factory=weakref.WeakSet)
    is_on_route: bool | None = None
    form: Any = None
    purpose: str = "value"
    outputs: list[tuple[str, str]] = field(default_factory=list)
    refused: str = ""

    def running(self, function: Callable[[tuple], tuple], file: str) -> Plan:
        """Run this, which is not compiled: values of the block's variables -> its result. Gives the plan.

        Its lines stand in that file.
        """

        def run(values: tuple, _: tuple) -> tuple:
            started = now()
            if stopwatch.current is None:
                result = function(values)
            else:
                result = stopwatch.current.run_python(self, file, function, values)
            self.seconds += now() - started
            return result

        self.run = run
        return self

    @property
    def input_paths(self) -> list[Any]:
        """Where the inputs of the graph come from."""
        return [tracer.origin.path for tracer in self.lowered.inputs] if self.lowered else []


def signature_of(values: Sequence[Any]) -> tuple:
    """The part of a call that selects a plan by hashing; guards do the rest."""
    return (default_dtype().char, *[_sign(value) for value in values])


def _sign(value: Any) -> Any:
    kind = type(value)
    if kind is numpy.ndarray:
        return kind, value.shape, value.dtype
    if issubclass(kind, Array):
        return kind, value.aval, value.context
    if kind in _CONTAINERS:
        return kind
    if kind is float:
        # NumPy 1 promotes a float32 array by a float that float32 cannot hold
        return kind, not -_FLOAT32_MAX <= value <= _FLOAT32_MAX and value - value == 0
    if is_plain(value):
        return kind, value
    return kind
