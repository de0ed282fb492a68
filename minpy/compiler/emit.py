"""From a graph of equations to an MXNet graph that runs.

The only place in the compiler that knows MXNet. Equations become nodes of a symbol's JSON through the
MXNet column of the op table; constant arrays become extra inputs that the executor feeds.
"""

from __future__ import annotations

import json
from typing import Any

import numpy

from minpy.compiler.ir import Atom, Graph, Literal
from minpy.errors import UnsupportedError
from minpy.ops.aval import PYTHON_SCALARS
from minpy.ops.lowering import Builder, Operand
from minpy.runtime.executor import Executor

#: CachedOp derives a backward graph for every node. These have none registered, so BlockGrad goes behind.
_WITHOUT_GRADIENT = frozenset(("_npi_slice_assign", "_backward_gather_nd"))


class SymbolBuilder(Builder):
    """Adds MXNet operators to a symbol; a handle is a node's number."""

    def __init__(self) -> None:
        self.nodes: list[dict] = []
        self.arguments: list[int] = []
        self.constants: dict[str, numpy.ndarray] = {}  # by the name of the variable that holds it

    def _add(self, op: str, inputs: list[int], attrs: dict[str, str], name: str = "") -> int:
        node: dict[str, Any] = {
            "op": op,
            "name": name or f"n{len(self.nodes)}",
            "inputs": [[number, 0, 0] for number in inputs],
        }
        if attrs:
            node["attrs"] = attrs
        self.nodes.append(node)
        return len(self.nodes) - 1

    def variable(self, name: str) -> int:
        """A new input of the symbol."""
        number = self._add("null", [], {}, name)
        self.arguments.append(number)
        return number

    def constant(self, array: numpy.ndarray) -> int:
        name = f"c{len(self.constants)}"
        self.constants[name] = array
        return self.variable(name)

    def emit(self, name: str, inputs: list, attrs: dict[str, str]) -> int:
        if name == "_copy":  # nobody writes to what is inside a graph
            return inputs[0]
        number = self._add(name, inputs, attrs)
        return self._add("BlockGrad", [number], {}) if name in _WITHOUT_GRADIENT else number

    def copy(self, number: int) -> int:
        """An output of its own that shows what is there."""
        return self._add("_copy", [number], {})

    def json(self, heads: list[int]) -> str:
        """The symbol with these nodes as outputs."""
        return json.dumps(
            {
                "nodes": self.nodes,
                "arg_nodes": self.arguments,
                "heads": [[number, 0, 0] for number in heads],
                "attrs": {"mxnet_version": ["int", 10901]},
            }
        )


def emit(graph: Graph) -> Executor:
    """An executor for a graph whose outputs are variables that equations bind.

    Raises:
        UnsupportedError: where MXNet lacks an operator; the reason names the op and its line.
    """
    builder = SymbolBuilder()
    known: dict[Atom, Operand] = {}
    inputs = {f"x{position}": (position, var.aval) for position, var in enumerate(graph.inputs)}
    for var, name in zip(graph.inputs, inputs):
        known[var] = Operand(var.aval, builder.variable(name))

    def operand(atom: Atom) -> Operand:
        if isinstance(atom, Literal):
            if isinstance(atom.value, PYTHON_SCALARS):
                return Operand(atom.aval, None, atom.value)  # type: ignore[arg-type]
            return builder.literal(atom.value, atom.aval.dtype)
        return known[atom]

    for eqn in graph.eqns:
        if eqn.op.mx is None:
            raise UnsupportedError(f"MXNet has no operator for {eqn.op.name}")
        operands = [operand(atom) for atom in eqn.inputs]
        known[eqn.outputs[0]] = eqn.op.mx(builder, eqn.outputs[0].aval, *operands, **eqn.params)
    kept = [var for eqn in graph.eqns if eqn.can_fail for var in eqn.outputs if var not in graph.outputs]
    heads = [_head(builder, operand(atom)) for atom in (*graph.outputs, *kept)]
    avals = tuple(atom.aval for atom in graph.outputs)
    may_fail = any(eqn.can_fail for eqn in graph.eqns)
    return Executor(builder.json(heads), avals, inputs, builder.constants, may_fail)


def _head(builder: SymbolBuilder, operand: Operand) -> int:
    handle = builder.handle(operand)
    is_variable = builder.nodes[handle]["op"] == "null"
    return builder.copy(handle) if is_variable else handle
