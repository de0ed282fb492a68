"""Dead code: equations whose results nobody uses."""

from __future__ import annotations

from minpy.compiler.ir import Graph, Literal


def eliminate_dead_code(graph: Graph) -> Graph:
    """Accepts any graph; afterwards every equation serves an output, or may raise.

    An equation that looks at data and may fail (an index out of bounds) stays: without it the
    program would not raise where NumPy does.
    """
    live = {atom for atom in graph.outputs if not isinstance(atom, Literal)}
    eqns = []
    for eqn in reversed(graph.eqns):
        if eqn.can_fail or any(var in live for var in eqn.outputs):
            live.update(atom for atom in eqn.inputs if not isinstance(atom, Literal))
            eqns.append(eqn)
    return Graph(graph.inputs, tuple(reversed(eqns)), graph.outputs)
