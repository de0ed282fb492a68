"""Graphs for the tests of passes: traced from functions, run by NumPy, compared."""

from __future__ import annotations

import numpy

from minpy.compiler.ir import Graph, Literal, check_graph
from minpy.compiler.reference import Reference, differ, steps
from minpy.compiler.trace import ARRAY, Trace
from minpy.ops import Aval


def traced(function, *shapes, dtype="float64"):
    """The graph of a function of float arrays, called x, y, z."""
    trace = Trace()
    with trace.interpreting(), trace.in_namespace(ARRAY):
        tracers = [
            trace.input(Aval(shape, numpy.dtype(dtype)), ARRAY, name) for shape, name in zip(shapes, "xyzuvw")
        ]
        result = function(*tracers)
    results = result if isinstance(result, tuple) else (result,)
    return trace.graph([r.atom for r in results])


def differentiated(function, *shapes, dtype="float64"):
    """The graph of a function and its gradients with respect to all of its arguments, seeded with ones."""
    trace = Trace()
    with trace.interpreting(), trace.in_namespace(ARRAY):
        tracers = [
            trace.input(Aval(shape, numpy.dtype(dtype)), ARRAY, name) for shape, name in zip(shapes, "xyzuvw")
        ]
        result = function(*tracers)
        seed = trace.constant(numpy.ones(result.shape, result.dtype))
        found = trace.gradients([(result, seed)], tracers)
    return trace.graph([result.atom, *[g.atom for g in found if g is not None]])


def names(graph):
    """The ops in order."""
    return [eqn.op.name for eqn in graph.eqns]


def lines(graph):
    """The graph as text, an equation a line."""
    return [line.strip() for line in str(graph).splitlines()[1:-1]]


def outputs(graph: Graph, arrays):
    """What NumPy gives for a graph."""
    known = dict(zip(graph.inputs, arrays))
    for step in steps(graph, arrays):
        known.update(zip(step.eqn.outputs, step.results))
    return [numpy.asarray(x.value if isinstance(x, Literal) else known[x]) for x in graph.outputs]


def assert_equivalent(before: Graph, after: Graph, arrays) -> None:
    """Both graphs are right and give the same numbers, rounding apart."""
    check_graph(before)
    assert_gives(Reference(before, arrays).outputs(), before, after, arrays)


def assert_gives(expected, before: Graph, after: Graph, arrays) -> None:
    """A graph gives what is expected of another: the values of runs that round in different ways."""
    check_graph(after)
    assert [var.aval for var in before.inputs] == [var.aval for var in after.inputs]
    for runs, found in zip(zip(*expected), outputs(after, arrays)):
        assert runs[0].shape == found.shape and runs[0].dtype == found.dtype
        assert not differ(runs[0], found, runs).any()
