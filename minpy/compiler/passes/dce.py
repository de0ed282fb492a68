"""Dead code: equations whose results nobody uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minpy.compiler.ir import Eqn, Graph, Literal
from minpy.compiler.passes.patterns import identity


def eliminate_dead_code(graph: Graph) -> Graph:
    """Accepts any graph; afterwards every equation serves an output, or may raise.

    An equation that looks at data and may fail (an index out of bounds) stays: without it the
    program would not raise where NumPy does. Unless one that serves an output raises then as well:
    it applies the same indices to another array of the same shape.
    """
    useful = _live(graph, lambda eqn: False)
    checked = {_check(eqn) for eqn in useful if eqn.can_fail}
    return graph._replace(eqns=_live(graph, lambda eqn: eqn.can_fail and _check(eqn) not in checked))


def _live(graph: Graph, stays: Callable[[Eqn], bool]) -> tuple[Eqn, ...]:
    """The equations that serve an output, or one that stays."""
    live = {atom for atom in graph.outputs if not isinstance(atom, Literal)}
    eqns = []
    for eqn in reversed(graph.eqns):
        if any(var in live for var in eqn.outputs) or stays(eqn):
            live.update(atom for atom in eqn.inputs if not isinstance(atom, Literal))
            eqns.append(eqn)
    return tuple(reversed(eqns))


def _check(eqn: Eqn) -> Any:
    """What decides whether an equation fails."""
    if eqn.op.name != "index":
        return id(eqn)
    array, *indices = eqn.inputs
    return array.aval.shape, eqn.params["template"], tuple(map(identity, indices))
