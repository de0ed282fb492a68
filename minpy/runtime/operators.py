"""Operators of MXNet that the op table does not have, as ops.

Forward is MXNet's operator itself. For backward MXNet is asked what it derives for a symbol of this one
operator, and the same nodes stand in the graph. So gradients are MXNet's, also of operators that end in a
loss and ignore the cotangent, such as SoftmaxOutput. They cannot be differentiated again.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any

import numpy

from minpy.errors import GradientError, UnsupportedError
from minpy.ops import Op
from minpy.ops.aval import Aval, aval_of
from minpy.ops.lowering import Operand
from minpy.ops.op import UNDEFINED
from minpy.runtime import native
from minpy.runtime.array import Array, Value
from minpy.runtime.context import current_context
from minpy.runtime.executor import Executor
from minpy.runtime.symbols import Derived, Entry, Place, Step, SymbolBuilder

Attributes = tuple[tuple[str, str], ...]
Avals = tuple[Aval, ...]


#: inputs that have no gradient, which MXNet's backward leaves as it finds it: labels, and the rows of a table
_WITHOUT_GRADIENT = {
    **dict.fromkeys(("SoftmaxOutput", "Softmax", "SVMOutput", "LinearRegressionOutput"), 1),
    **dict.fromkeys(("LogisticRegressionOutput", "MAERegressionOutput"), 1),
    **{"Embedding": 0, "CTCLoss": 1, "ctc_loss": 1, "softmax_cross_entropy": 1},
}


#: Operators whose backward MXNet plans without the help of ``zero_gradients.cc``; at others it may crash.
_PLANNED_ALONE = frozenset(
    (
        *("SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput"),
        *("LayerNorm", "LRN", "LeakyReLU", "Pooling", "Reshape", "Activation", "softmax", "log_softmax"),
        *("sum", "mean", "max", "broadcast_maximum", "Embedding", "Concat", "RNN", "UpSampling", "MakeLoss"),
    )
)


class Operator:
    """One of MXNet's operators with its attributes, for a number of inputs.

    Attributes:
        results: an op for each output that it shows.
    """

    def __init__(self, name: str, attrs: Attributes, count: int):
        self.name = name
        self.attrs = dict(attrs)
        self.count = count
        builder = SymbolBuilder()
        entry = builder.emit(name, [builder.variable(f"x{i}") for i in range(count)], self.attrs)
        try:
            shown = len(native.symbol_of(builder.json([entry])).get_internals()) - count
        except native.MXNetError as error:
            raise UnsupportedError(
                f"MXNet does not know {name} like that: {native.short_message(error)}"
            ) from None
        self.symbol = native.symbol_of(builder.json([Entry(entry.node, i) for i in range(shown)]))
        self._node = builder.name_of(entry)
        self.results = [_Result(self, i) for i in range(shown)]
        self.infer = functools.lru_cache(maxsize=64)(self._infer)
        self.derive = functools.lru_cache(maxsize=64)(self._derive)

    def _infer(self, avals: Avals) -> Avals:
        """The avals of the results. Raises ValueError for operands that do not fit."""
        try:
            _, shapes, _ = self.symbol.infer_shape(**{f"x{i}": aval.shape for i, aval in enumerate(avals)})
            _, types, _ = self.symbol.infer_type(**{f"x{i}": aval.dtype for i, aval in enumerate(avals)})
        except native.MXNetError as error:
            raise ValueError(
                f"MXNet's {self.name} refuses {_text(avals)}: {native.short_message(error)}"
            ) from None
        if shapes is None or types is None:
            raise ValueError(f"MXNet's {self.name} does not tell what it gives for {_text(avals)}")
        return tuple(Aval(tuple(shape), numpy.dtype(kind)) for shape, kind in zip(shapes, types))

    def _derive(self, avals: Avals) -> tuple[tuple[Step, ...], list[Place | None]]:
        """The backward that MXNet derives, and where the cotangent of each input is; None where that is 0.

        Raises:
            GradientError: it derives none.
        """
        shapes = {f"x{i}": aval.shape for i, aval in enumerate(avals)}
        types = {f"x{i}": aval.dtype for i, aval in enumerate(avals)}
        try:
            text = native.derived_graph(self.symbol, shapes, types)
        except native.MXNetError as error:
            raise GradientError(
                f"MXNet has no gradient of {self.name}: {native.short_message(error)}"
            ) from None
        steps, places = _read(text, self._node, len(self.results))
        backwards = [step.name for step in steps if step.name.startswith("_backward_")]
        if self.name not in _PLANNED_ALONE and not all(map(native.gives_no_gradient, backwards)):
            raise GradientError(
                f"the gradient of MXNet's {self.name} needs MinPy's extension in C++, which was not built "
                "or is switched off (MINPY_FAST=0)"
            )
        if self.name in _WITHOUT_GRADIENT:
            places[_WITHOUT_GRADIENT[self.name]] = None
        return steps, places


def _text(avals: Avals) -> str:
    return ", ".join(map(str, avals)) or "nothing"


class _Result(Op):
    """One output of an operator."""

    def __init__(self, operator: Operator, output: int):
        super().__init__(
            f"mxnet.{operator.name}",
            numpy=self._reference,
            infer=lambda *args: operator.infer(tuple(map(aval_of, args)))[output],
            mx=self._mx,
            family="MXNet",
            cost="compute",
            vjp=lambda index: None,
            doc=f"MXNet's operator {operator.name}.",
        )
        self.operator = operator
        self.output = output
        self.execute = self._execute
        self._gradients: dict[int, _Cotangent] = {}
        self._executor = functools.lru_cache(maxsize=16)(self._made)

    def _mx(self, b: Any, out: Aval, *operands: Operand) -> Operand:
        return b.output(self.output, self.operator.name, out, *operands, **self.operator.attrs)

    def _made(self, avals: Avals) -> Executor:
        """What runs this op alone."""
        builder = SymbolBuilder()
        inputs = {f"x{i}": (i, aval) for i, aval in enumerate(avals)}
        operands = [Operand(aval, builder.variable(name)) for name, (_, aval) in inputs.items()]
        out = self.infer(*avals)
        found = builder.own(self.mx(builder, out, *operands).handle, ())  # type: ignore[misc]
        return Executor(builder.json([found]), (out,), inputs, builder.constants)

    def _execute(self, values: tuple) -> tuple[Value, ...]:
        held = [x if type(x) is Value else Array(numpy.asarray(x))._current() for x in values]
        executor = self._executor(tuple(value.aval for value in held))
        return tuple(executor(held, held[0].context if held else current_context()))

    def _reference(self, *arrays: Any) -> numpy.ndarray:
        return self._execute(arrays)[0].numpy()

    def gradient(self, index: int) -> _Cotangent:
        """The op that gives the cotangent of an argument, from that of the result and all arguments."""
        if index not in self._gradients:
            self._gradients[index] = _Cotangent(self, index)
        return self._gradients[index]

    def pull_back(self, wanted: Sequence[int], g: Any, ans: Any, args: tuple, params: dict) -> dict[int, Any]:
        _, places = self.operator.derive(tuple(map(aval_of, args)))
        return {i: self.gradient(i)(g, *args) for i in wanted if places[i] is not None}


class _Cotangent(_Result):
    """The cotangent of one input of an operator, from that of one output and all inputs."""

    def __init__(self, result: _Result, index: int):
        super().__init__(result.operator, result.output)
        self.name = self.__name__ = f"the gradient of {result.name}"
        self.infer = lambda g, *args: aval_of(args[index])
        self.vjp = UNDEFINED
        self.index = index

    pull_back = Op.pull_back

    def _mx(self, b: Any, out: Aval, *operands: Operand) -> Operand:
        g, *taken = operands
        steps, places = self.operator.derive(tuple(x.aval for x in taken))
        place = places[self.index]
        assert place is not None
        derived = Derived(self.operator.name, tuple(self.operator.attrs.items()), steps, place, self.output)
        return Operand(out, b.derived(derived, [b.handle(x) for x in taken], b.handle(g)))


_ENTRY = re.compile(r"=(\S+)\((\d+)\)")
_ZERO = ("_zeros", "_zeros_without_dtype")


def _read(text: str, node: str, outputs: int) -> tuple[tuple[Step, ...], list[Place | None]]:
    """MXNet's text of the graph of one node and its gradient; inputs are called x0, x1 and so on."""
    steps: list[Step] = []
    places: dict[str, Place] = {}  # of the first output of what is called so
    zeros: set[str] = set()

    def place(name: str, output: str, position: int) -> Place:
        if name in zeros:  # the cotangent of an output that the operator does not show
            return Place("g", position)
        if name == node:
            return Place("y", int(output))
        if name.startswith("_head_grad_"):
            return Place("g", int(name[len("_head_grad_") :].split("_")[0]))
        found = places[name]
        return found._replace(output=int(output)) if found.kind == "step" else found

    head, *blocks = re.split(r"\n-+\n|\n(?=Variable:)", text.split("\nTotal ")[0])
    for block in blocks:
        kind, _, rest = block.partition(":")
        if kind == "Variable":
            name = rest.strip()
            if name[0] == "x":
                places[name] = Place("x", int(name[1:]))
            continue
        op, made = re.match(r"(\S+), Name=(\S+)", rest).groups()  # type: ignore[union-attr]
        if made == node or made.startswith("_head_grad_"):
            continue
        if op in _ZERO:
            zeros.add(made)
            continue
        sections = re.split(r"\n(?=Inputs:|Attrs:|Control deps:)", rest)
        lines = {part.split(":")[0]: part.splitlines()[1:] for part in sections[1:]}
        entries = _ENTRY.findall("\n".join(lines["Inputs"]))
        taken = tuple(place(name, output, i) for i, (name, output) in enumerate(entries))
        attrs = tuple(tuple(line.strip().split("=", 1)) for line in lines.get("Attrs", ()))
        places[made] = Place("step", len(steps))
        steps.append(Step(op, taken, attrs))  # type: ignore[arg-type]
    found = _ENTRY.findall(head)[outputs:]
    results = [None if name in zeros else place(name, output, 0) for name, output in found]
    return tuple(steps), results


@functools.lru_cache(maxsize=1024)
def operator(name: str, attrs: Attributes, count: int) -> Operator:
    """One of MXNet's operators with these attributes, for ``count`` inputs.

    Raises:
        UnsupportedError: there is none.
    """
    return Operator(name, attrs, count)
