"""From a graph of equations to an MXNet graph that runs.

The only place in the compiler that knows MXNet. Equations become nodes of a symbol's JSON through the
MXNet column of the op table; constant arrays become extra inputs that the executor feeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy

from minpy.compiler.codegen.program import program_of
from minpy.compiler.cost import is_for_one_thread
from minpy.compiler.ir import Atom, Eqn, Graph, Literal
from minpy.compiler.kernel import constants_of
from minpy.errors import UnsupportedError
from minpy.ops.aval import PYTHON_SCALARS, Aval
from minpy.ops.lowering import Operand
from minpy.runtime.kernels.program import Program
from minpy.runtime.symbols import Entry, SymbolBuilder

if TYPE_CHECKING:
    from minpy.runtime.kernels.llvm import Making


class Emitted(NamedTuple):
    """What an ``Executor`` is made of; see there."""

    symbol_json: str
    avals: tuple[Aval, ...]
    inputs: dict[str, tuple[int, Aval]]
    constants: dict[str, numpy.ndarray]
    may_fail: bool
    one_thread: bool
    reused: dict[int, int]
    programs: tuple[Program, ...]
    alone: tuple[str, ...] | None


def named_inputs(graph: Graph) -> dict[str, tuple[int, Aval]]:
    """The inputs of a graph by the names of the symbol's variables: their positions, and what they hold."""
    return {f"x{position}": (position, var.aval) for position, var in enumerate(graph.inputs)}


def emit(
    graph: Graph,
    reused: Mapping[int, int] = MappingProxyType({}),
    origins: dict[str, Eqn] | None = None,
    code: Making | None = None,
) -> Emitted:
    """What runs a graph whose outputs are variables that equations bind.

    Args:
        reused: outputs that may take the memory of inputs, by position.
        origins: takes for the name of each node the equation that it was made for.
        code: compiles the texts of loop nests while others are written.

    Raises:
        UnsupportedError: where MXNet lacks an operator; the reason names the op and its line.
    """
    builder = SymbolBuilder()
    known: dict[Atom, Operand] = {}
    constants: dict[int, Operand] = {}  # by the ``id`` of the array
    inputs = named_inputs(graph)
    for var, name in zip(graph.inputs, inputs):
        known[var] = Operand(var.aval, builder.variable(name))

    def operand(atom: Atom) -> Operand:
        if isinstance(atom, Literal):
            if isinstance(atom.value, PYTHON_SCALARS):
                return Operand(atom.aval, None, atom.value)  # type: ignore[arg-type]
            if id(atom.value) not in constants:  # so that what is done to it twice is done once
                constants[id(atom.value)] = builder.literal(atom.value, atom.aval.dtype)
            return constants[id(atom.value)]
        return known[atom]

    programs: list[Program] = []
    alone: tuple[str, ...] | None = None
    for eqn in graph.eqns:
        first = len(builder.nodes)
        operands = [operand(atom) for atom in eqn.inputs]
        if eqn.body is not None:
            handles = [builder.handle(x) for x in operands]
            made = builder.program(len(programs), handles, len(eqn.outputs))
            known.update((var, Operand(var.aval, entry)) for var, entry in zip(eqn.outputs, made))
            programs.append(program_of(eqn.body, constants_of(eqn), code))
            if graph.size == 1 and graph.outputs == eqn.outputs:
                alone = tuple(map(builder.name_of, handles))
        elif eqn.op.mx is None:
            raise UnsupportedError(f"MXNet has no operator for {eqn.op.name}")
        else:
            known[eqn.outputs[0]] = eqn.op.mx(builder, eqn.outputs[0].aval, *operands, **eqn.params)
        if origins is not None:
            origins.update((node["name"], eqn) for node in builder.nodes[first:])
    given = frozenset(graph.outputs)
    kept = [var for eqn in graph.eqns if eqn.can_fail for var in eqn.outputs if var not in given]
    heads: dict[Entry, None] = {}
    for atom in (*graph.outputs, *kept):
        heads[builder.own(builder.handle(operand(atom)), heads)] = None
    entries = list(heads)
    taken = {
        i: at for i, at in reused.items() if builder.put_last(entries[i], known[graph.inputs[at]].handle)
    }
    avals = tuple(atom.aval for atom in graph.outputs)
    may_fail = any(eqn.can_fail for eqn in graph.eqns)
    one_thread = is_for_one_thread(graph)
    return Emitted(
        *(builder.json(entries), avals, inputs, builder.constants, may_fail, one_thread, taken),
        *(tuple(programs), alone),
    )
