"""Compiled graphs on disk: what stands for a graph, and what is kept of it (see ``runtime/artefacts.py``).

The key covers all that passes and emission look at: the equations as they were lowered, their shapes, dtypes,
params and constants, the passes that run, which inputs are given up, and the versions and settings of
``surroundings``. A graph with anything else in it is compiled each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy

from minpy.compiler.emit import Emitted, named_inputs
from minpy.compiler.ir import Atom, Graph, Literal
from minpy.ops import Aval
from minpy.ops.keys import ARRAY
from minpy.runtime.artefacts import artefacts, is_uniform, packed_array, surroundings, unpacked_array
from minpy.runtime.kernels import state
from minpy.runtime.kernels.program import packed as packed_program
from minpy.runtime.kernels.program import unpacked as unpacked_program
from minpy.runtime.native import gives_no_gradient
from minpy.runtime.symbols import without_gradient

#: Of shorter graphs it takes as long to read a file.
LEAST_EQUATIONS = 8
#: Bytes of a constant array; to make a larger one again costs no more than to read it.
_MOST_OF_CONSTANT = 1 << 20

#: For each output of the graph as it was lowered: ('computed', position), ('input', position), or
#: ('constant', array).
Outputs = tuple[tuple[str, Any], ...]


def key_of(graph: Graph, passes: Sequence[str], donated: Collection[int]) -> str | None:
    """What stands for a graph and all that it is compiled by; None where it is not to be kept."""
    if artefacts() is None or graph.size < LEAST_EQUATIONS:
        return None
    try:
        lines = "\n".join(_lines(graph))
    except _NotKept:
        return None
    return hashlib.sha256(
        f"{surroundings()} {state()} {passes} {sorted(donated)}\n{lines}".encode()
    ).hexdigest()


def read(key: str, graph: Graph) -> tuple[Emitted | None, Outputs] | None:
    """What was kept under a key, which is that of ``graph``; None where there is nothing, or no good."""
    folder = artefacts()
    found = folder.read(key) if folder is not None else None
    try:
        return None if found is None else _unpacked(found, graph)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


def write(key: str, emitted: Emitted | None, outputs: Outputs) -> None:
    """Keep what a graph was compiled to."""
    folder = artefacts()
    arrays = [what for source, what in outputs if source == "constant"]
    arrays.extend(emitted.constants.values() if emitted else ())
    if folder is not None and all(x.nbytes <= _MOST_OF_CONSTANT or is_uniform(x) for x in arrays):
        folder.write(key, _packed(emitted, outputs))


class _NotKept(Exception):
    """Something in a graph is not known by its text."""


def _lines(graph: Graph) -> Iterator[str]:
    """The equations, without names and places: graphs that compute the same way have the same text."""
    names: dict[Atom, str] = {}
    avals: dict[Aval, str] = {}

    def text(aval: Aval) -> str:
        found = avals.get(aval)
        if found is None:
            found = avals[aval] = f"{aval.dtype.str}{aval.shape}"
        return found

    def name(atom: Atom) -> str:
        return _constant(atom.value) if isinstance(atom, Literal) else names[atom]

    for var in graph.inputs:
        names[var] = f"v{len(names)}"
        yield text(var.aval)
    for eqn in graph.eqns:
        if not eqn.op.is_known_by_name:
            raise _NotKept
        params = _checked(eqn.params) if eqn.params else ""
        line = f"{eqn.op.name}{params} {' '.join(map(name, eqn.inputs))}"
        for var in eqn.outputs:
            names[var] = f"v{len(names)}"
            line = f"{line} {text(var.aval)}"
        yield line
    yield " ".join(map(name, graph.outputs))


def _constant(value: Any) -> str:
    if not isinstance(value, numpy.ndarray):
        return repr(_checked(value))
    if value.nbytes > _MOST_OF_CONSTANT or value.dtype.kind not in "biufc":
        raise _NotKept
    data = hashlib.sha256(value.tobytes()).hexdigest()
    return f"{value.dtype.str}{value.shape}{value.flags.c_contiguous}{data}"


_PLAIN = frozenset((bool, int, float, complex, str, type(None), type(Ellipsis), type(ARRAY)))


def _checked(value: Any) -> Any:
    """The value, if its text says all about it."""
    kind = type(value)
    if kind in (tuple, list):
        for item in value:
            _checked(item)
    elif kind is dict:
        for item in value.values():
            _checked(item)
    elif kind not in _PLAIN and not isinstance(value, numpy.dtype):
        raise _NotKept
    return value


def _packed(emitted: Emitted | None, outputs: Outputs) -> dict[str, Any]:
    told = [[s, packed_array(what) if s == "constant" else what] for s, what in outputs]
    if emitted is None:
        return {"outputs": told}
    return {
        "outputs": told,
        "symbol": emitted.symbol_json,
        "without_gradient": without_gradient(emitted.symbol_json),
        "avals": [[aval.shape, aval.dtype.str] for aval in emitted.avals],
        "constants": {name: packed_array(array) for name, array in emitted.constants.items()},
        "may_fail": emitted.may_fail,
        "one_thread": emitted.one_thread,
        "reused": list(emitted.reused.items()),
        "programs": list(map(packed_program, emitted.programs)),
        "alone": emitted.alone,
    }


def _unpacked(found: dict[str, Any], graph: Graph) -> tuple[Emitted | None, Outputs] | None:
    outputs = tuple((s, unpacked_array(what) if s == "constant" else what) for s, what in found["outputs"])
    if "symbol" not in found:
        return None, outputs
    if not all(map(gives_no_gradient, found["without_gradient"])):  # which tells MXNet
        return None
    emitted = Emitted(
        symbol_json=found["symbol"],
        avals=tuple(Aval(tuple(shape), numpy.dtype(dtype)) for shape, dtype in found["avals"]),
        inputs=named_inputs(graph),
        constants={name: unpacked_array(packed) for name, packed in found["constants"].items()},
        may_fail=found["may_fail"],
        one_thread=found["one_thread"],
        reused=dict(found["reused"]),
        programs=tuple(map(unpacked_program, found["programs"])),
        alone=None if found["alone"] is None else tuple(found["alone"]),
    )
    return emitted, outputs
