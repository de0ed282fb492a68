"""Running a compiled graph: one interface, whatever in MXNet is behind it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy

from minpy.ops import Aval
from minpy.runtime import native
from minpy.runtime.array import Value
from minpy.runtime.bound import Bound, bind, bind_program, calls_until_worth
from minpy.runtime.context import CPU, Context
from minpy.runtime.kernels import OPERATOR
from minpy.runtime.kernels.program import Condition, Product, Program, Step
from minpy.runtime.symbols import with_programs

_FAILS = "a program of kernels fails on the data"


class Executor:
    """A graph planned by MXNet. Outputs are fresh arrays at each call; large inputs are never copied.

    Args:
        symbol_json: the symbol.
        avals: of the outputs; MXNet may give more outputs behind these, which are dropped.
        inputs: name of a variable of the symbol -> position among the inputs of a call, and what it holds.
        constants: name of a variable of the symbol -> what it always holds.
        may_fail: an operator may refuse its data, which a call has to wait for.
        one_thread: its operators are too small to be shared out among threads.
        reused: outputs that may take the memory of inputs, by position.
        programs: of kernels, by their numbers in the symbol.
        alone: the variables that the one program takes which is all of the graph. It runs without MXNet.

    Attributes:
        one_thread: as given.
        bound: runs the graph where inputs and outputs are small, if it is not running and has never failed.
    """

    def __init__(
        self,
        symbol_json: str,
        avals: tuple[Aval, ...],
        inputs: dict[str, tuple[int, Aval]],
        constants: dict[str, numpy.ndarray],
        may_fail: bool = False,
        one_thread: bool = False,
        reused: Mapping[int, int] = MappingProxyType({}),
        programs: Sequence[Program] = (),
        alone: Sequence[str] | None = None,
    ):
        self._programs = _loaded(programs) if programs else []
        self.symbol_json = with_programs(symbol_json, [loaded.address for loaded in self._programs])
        self.avals = avals
        self._inputs = inputs
        self._constants = constants
        self.one_thread = one_thread
        self._reused = reused
        self._waits = may_fail and not native.SYNCHRONOUS
        self._constants_on: dict[Context, list] = {}
        self._cached: native.CachedGraph | None = None
        self._timed: native.TimedGraph | None = None
        self.bound: Bound | None = None
        self._alone: Bound | None = None
        self._calls_until_bound = -1
        if alone is not None:
            self._alone = self.bound = bind_program(self._programs[0], alone, inputs, constants)
            return
        taken = [aval for _, aval in inputs.values()]
        self._calls_until_bound = calls_until_worth(symbol_json, [*taken, *avals])
        if self._calls_until_bound == 0:
            self.bound = self._bind()
        else:
            self._cached = self._plan()

    def __call__(self, inputs: Sequence[Value], context: Context, free: Collection[int] = ()) -> list[Value]:
        """Run on values that are on ``context``. The memory of inputs that are ``free`` may be taken.

        Raises:
            MXNetError: where an operator fails on the data.
            MemoryError: there is none.
        """
        memory = {i: inputs[at] for i, at in self._reused.items() if at in free}
        if memory and self._alone is not None:
            given = [memory[i].numpy() if i in memory else None for i in range(len(self.avals))]
            found = self._alone.run_into([value.numpy() for value in inputs], given)
            if found is None:
                raise native.MXNetError(_FAILS)
            return [Value(x) for x in found]
        if self.bound is not None and context == CPU:
            results = self.bound.run([value.numpy() for value in inputs])
            if results is not None:
                return [Value(array) for array in results]
            if self._alone is not None:
                raise native.MXNetError(_FAILS)
            if self.bound.has_failed:
                self.bound = None
        self._calls_until_bound -= 1
        if self._calls_until_bound == 0:
            self.bound = self._bind()
        graph = self._cached = self._cached or self._plan()
        if self._constants:
            constants = iter(self._constants_for(graph, context))
            arrays = [next(constants) if at < 0 else inputs[at].mxnet() for at in self._order]
        else:
            arrays = [inputs[at].mxnet() for at in self._order]
        try:
            outputs = graph(arrays, {i: value.mxnet() for i, value in memory.items()})
            if self._waits:
                native.wait(outputs)
        except MemoryError as error:
            what = f"a compiled graph of {', '.join(self.operators())}"
            raise native.no_memory(what, self.avals, error) from None
        made = [Value(None, array, aval, context) for array, aval in zip(outputs, self.avals)]
        for i, value in memory.items():
            made[i]._numpy = value._numpy  # it may own the memory
        return made

    @property
    def is_program(self) -> bool:
        """Whether one program of kernels is all of it, and it runs without MXNet."""
        return self._alone is not None

    def time_nodes(self, inputs: Sequence[Value], context: Context) -> dict[str, float]:
        """Run once, node by node, by MXNet: the seconds of each, by its name."""
        graph = self._timed = self._timed or native.TimedGraph(self.symbol_json, self.one_thread)
        constants = iter(self._constants_for(graph, context))
        names = graph.input_names
        return graph.times(
            [inputs[self._inputs[n][0]].mxnet() if n in self._inputs else next(constants) for n in names]
        )

    def operator_names(self) -> dict[str, str]:
        """The operator of each node, by the node's name."""
        nodes = json.loads(self.symbol_json)["nodes"]
        return {node["name"]: node["op"] for node in nodes}

    def take_seconds(self) -> list[list[float]]:
        """Of each program of kernels what its steps took since it was asked last, while steps were timed."""
        return [loaded.take_seconds().tolist() for loaded in self._programs]

    def _bind(self) -> Bound:
        return bind(self.symbol_json, self._inputs, self._constants, self.avals, self.one_thread)

    def _plan(self) -> native.CachedGraph:
        graph = native.CachedGraph(self.symbol_json, self.one_thread)
        # MXNet takes inputs in the order in which its own walk over the graph meets them.
        self._order = [self._inputs[name][0] if name in self._inputs else -1 for name in graph.input_names]
        return graph

    @property
    def symbol(self) -> Any:
        """The graph as an ``mxnet.sym.Symbol``."""
        return native.symbol_of(self.symbol_json)

    def operators(self) -> dict[str, int]:
        """The MXNet operators of the graph with their number, the most frequent first."""
        names = native.operators_of(self.symbol_json)
        found = Counter(name for name in names if name not in ("null", OPERATOR))
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def kernels(self) -> dict[str, int]:
        """What its programs of kernels do, with the number of each."""
        names: dict[type, str] = {Step: "loop nest", Product: "matrix product", Condition: "check"}
        return dict(Counter(names[type(step)] for loaded in self._programs for step in loaded.program.steps))

    def _constants_for(self, graph: native.CachedGraph, context: Context) -> list:
        found = self._constants_on.get(context)
        if found is None:
            arrays = [self._constants[name] for name in graph.input_names if name in self._constants]
            found = [Value(array, context=context).mxnet() for array in arrays]
            self._constants_on[context] = found
        return found


def _loaded(programs: Sequence[Program]) -> list:
    from minpy.runtime.kernels.library import load  # llvmlite takes a while to load

    return load(programs)
