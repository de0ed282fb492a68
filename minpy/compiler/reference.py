"""Running a graph by NumPy, one equation after the other: what compiled code is held against.

The values alone do not tell how much a compiled graph may differ: it rounds otherwise, and a difference of
close numbers makes much of that. So the graph runs again with operands changed by about as much as rounding
changes them (Monte Carlo arithmetic: Parker, "Monte Carlo arithmetic: exploiting randomness in
floating-point arithmetic", 1997); how far the results move is how far the compiled ones may be away. What
``numpy.empty`` gave, and nobody filled, holds something else then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy

from minpy.compiler.ir import Atom, Eqn, Graph, Literal, Var, evaluate
from minpy.errors import NanError
from minpy.runtime import nans
from minpy.runtime.array import Value

_SAMPLES = 3
_FACTOR = 256  # between the movements that were seen and those that are allowed
_ULPS = 32  # allowed in any case
#: ops whose results are differences of rounded numbers of the size of 1 and more, however small they are
_DIFFERENCES = frozenset(("log_softmax",))


class Step(NamedTuple):
    """An equation that was run."""

    eqn: Eqn
    operands: list[Any]
    results: tuple[numpy.ndarray, ...]


def steps(
    graph: Graph, inputs: Sequence[numpy.ndarray], random: numpy.random.RandomState | None = None
) -> Iterator[Step]:
    """Run a graph; with ``random`` every equation that rounds gets its operands slightly changed."""
    known: dict[Any, Any] = dict(zip(graph.inputs, inputs))
    for eqn in graph.eqns:
        operands = [_value(known, atom, random is not None) for atom in eqn.inputs]
        results = _run(eqn, operands)
        if random is not None and _rounds(operands, results):
            results = _run(eqn, [_shaken(x, eqn, random) for x in operands])
            if eqn.op.name in _DIFFERENCES:
                noise = [random.uniform(-1, 1, x.shape) * numpy.finfo(x.dtype).eps for x in results]
                results = tuple([(x + part).astype(x.dtype) for x, part in zip(results, noise)])
        known.update(zip(eqn.outputs, results))
        yield Step(eqn, operands, results)


def _value(known: dict[Any, Any], atom: Atom, is_other: bool = False) -> Any:
    if isinstance(atom, Literal):
        return atom.in_other_case if is_other else atom.value
    return known[atom]


def _run(eqn: Eqn, operands: list[Any]) -> tuple[numpy.ndarray, ...]:
    results = evaluate(eqn.op, operands, eqn.params)
    return tuple(x.astype(var.aval.dtype, copy=False) for x, var in zip(results, eqn.outputs))


def _rounds(operands: list[Any], results: tuple[numpy.ndarray, ...]) -> bool:
    """Whether a result holds floats that are no elements of the operands."""
    if not any(x.dtype.kind in "fc" for x in results):
        return False
    given = numpy.concatenate([numpy.ravel(x) for x in operands] or [numpy.zeros(0)])
    return not all(numpy.isin(x, given).all() for x in results)


def _shaken(x: Any, eqn: Eqn, random: numpy.random.RandomState) -> Any:
    """An operand with changes of the size of the rounding errors of an equation."""
    if not isinstance(x, numpy.ndarray) or x.dtype.kind not in "fc":
        return x
    terms = max(1.0, x.size / max(1, eqn.outputs[0].aval.size))  # that are added, if any are
    size = numpy.finfo(eqn.outputs[0].aval.dtype).eps if eqn.outputs[0].aval.dtype.kind in "fc" else 0.0
    noise = random.uniform(-1, 1, x.shape) * (size * terms**0.5)
    with numpy.errstate(all="ignore"):
        return (x + x * noise).astype(x.dtype)


def look_for_nans(graph: Graph, inputs: Sequence[Value]) -> None:
    """Run a graph by NumPy, for ``debug_nans``.

    Raises:
        NanError: an equation makes a nan, or computes with one. A gradient may make one that it then leaves
            out, as that of ``where`` does; only what comes to the results counts there.
    """
    makers: dict[Any, str] = {}  # variable of a gradient that holds a nan -> what made it
    try:
        for step in steps(graph, [x.numpy() for x in inputs]):
            eqn = step.eqn
            given = next((makers[atom] for atom in eqn.inputs if atom in makers), "")
            told = given or nans.found(eqn.op, step.operands, step.results)
            if not told or not any(map(nans.has_nan, step.results)):
                continue
            if eqn.loc is None or not eqn.loc.is_backward:
                raise NanError(nans.described(told, eqn.loc and eqn.loc[:3]))
            text = given or nans.described(told, eqn.loc[:3], is_backward=True)
            makers.update({var: text for var, x in zip(eqn.outputs, step.results) if nans.has_nan(x)})
    except (ValueError, IndexError):
        return  # an error of the program, which the graph raises too
    for atom in graph.outputs:
        if atom in makers:
            raise NanError(makers[atom])


class Reference:
    """What the variables of a graph are for some inputs.

    Attributes:
        runs: the values of all variables; exactly by NumPy, then several times as rounding may change them.
    """

    def __init__(self, graph: Graph, inputs: Sequence[numpy.ndarray]):
        self.graph = graph
        seeds = [None, *map(numpy.random.RandomState, range(_SAMPLES))]
        self.runs = [_values(graph, inputs, random) for random in seeds]

    def outputs(self) -> list[list[numpy.ndarray]]:
        """The outputs of the graph in each of the runs."""
        return [[numpy.asarray(_value(run, atom)) for atom in self.graph.outputs] for run in self.runs]

    def differs(self, var: Var, found: numpy.ndarray) -> bool:
        """Whether what was found for a variable is something else, rounding apart."""
        return bool(differ(self.runs[0][var], found, [run[var] for run in self.runs]).any())


def _values(graph: Graph, inputs: Sequence[numpy.ndarray], random: Any) -> dict[Any, numpy.ndarray]:
    values: dict[Any, numpy.ndarray] = dict(zip(graph.inputs, inputs))
    for step in steps(graph, inputs, random):
        values.update(zip(step.eqn.outputs, step.results))
    return values


def differ(
    expected: numpy.ndarray, found: numpy.ndarray, runs: Sequence[numpy.ndarray] = ()
) -> numpy.ndarray:
    """Where two arrays of one shape and dtype differ by more than rounding.

    Args:
        runs: the value of a run, and of runs that round otherwise, for what rounding does to it.
    """
    if expected.dtype.kind not in "fc":
        moves = [run != runs[0] for run in runs]
        return (expected != found) & ~numpy.any(moves, axis=0) if moves else expected != found
    with numpy.errstate(all="ignore"):
        size = numpy.where(numpy.isfinite(expected), abs(expected), 0)
        allowed = _ULPS * numpy.finfo(expected.dtype).eps * size
        for run in runs:
            moved = numpy.where(_alike(run, runs[0]), 0, abs(run - runs[0]))
            allowed = numpy.maximum(allowed, _FACTOR * numpy.where(numpy.isnan(moved), numpy.inf, moved))
        is_near = abs(found - expected) <= allowed
    return ~(is_near | _alike(found, expected) | numpy.isinf(allowed))


def _alike(a: numpy.ndarray, b: numpy.ndarray) -> numpy.ndarray:
    return (a == b) | (numpy.isnan(a) & numpy.isnan(b))
