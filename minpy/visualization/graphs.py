"""Compiled graphs as TensorBoard draws them: a box for each region and kernel, and in it one a line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from minpy.compiler.explain import Explanation, explain
from minpy.compiler.ir import Atom, Eqn, Graph, Literal, Loc
from minpy.ops import Aval
from minpy.visualization.library import AttrValue, GraphDef, NodeDef, TensorShapeProto, as_dtype

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.\-]+")


def graph_of(*functions: Any) -> GraphDef:
    """The compiled graphs of jitted functions, each in a box of its name.

    Args:
        functions: what ``minpy.explain`` takes, and has been called; or explanations.

    Raises:
        TypeError: for something else.
        ValueError: nothing of a function is compiled.
    """
    nodes = _Nodes()
    for function in functions:
        told = function if isinstance(function, Explanation) else explain(function)
        if not told.graphs:
            raise ValueError(f"there is no graph of {told.name}: {told.verdict}")
        for number, versions in told.graphs.items():
            for version, compiled in versions:
                scope = nodes.scope(_clean(told.name), f"region_{number}", _clean(version.purpose))
                nodes.add_graph(compiled.graph, [output.name for output in version.outputs], scope)
    return GraphDef(node=nodes.made)


class _Nodes:
    """The nodes of a picture. A name is a path of boxes."""

    def __init__(self) -> None:
        self.made: list[NodeDef] = []
        self._known: dict[Atom, str] = {}
        self._taken: Counter[str] = Counter()

    def scope(self, *parts: str) -> str:
        """A box that is not there yet."""
        name = "/".join(parts)
        self._taken[name] += 1
        return name if self._taken[name] == 1 else f"{name}_{self._taken[name]}"

    def add_graph(self, graph: Graph, outputs: Sequence[str], scope: str) -> None:
        names = graph.names()
        for var in graph.inputs:
            name = self.scope(scope, "inputs", _clean(names[var]))
            self._known[var] = self._add(name, "input", [], [var.aval], {})
        self._add_equations(graph, scope, names)
        for position, atom in enumerate(graph.outputs):
            told = _clean(outputs[position]) if position < len(outputs) else f"output_{position}"
            self._add(self.scope(scope, "outputs", told), "output", self._sources([atom]), [atom.aval], {})

    def _add_equations(self, graph: Graph, scope: str, names: dict[Atom, str]) -> None:
        for eqn in graph.eqns:
            if eqn.body is not None:
                known = [self._known.get(atom) for atom in eqn.inputs]
                self._known.update((var, at) for var, at in zip(eqn.body.inputs, known) if at is not None)
                self._add_equations(eqn.body, self.scope(scope, "kernel"), names)
                made = [self._known.get(atom) for atom in eqn.body.outputs]
                self._known.update((var, at) for var, at in zip(eqn.outputs, made) if at is not None)
            else:
                self._add_equation(eqn, self.scope(scope, *_places(eqn.loc), eqn.op.name), names)

    def _add_equation(self, eqn: Eqn, name: str, names: dict[Atom, str]) -> None:
        told = {"equation": eqn.format(names).split("    #")[0]}
        if eqn.loc is not None:
            told["source"] = ("the gradient of " if eqn.loc.is_backward else "") + str(eqn.loc)
        self._add(name, eqn.op.name, self._sources(eqn.inputs), [var.aval for var in eqn.outputs], told)
        for position, var in enumerate(eqn.outputs):
            self._known[var] = f"{name}:{position}" if position else name

    def _sources(self, atoms: Sequence[Atom]) -> list[str]:
        return [self._known[atom] for atom in atoms if not isinstance(atom, Literal) and atom in self._known]

    def _add(self, name: str, op: str, inputs: list[str], avals: list[Aval], told: dict[str, str]) -> str:
        node = NodeDef(name=name, op=op, input=inputs)
        for key, text in told.items():
            node.attr[key].CopyFrom(AttrValue(s=text.encode()))
        node.attr["dtype"].CopyFrom(AttrValue(type=as_dtype(avals[0].dtype).as_datatype_enum))
        shapes = [TensorShapeProto(dim=[TensorShapeProto.Dim(size=n) for n in aval.shape]) for aval in avals]
        node.attr["_output_shapes"].CopyFrom(AttrValue(list=AttrValue.ListValue(shape=shapes)))
        self.made.append(node)
        return name


def _places(loc: Loc | None) -> Iterator[str]:
    """The boxes of a line: the line of the call around that of the function that is called."""
    if loc is None:
        return
    if loc.is_backward:
        yield "gradient"
    chain = [loc]
    while chain[-1].caller is not None:
        chain.append(chain[-1].caller)
    for place in reversed(chain):
        within = "" if place is chain[-1] else f"{_clean(place.function)}_"
        yield f"{within}line_{place.line}"


def _clean(text: str) -> str:
    return _NOT_IN_NAMES.sub("_", text).strip("_") or "_"
