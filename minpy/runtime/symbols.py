"""Makes MXNet symbols node by node, as the JSON that MXNet loads."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy

from minpy.ops.lowering import Backward, Builder
from minpy.runtime import native
from minpy.runtime.kernels import OPERATOR

#: CachedOp derives a backward graph for every node. These have no gradient registered.
_WITHOUT_GRADIENT = frozenset(
    (
        *("_slice_assign", "_backward_gather_nd", "_backward_maximum_scalar", "_backward_minimum_scalar"),
        *("_backward_Activation", "_backward_tanh", "_backward_sigmoid"),
        *("_backward_softmax", "_backward_log_softmax"),
    )
)


def without_gradient(symbol_json: str) -> list[str]:
    """The operators in a symbol that MXNet takes only since it was told that they have no gradient."""
    names = sorted(set(native.operators_of(symbol_json)))
    asked = [name for name in names if name.startswith("_backward_") or name in _WITHOUT_GRADIENT]
    return list(filter(native.gives_no_gradient, asked))


def with_programs(symbol_json: str, addresses: Sequence[int]) -> str:
    """A symbol whose programs are at these addresses, by their numbers."""
    for number, address in enumerate(addresses):
        symbol_json = symbol_json.replace(f'"program": "@{number}"', f'"program": "{address}"')
    return symbol_json


class Entry(NamedTuple):
    """An output of a node; as a handle it stands for an array of the graph."""

    node: int
    output: int = 0


class Place(NamedTuple):
    """Where a step of a backward finds an array: ``x`` an input of the operator, ``y`` an output, ``g`` the
    cotangent of one, ``step`` an output of an earlier step."""

    kind: str
    number: int
    output: int = 0


class Step(NamedTuple):
    """One operator of a backward."""

    name: str
    inputs: tuple[Place, ...]
    attrs: tuple[tuple[str, str], ...]


class Derived(NamedTuple):
    """A cotangent that MXNet derives for an operator ``name``: what is at ``result`` of the steps.

    ``of`` is the output of which the cotangent is given; those of the others are 0.
    """

    name: str
    attrs: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    result: Place
    of: int


class SymbolBuilder(Builder):
    """Adds MXNet operators to a symbol. The same operator on the same inputs is one node."""

    def __init__(self) -> None:
        self.nodes: list[dict] = []
        self.arguments: list[int] = []
        self.constants: dict[str, numpy.ndarray] = {}  # by the name of the variable that holds it
        self._held: dict[int, Entry] = {}  # constants, by the ``id`` of the array
        self._made: dict[Any, int] = {}
        self._unused: list[Entry] = []  # what MXNet computes, although perhaps nobody uses it

    def _add(
        self, op: str, inputs: tuple[Entry, ...], attrs: dict[str, str], after: tuple[int, ...] = ()
    ) -> int:
        key = op, inputs, tuple(attrs.items()), after
        number = self._made.get(key)
        if number is None:
            number = self._made[key] = self._new(op, inputs, attrs, after)
        return number

    def _new(
        self,
        op: str,
        inputs: tuple[Entry, ...],
        attrs: dict[str, str],
        after: tuple[int, ...] = (),
        name: str = "",
    ) -> int:
        node: dict[str, Any] = {
            "op": op,
            "name": name or f"n{len(self.nodes)}",
            "inputs": [[number, output, 0] for number, output in inputs],
        }
        if attrs:
            node["attrs"] = attrs
        if after:
            node["control_deps"] = list(after)
        self.nodes.append(node)
        return len(self.nodes) - 1

    @property
    def has_exact_elu(self) -> bool:  # type: ignore[override]
        return native.keeps_nan_in_elu()

    def variable(self, name: str) -> Entry:
        """A new input of the symbol."""
        number = self._new("null", (), {}, name=name)
        self.arguments.append(number)
        return Entry(number)

    def constant(self, array: numpy.ndarray) -> Entry:
        entry = self._held.get(id(array))
        if entry is None:
            name = f"c{len(self.constants)}"
            self.constants[name] = array
            entry = self._held[id(array)] = self.variable(name)
        return entry

    def emit(self, name: str, inputs: list, attrs: dict[str, str], output: int = 0) -> Entry:
        if name == "_copy":  # nobody writes to what is inside a graph
            return inputs[0]
        number = self._add(name, tuple(inputs), attrs)
        if name in _WITHOUT_GRADIENT and not native.gives_no_gradient(name):
            return Entry(self._add("BlockGrad", (Entry(number),), {}))
        if output:
            self._unused.append(Entry(number))  # without its first output an operator may compute nothing
        return Entry(number, output)

    def gradient(self, backward: Backward, inputs: list, cotangent: Any) -> Entry:
        attrs, name = dict(backward.attrs), f"_backward_{backward.name}"
        forward = self._add(backward.name, tuple(inputs), attrs)
        if backward.runs_forward:
            self._unused.append(Entry(forward))
        given = {"g": cotangent}
        given.update((f"x{i}", entry) for i, entry in enumerate(inputs))
        given.update((f"y{i}", Entry(forward, i)) for i in range(4))
        taken = tuple(given[what] for what in backward.takes.split())
        return self._backward(name, taken, attrs, forward, backward.output)

    def _backward(
        self, name: str, taken: tuple[Entry, ...], attrs: dict[str, str], forward: int, output: int
    ) -> Entry:
        """An output of a backward operator for the node ``forward``."""
        number = self._add(name, taken, attrs, (forward,))
        if native.gives_no_gradient(name):
            if name == "_backward_RNN":  # without that of the weights, in float64, the others are wrong
                self._unused.append(Entry(number, 1))
            return Entry(number, output)
        node = self.nodes[forward]
        count = _count_outputs(name, len(taken), tuple(attrs.items()), node["op"], len(node["inputs"]))
        blocked = [Entry(self._add("BlockGrad", (Entry(number, i),), {})) for i in range(count)]
        self._unused.extend(blocked)
        return blocked[output]

    def derived(self, backward: Derived, inputs: list, cotangent: Any) -> Entry:
        forward = self._add(backward.name, tuple(inputs), dict(backward.attrs))
        self._unused.append(Entry(forward))  # without its first output an operator may compute nothing

        def entry(place: Place) -> Entry:
            if place.kind == "x":
                return inputs[place.number]
            if place.kind == "step":
                return step(backward.steps[place.number], place.output)
            output = Entry(forward, place.number)
            if place.kind == "y":
                return output
            return cotangent if place.number == backward.of else self.emit("zeros_like", [output], {})

        def step(made: Step, output: int) -> Entry:
            taken, attrs = tuple(map(entry, made.inputs)), dict(made.attrs)
            if made.name.startswith("_backward_"):
                return self._backward(made.name, taken, attrs, forward, output)
            return Entry(self._add(made.name, taken, attrs), output)

        return entry(backward.result)

    def program(self, number: int, inputs: list[Entry], outputs: int) -> list[Entry]:
        """The outputs of a program of kernels; ``with_programs`` says which one has that number."""
        node = self._new(OPERATOR, tuple(inputs), {"program": f"@{number}"})
        entries = [Entry(node, i) for i in range(outputs)]
        self._unused.extend(entries)
        return entries

    def name_of(self, variable: Entry) -> str:
        """The name of an input of the symbol."""
        return self.nodes[variable.node]["name"]

    def own(self, entry: Entry, others: Collection[Entry]) -> Entry:
        """The same as an output that no input and none of the others is: itself, or a copy."""
        is_new = self.nodes[entry.node]["op"] != "null" and entry not in others
        return entry if is_new else Entry(self._new("_copy", (entry,), {}))

    def put_last(self, entry: Entry, variable: Entry) -> bool:
        """Let a node come after all others that read a variable; says whether it may write over it."""
        node = self.nodes[entry.node]
        if node["op"].startswith("_backward_") or node["op"] == "_copy":
            return False
        readers = [
            i for i, other in enumerate(self.nodes) if list(variable) in [x[:2] for x in other["inputs"]]
        ]
        node["control_deps"] = [*node.get("control_deps", ()), *(i for i in readers if i != entry.node)]
        return True

    def json(self, heads: list[Entry]) -> str:
        """The symbol with these outputs; MXNet may have to give others behind them."""
        used = {tuple(entry[:2]) for node in self.nodes for entry in node["inputs"]}.union(heads)
        shown = [*heads, *dict.fromkeys(entry for entry in self._unused if entry not in used)]
        return json.dumps(
            {
                "nodes": self.nodes,
                "arg_nodes": self.arguments,
                "heads": [[number, output, 0] for number, output in shown],
                "attrs": {"mxnet_version": ["int", 10901]},
            }
        )


@functools.lru_cache(maxsize=256)
def _count_outputs(
    name: str, taken: int, attrs: tuple[tuple[str, str], ...], forward: str, inputs: int
) -> int:
    """How many outputs a backward operator has."""
    builder = SymbolBuilder()
    node = builder._add(forward, tuple(builder.variable(f"x{i}") for i in range(inputs)), dict(attrs))
    given = tuple(builder.variable(f"g{i}") for i in range(taken))
    number = builder._add(name, given, dict(attrs), (node,))
    return native.count_outputs(builder.json([Entry(number)]), builder.nodes[number]["name"])
