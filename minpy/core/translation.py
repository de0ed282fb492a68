"""From a symbol of MXNet to a program in NumPy's words, which is compiled like any other.

Each node is a line. Operators that the op table has are written in its functions, so that every pass of the
compiler knows them and gradients have any order; the others are MXNet's own (``minpy.runtime.operators``).
"""

from __future__ import annotations

import functools
import itertools
import keyword
import linecache
import re
from collections.abc import Sequence
from typing import Any, Callable

import numpy

import minpy.numpy as np
from minpy.core.custom import stop_gradient
from minpy.errors import SymbolError, UnsupportedError
from minpy.ops import FUNCTIONS, OPS
from minpy.runtime.network import Network, Node
from minpy.runtime.operators import operator

#: Gives the expression of a node for the texts of its operands, or None where it is MXNet's to do.
Rule = Callable[["Writer", Node, Sequence[str]], Any]
RULES: dict[str, Rule] = {}

DIMENSIONS = ("1d", "2d", "3d")
_NAMES = {
    **{
        f"{name}{d}": FUNCTIONS[f"nn.{name}{d}"]
        for name in ("conv", "max_pool", "avg_pool")
        for d in DIMENSIONS
    },
    **{name: FUNCTIONS[name] for name in ("relu", "sigmoid", "softmax", "log_softmax")},
    "batch_moments": FUNCTIONS["nn.batch_moments"],
    "convolution_data_gradient": OPS["convolution_data_gradient"],
    "stop_gradient": stop_gradient,
    "np": np,
}


class Writer:
    """Writes the program of a network.

    Attributes:
        training: whether it is that of the mode 'train'.
        names: what the program uses.
        states: the expression of what each state becomes.
    """

    def __init__(self, network: Network, name: str, training: bool):
        self.network = network
        self.training = training
        self.names: dict[str, Any] = {**_NAMES, "_as_floats": _as_floats}
        self.states: dict[str, str] = {}
        self._taken = {*self.names, *keyword.kwlist}
        self._variables: dict[tuple[int, int], str] = {}
        self.name = self.fresh(name)
        self.lines: list[str] = []
        self.text = self._written()

    def fresh(self, name: str) -> str:
        """A name for the program that is not taken yet."""
        base = found = re.sub(r"\W|^(?=\d)", "_", name, flags=re.ASCII) or "_"
        number = 1
        while found in self._taken:
            number += 1
            found = f"{base}_{number}"
        self._taken.add(found)
        return found

    def line(self, name: str, expression: str) -> str:
        """Assign an expression to a new variable."""
        variable = self.fresh(name)
        self.lines.append(f"{variable} = {expression}")
        return variable

    def _written(self) -> str:
        network = self.network
        parameters: dict[str, str] = {}
        for number, node in enumerate(network.nodes):
            if node.op == "null":
                self._variables[number, 0] = parameters[node.name] = self.fresh(node.name)
        for number, node in enumerate(network.nodes):
            if node.op != "null":
                self._node(number, node)
        self.parameters = [parameters[name] for name in (*network.arguments, *network.states)]
        all_of_them = "".join(f"{name}, " for name in self.parameters)
        outputs = "".join(f"{self._variables[entry]}, " for entry in network.outputs)
        states = "".join(f"{self.states.get(name, parameters[name])}, " for name in network.states)
        body = [f"{all_of_them.rstrip()} = _as_floats({all_of_them.rstrip(', ')})"] if parameters else []
        body += [*self.lines, f"return ({outputs.rstrip()}), ({states.rstrip()})"]
        head = f"def {self.name}({all_of_them.rstrip(', ')}):"
        return "\n".join([head, *(f"    {line}" for line in body), ""])

    def _node(self, number: int, node: Node) -> None:
        operands = [self._variables[entry] for entry in node.inputs]
        rule = RULES.get(node.op)
        found = rule(self, node, operands) if rule is not None else None
        if found is None:
            found = self._by_mxnet(node, operands)
        expressions = found if isinstance(found, list) else [found]
        for output, expression in enumerate(expressions):
            is_new = not expression.isidentifier()
            self._variables[number, output] = self.line(node.name, expression) if is_new else expression

    def _by_mxnet(self, node: Node, operands: Sequence[str]) -> list[str]:
        if _is_random(node):
            raise SymbolError(
                f"{node.name}: {node.op} draws random numbers of MXNet; draw them by minpy.numpy.random "
                "and hand them over as an argument"
            )
        if any(self.network.nodes[at].name in self.network.states for at, _ in node.inputs):
            raise SymbolError(
                f"{node.name}: {node.op} writes to an auxiliary state, in a way that is not translated"
            )
        try:
            results = operator(node.op, tuple(sorted(node.attrs.items())), len(operands)).results
        except UnsupportedError as error:
            raise SymbolError(f"{node.name}: {error}") from None
        names = [self.fresh(node.op.strip("_")) for _ in results]
        self.names.update(zip(names, results))
        return [f"{name}({', '.join(operands)})" for name in names]


_RANDOM = re.compile(
    r"_random_|_?sample_|_?shuffle|_npi_(uniform|normal|gamma|exponential|choice|multinomial|bernoulli)"
)


def _is_random(node: Node) -> bool:
    if node.op == "RNN":
        return node.attr("p", 0) != 0
    return bool(_RANDOM.match(node.op)) or (node.op, node.attrs.get("act_type")) == ("LeakyReLU", "rrelu")


def _as_floats(*arrays: Any) -> list[Any]:
    """The arrays in the one dtype in which MXNet computes with them."""
    floats = [x.dtype for x in arrays if x.dtype.kind == "f"]
    dtype = numpy.result_type(*floats) if floats else np.zeros(()).dtype
    return [x if x.dtype == dtype else x.astype(dtype) for x in arrays]


@functools.lru_cache(maxsize=256)
def _program(text: str, name: str, holder: _Names) -> Callable:
    file = f"<symbol {name} {next(_numbers)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    namespace = dict(holder.names)
    exec(compile(text, file, "exec"), namespace)
    return namespace[name]


_numbers = itertools.count()  # of programs, so that each has a file of its own


class _Names:
    """The names that a program uses, as a key: they are the same where the texts and these are."""

    def __init__(self, names: dict[str, Any]):
        self.names = names
        self._key = frozenset((name, id(value)) for name, value in names.items())

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Names) and self._key == other._key


def program_of(network: Network, name: str, training: bool) -> Callable:
    """A function of all arguments and states of a network, in order; it gives outputs and new states.

    Raises:
        SymbolError: a node cannot be translated; the text names it.
    """
    writer = Writer(network, name, training)
    return _program(writer.text, writer.name, _Names(writer.names))
