"""What a region hands back: how to build each Python value from what the graph computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import numpy

from minpy.compiler.driver import Lowered
from minpy.compiler.ir import Atom, Eqn, Literal, Var
from minpy.compiler.reads import Ref, is_plain, unref, walk_values
from minpy.compiler.trace import ARRAY, ARRAY_SCALAR, NDARRAY, SCALAR, Tracer
from minpy.errors import UnsupportedError
from minpy.ops.op import Op
from minpy.runtime.array import VIEW_OPS, Array
from minpy.runtime.scalar import Scalar

#: (results of the graph as arrays, values of the guarded paths) -> a Python value
Maker = Callable[[Sequence[Array], tuple], Any]


def present(array: Array, kind: str) -> Any:
    """An array as the kind of value that it is in the user's program."""
    if kind == ARRAY:
        return array
    if kind == ARRAY_SCALAR:
        return Scalar(array)
    data = array._current().numpy()
    if kind == NDARRAY:
        return data
    return data[()] if kind == SCALAR else data.item()


def type_of(value: Any) -> str:
    """The type of an abstract value, for people: of nested ones the arrays."""
    arrays = [str(item.aval) for item in walk_values(value) if isinstance(item, Tracer)]
    if isinstance(value, Tracer):
        return arrays[0]
    kind = type(unref(value)).__name__
    return f"{kind} of {', '.join(arrays)}" if arrays else kind


class OutputPlan:
    """Collects the outputs of a lowered block.

    Attributes:
        atoms: the variables that the graph has to give, in order.
    """

    def __init__(self, lowered: Lowered):
        self.lowered = lowered
        self.atoms: list[Atom] = []
        self._positions = {var: position for position, var in enumerate(lowered.trace.inputs)}
        self._makers: dict[Var, Eqn] = {
            var: eqn for eqn in lowered.trace.eqns for var in eqn.outputs if eqn.op in VIEW_OPS
        }
        self._seen: set[int] = set()

    def maker(self, value: Any) -> Maker:
        """How to build ``value``.

        Raises:
            UnsupportedError: where it cannot leave the region.
        """
        if isinstance(value, Tracer):
            return self._tracer(value)
        if isinstance(value, Ref):
            position = self.lowered.guards.input(value.path)
            return lambda results, paths: paths[position]
        if type(value) in (list, tuple, set):
            self._once(value)
            made, kind = [self.maker(item) for item in value], type(value)
            return lambda results, paths: kind([make(results, paths) for make in made])
        if type(value) is dict:
            self._once(value)
            pairs = [(key, self.maker(item)) for key, item in value.items()]
            return lambda results, paths: {key: make(results, paths) for key, make in pairs}
        if isinstance(value, numpy.ndarray):
            return lambda results, paths: value.copy()
        if is_plain(value) or isinstance(value, (float, range, slice, numpy.generic)):
            return lambda results, paths: value
        raise UnsupportedError(f"a {type(value).__name__} made here is used later")

    def _once(self, container: Any) -> None:
        if isinstance(container, tuple):
            return
        if id(container) in self._seen:
            raise UnsupportedError("two variables hold the same list or dict")
        self._seen.add(id(container))

    def _tracer(self, tracer: Tracer) -> Maker:
        atom, kind = tracer.atom, tracer.kind
        if isinstance(atom, Literal):
            return lambda results, paths: present(Array(numpy.array(atom.value)), kind)
        position = self._positions.get(atom)
        if position is not None:
            return lambda results, paths: paths[position]  # the object itself
        view = self._view(atom)
        if view is not None:
            return view
        if atom not in self.atoms:
            self.atoms.append(atom)
        index = self.atoms.index(atom)
        if kind == ARRAY:
            return lambda results, paths: results[index]
        return lambda results, paths: present(results[index], kind)

    def _view(self, var: Var) -> Maker | None:
        """A view of an input is made from the input itself, so that it shares the input's memory."""
        chain: list[tuple[Op, dict]] = []
        while var in self._makers:
            eqn = self._makers[var]
            source = eqn.inputs[0]
            if len(eqn.inputs) > 1 or not isinstance(source, Var):
                return None
            chain.append((eqn.op, eqn.params))
            var = source
        position = self._positions.get(var)
        if position is None or not chain:
            return None
        chain.reverse()

        def make(results: Sequence[Array], paths: tuple) -> Any:
            value = paths[position]
            for op, params in chain:
                value = op.numpy(value, **params) if isinstance(value, numpy.ndarray) else op(value, **params)
            return value

        return make
