"""Graphs that run as machine code as far as they are fused; the rest runs by NumPy."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy

from minpy.compiler.codegen.program import program_of
from minpy.compiler.ir import Eqn, Graph, Literal, check_graph, evaluate
from minpy.compiler.kernel import KERNEL, constants_of
from minpy.compiler.passes.fuse import fuse
from minpy.runtime import native
from minpy.runtime.kernels.program import check
from tests.compiler.codegen.guarded import GuardedProgram

_set_threads = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(native.SET_THREADS)


def run_fused(
    graph: Graph, arrays: Sequence[numpy.ndarray], counted: Counter | None = None
) -> list[numpy.ndarray]:
    """The outputs of a graph.

    Each kernel runs twice, on two threads and arrays that end at guard pages, and on one thread and
    arrays that begin at such, and has to give the same bits. ``counted`` learns how often each op was in a
    kernel, and how often it was not; what is empty is for none.
    """
    fused = fuse(graph)
    check_graph(fused, "fuse")
    known: dict[Any, Any] = dict(zip(fused.inputs, arrays))
    for eqn in fused.eqns:
        given = [x.value if isinstance(x, Literal) else known[x] for x in eqn.inputs]
        if eqn.op is KERNEL:
            found = _run_kernel(eqn, [numpy.asarray(x) for x in given])
        else:
            found = evaluate(eqn.op, given, eqn.params)
        known.update((var, x.astype(var.aval.dtype, copy=False)) for var, x in zip(eqn.outputs, found))
        if counted is not None:
            inside = eqn.params["body"].eqns if eqn.op is KERNEL else (eqn,)
            filled = [part for part in inside if part.outputs[0].aval.size]
            counted.update((part.op.name, eqn.op is KERNEL) for part in filled)
    return [numpy.asarray(x.value if isinstance(x, Literal) else known[x]) for x in fused.outputs]


def _run_kernel(eqn: Eqn, arrays: list[numpy.ndarray]) -> list[numpy.ndarray]:
    program = program_of(eqn.params["body"], constants_of(eqn))
    check(program)
    guarded = GuardedProgram(program)
    _set_threads(2)
    found = guarded.run(arrays, at_end=True)
    _set_threads(1)
    again = guarded.run(arrays, at_end=False)
    for one, other in zip(found, again):
        assert one.tobytes() == other.tobytes(), "two runs give different bits"
    return found
