"""MXNet's operators run one at a time: what an op's MXNet column is given in eager mode."""

from __future__ import annotations

import functools
from typing import Any

import numpy

from minpy.ops.lowering import Backward, Builder
from minpy.runtime import native
from minpy.runtime.array import Value
from minpy.runtime.context import CPU
from minpy.runtime.symbols import SymbolBuilder


class ImperativeBuilder(Builder):
    """Runs each MXNet operator at once."""

    def __init__(self, context: Any):
        self.context = context
        self.runs_at_once = context == CPU

    def emit(self, name: str, inputs: list, attrs: dict[str, str], output: int = 0) -> Any:
        if not inputs and self.context != CPU:
            attrs = {**attrs, "ctx": f"{self.context.device_type}({self.context.device_id})"}
        return native.invoke(name, inputs, attrs)[output]

    def gradient(self, backward: Backward, inputs: list, cotangent: Any) -> Any:
        arrays = {"g": cotangent, **{f"x{i}": array for i, array in enumerate(inputs)}}
        shapes = tuple([(array.shape, array.dtype) for array in arrays.values()])
        graph, order = _gradient_graph(backward, shapes)
        return graph([arrays[what] for what in order])[0]

    def constant(self, array: numpy.ndarray) -> Any:
        return Value(array, context=self.context).mxnet()


@functools.lru_cache(maxsize=256)
def _gradient_graph(backward: Backward, shapes: tuple) -> tuple[Any, list[str]]:
    """A graph of MXNet that is the backward of one operator, and the names of its inputs in their order.

    ``shapes`` has an item for the cotangent and for each operand; a graph is made for these shapes.
    """
    builder = SymbolBuilder()
    inputs = [builder.variable(f"x{i}") for i in range(len(shapes) - 1)]
    found = builder.gradient(backward, inputs, builder.variable("g"))
    graph = native.CachedGraph(builder.json([found]))
    return graph, graph.input_names
