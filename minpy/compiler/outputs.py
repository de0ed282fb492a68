"""The end of a region: what it wrote is stored, and what it gives back is built.

This becomes one Python function of two arguments: the results of the graph, ``r``, and the values that the
guards found, ``p``. One object of the user's program is built once, so what is the same object stays so;
views are made from the array that they are views of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Callable

import numpy

from minpy.compiler.driver import Lowered
from minpy.compiler.generated import code_of
from minpy.compiler.ir import Atom, Eqn, Literal, Var
from minpy.compiler.lowering.containers import Instance
from minpy.compiler.lowering.effects import Effect
from minpy.compiler.lowering.frames import UNBOUND, Closure
from minpy.compiler.lowering.reads import Ref, is_constant_object, is_plain, unref, walk_values
from minpy.compiler.paths import Path
from minpy.compiler.reals import Number
from minpy.compiler.tracer import ARRAY, ARRAY_SCALAR, NDARRAY, SCALAR, OrderUnknown, Tracer, View
from minpy.errors import UnsupportedError
from minpy.ops.aval import product
from minpy.ops.indexing import index, index_put
from minpy.ops.keys import join_key, result_shape
from minpy.ops.shape import broadcast_to_op, reshape_op
from minpy.runtime.array import Array
from minpy.runtime.routes import Output
from minpy.runtime.scalar import Scalar


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
    if isinstance(value, Number):
        return value.kind
    arrays = [str(item.aval) for item in walk_values(value) if isinstance(item, Tracer)]
    if isinstance(value, Tracer):
        return arrays[0]
    kind = type(unref(value)).__name__
    return f"{kind} of {', '.join(arrays)}" if arrays else kind


def _fresh(content: numpy.ndarray, kind: str) -> Any:
    return present(Array(content.copy()), kind)


def _view(view: View, kind: str, base: Any, *args: Any) -> Any:
    """What a view shows, made from the array that it is a view of."""
    assert view.op is not None
    if view.op is index:
        shown = base[join_key(args, view.params["template"])]
        return Array(shown) if kind == ARRAY and isinstance(base, numpy.ndarray) else shown
    if isinstance(base, numpy.ndarray):
        shown = view.op.numpy(base, *args, **view.params)
        return Array(shown) if kind == ARRAY else shown
    return view.op(base, *args, **view.params)


def _arranged(array: Any, axes: tuple[int, ...]) -> Any:
    """The result as it lies in memory where NumPy made it: ``axes`` are sorted by their steps."""
    if isinstance(array, Array):
        if array.context.device_type == "cpu":
            array._value.take_over(_arranged(array.raw(), axes))
        return array
    return numpy.ascontiguousarray(array.transpose(axes)).transpose(numpy.argsort(axes))


def _by_step(layout: numpy.ndarray) -> tuple[int, ...]:
    return tuple(sorted(range(layout.ndim), key=lambda axis: -layout.strides[axis]))


def _store(target: Any, content: Array) -> None:
    """Write the new content into an array of the user's."""
    if isinstance(target, Array):
        target.overwrite(content)
    else:
        numpy.copyto(target, content._current().numpy())


class OutOfReach(Exception):
    """An index that the region writes at is out of bounds. Nothing has been written yet."""


def _store_part(target: Any, key: Any, content: Any) -> None:
    """``target[key] = content`` for an array of the user's."""
    is_ours = isinstance(target, Array) or not isinstance(content, Array)
    target[_key_for(target, key)] = content if is_ours else content._current().numpy()


def _reach(target: Any, key: tuple) -> None:
    """Raise OutOfReach where a place that is going to be written is not there."""
    try:
        target[_key_for(target, key)]
    except IndexError as error:
        raise OutOfReach(str(error)) from error


def _key_for(target: Any, key: tuple) -> tuple:
    return tuple(part._current().numpy() if isinstance(part, Array) else part for part in key)


def _size_of_part(eqn: Eqn) -> int:
    """How many elements an equation writes."""
    x, _, *places = eqn.inputs
    arrays = [p.value if isinstance(p, Literal) else numpy.zeros(*p.aval) for p in places]
    return product(result_shape(x.aval.shape, arrays, eqn.params["template"]))


#: Parts of an array that are written one by one; to store all of it is one step.
_MAX_PARTS = 4


def _set(made: Any, name: str, value: Any) -> None:
    """Give an attribute to an object that the region made, whatever its class thinks of that."""
    object.__setattr__(made, name, value)


class _NoForm(Exception):
    """Something else than results of the graph and constants is given."""


class Epilogue:
    """Collects what the function at the end of a region does.

    Args:
        lowered: the region.
        copied: positions of inputs that the region has a copy of: the user's arrays stay as they are.

    Attributes:
        atoms: the variables that the graph has to give, in order.
        parts: equations of the graph that are done to the arrays from outside instead.
    """

    def __init__(self, lowered: Lowered, copied: frozenset[int | None] = frozenset()):
        self.lowered = lowered
        self._copied = copied
        self.atoms: list[Atom] = []
        self.parts: list[Eqn] = []
        self._lines: list[str] = []
        self._namespace: dict[str, Any] = {
            f.__name__: f
            for f in (present, _fresh, _view, _arranged, _store, _store_part, _reach, _set, join_key, Array)
        }
        self._given: list[str] = []
        self._given_values: list[Any] = []
        self._outputs: dict[
            int, Output
        ] = {}  # of the graph that are given as they are, by the tracer's identity
        self._effects: set[int] = set()  # lines that change objects
        self._stores = False  # whether lines change arrays from outside
        self._names: dict[int, str] = {}  # of values that were built, by their identity
        self._objects: dict[Path, int] = {}  # where the guards give objects from outside
        self._built: list[Any] = []  # keeps the identities taken
        self._shown: dict[int, int] = {}  # how many of the arrays that are given may show the memory of one

    def foresee(self, values: Iterable[Any]) -> None:
        """Told of all values that ``value`` is going to be asked for: which arrays share memory."""
        seen: set[int] = set()
        for value in values:
            for item in _inside(value, seen):
                tracer = item if isinstance(item, Tracer) else None
                while tracer is not None:  # whether it is a view may show later on
                    self._shown[id(tracer)] = self._shown.get(id(tracer), 0) + 1
                    tracer = tracer.base

    def value(self, value: Any) -> str:
        """Build ``value``; gives an expression for it.

        Raises:
            UnsupportedError: where it cannot leave the region.
        """
        name = self._names.get(id(value))
        if name is not None:
            return name
        if isinstance(value, Tracer) and not isinstance(value, Number):
            return self._tracer(value)
        if isinstance(value, (Ref, Number)):
            position = self._objects.get(value.path)
            if position is None:
                position = self._objects[value.path] = self.lowered.guards.input(value.path)
            return f"p[{position}]"
        if type(value) is list:
            name = self._name(value, "[]")
            if value:
                self._lines.append(f"{name} += [{self._items(value)}]")
            return name
        if type(value) is dict:
            name = self._name(value, "{}")
            for key, item in value.items():
                self._lines.append(f"{name}[{self.value(key)}] = {self.value(item)}")
            return name
        if type(value) is tuple:
            return self._name(value, f"({self._items(value)})")
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return self._name(value, f"{self._constant(type(value))}({self._items(value)})")
        if isinstance(value, Instance):
            kind = self._constant(value.kind)
            name = self._name(value, f"{kind}.__new__({kind})")
            for attribute, item in value.attributes.items():
                self._lines.append(f"_set({name}, {attribute!r}, {self.value(item)})")
            return name
        if type(value) is set:
            return self._name(value, f"{{{self._items(value)}}}" if value else "set()")
        if isinstance(value, (int, str, type(None))) and type(value).__module__ == "builtins":
            return repr(value)
        if (
            is_plain(value)
            or is_constant_object(value)
            or value is UNBOUND
            or isinstance(value, (float, range, slice, numpy.generic))
        ):
            return self._constant(value)
        if isinstance(value, Closure):
            raise UnsupportedError(f"the function {value.source.name} is used outside of compiled code")
        raise UnsupportedError(f"a {type(value).__name__} made here is used later")

    def give(self, value: Any) -> None:
        """Let the function return ``value``, in a tuple with what was given before. Raises as ``value``."""
        with self.lowered.trace.interpreting():
            self._given.append(self.value(value))
        self._given_values.append(value)

    def store_arrays(self) -> None:
        """Write the arrays from outside that the region changed."""
        stores: list[str] = []
        for array in filter(self._is_input, self.lowered.written):
            target = f"p[{array.origin.position}]"
            parts = self._parts(array)
            if parts is None:
                stores.append(f"_store({target}, {self._result(array.atom)})")
            self.parts.extend(parts or ())
            for eqn in parts or ():
                value, *places = map(self._part, eqn.inputs[1:])
                key = f"k{len(self._lines)}"
                template = self._constant(eqn.params["template"])
                self._lines.append(f"{key} = join_key([{', '.join(places)}], {template})")
                if any(isinstance(atom, Var) for atom in eqn.inputs[2:]):
                    self._lines.append(f"_reach({target}, {key})")
                stores.append(f"_store_part({target}, {key}, {value})")
        self._stores = bool(stores)
        self._lines.extend(stores)  # when it is known that all of them will do

    def _parts(self, array: Tracer) -> list[Eqn] | None:
        """The equations that write parts of an array from outside; None where all of it is to be stored."""
        makers = {var: eqn for eqn in self.lowered.trace.eqns for var in eqn.outputs}
        parts: list[Eqn] = []
        atom: Any = array.atom
        while atom is not self.lowered.trace.inputs[array.origin.position]:
            eqn = makers.get(atom) if isinstance(atom, Var) else None
            if eqn is None or eqn.op is not index_put:
                return None
            parts.insert(0, eqn)
            atom = eqn.inputs[0]
        if len(parts) > _MAX_PARTS or 2 * sum(map(_size_of_part, parts)) > array.size:
            return None
        return parts

    def _part(self, atom: Atom) -> str:
        """A value or a place of a part that is written, for NumPy as well as for MinPy."""
        if isinstance(atom, Literal):
            return self._constant(atom.value)
        return self._result(atom)

    def repeat(self, effect: Effect) -> None:
        """Do to an object what the region does to it. Raises as ``value``."""
        with self.lowered.trace.interpreting():
            is_item = effect.kind in Effect.OF_ITEMS
            key = self.value(effect.key) if is_item else effect.key
            args = [self.value(arg) for arg in effect.args]
            if effect.kind in Effect.OF_NUMBERS:
                args[0] = effect.args[0]  # the operator
            if effect.kind == Effect.CALL:
                args = [", ".join(args)]
            line = effect.kind.format(self.value(effect.target), key, *args)
            self._effects.add(len(self._lines))
            self._lines.append(line)

    def form(self) -> Any:
        """What the function gives, with an ``Output`` for each array; None where something else happens."""
        if self._effects or self._stores:
            return None
        seen: set[int] = set()

        def form(value: Any) -> Any:
            is_immutable = isinstance(value, (bool, int, float, str, type(None)))
            if not is_immutable and id(value) in seen:
                raise _NoForm  # one object, built once
            seen.add(id(value))
            if id(value) in self._outputs:
                return self._outputs[id(value)]
            if type(value) in (tuple, list):
                return type(value)(map(form, value))
            if type(value) is dict and all(type(key) in (int, str) for key in value):
                return {key: form(item) for key, item in value.items()}
            if type(value) in (bool, int, float, str, type(None)) or value is UNBOUND:
                return value
            raise _NoForm

        try:
            return tuple(map(form, self._given_values))
        except _NoForm:
            return None

    def compile(self, effects: bool = True) -> Callable[[Sequence[Array], tuple], tuple]:
        """The function; perhaps without what it does to objects other than arrays."""
        lines = [line for number, line in enumerate(self._lines) if effects or number not in self._effects]
        body = "\n    ".join([*lines, f"return ({', '.join(self._given)},)"])
        exec(code_of(f"def end(r, p):\n    {body}\n", "<minpy outputs>"), self._namespace)
        return self._namespace["end"]

    def _name(self, value: Any, expression: str) -> str:
        name = f"v{len(self._names)}"
        self._names[id(value)] = name
        self._built.append(value)
        self._lines.append(f"{name} = {expression}")
        return name

    def _items(self, values: Iterable[Any]) -> str:
        return "".join(f"{self.value(item)}, " for item in values)

    def _constant(self, value: Any) -> str:
        name = f"c{len(self._namespace)}"
        self._namespace[name] = value
        return name

    def _result(self, atom: Atom) -> str:
        """A result of the graph as an array that nothing else holds."""
        if isinstance(atom, Literal):
            if atom.other is None:
                return f"_fresh({self._constant(numpy.asarray(atom.value))}, {ARRAY!r})"
            atom = self.lowered.trace.as_variable(atom)
        self.atoms.append(atom)
        return f"r[{len(self.atoms) - 1}]"

    def _tracer(self, tracer: Tracer) -> str:
        if self._is_input(tracer):
            return self._name(tracer, f"p[{tracer.origin.position}]")  # the object itself
        if not tracer.is_scalar and self._is_made_from_base(tracer):
            base, view = tracer.base, tracer.view
            assert base is not None and view is not None
            if view.op is None:
                return self._name(tracer, f"Array({self.value(base)})")
            args = "".join(f", {self.value(arg)}" for arg in view.args)
            made = f"_view({self._constant(view)}, {tracer.kind!r}, {self.value(base)}{args})"
            return self._name(tracer, made)
        result = self._result(tracer.atom)
        position = len(self.atoms) - 1
        if tracer.kind != ARRAY:
            result = f"present({result}, {tracer.kind!r})"
        if (
            tracer.kind in (ARRAY, NDARRAY)
            and not tracer.ordered
            and tracer.base is None
            and tracer.layout is not None
        ):
            result = f"_arranged({result}, {_by_step(tracer.layout)})"
        elif not isinstance(tracer.atom, Literal):
            self._outputs[id(tracer)] = Output(position, tracer.kind)
        return self._name(tracer, result)

    def _is_input(self, tracer: Tracer) -> bool:
        return tracer.origin is not None and tracer.origin.position not in self._copied

    def _is_made_from_base(self, tracer: Tracer) -> bool:
        """Whether it shows memory that is seen elsewhere too, or shows it with gaps or in another order."""
        tracer.atom  # noqa: B018  # raises where it depends on the base, and that is not known
        base, view = tracer.base, tracer.view
        if base is None or view is None or self._is_input(tracer.root):
            return base is not None
        is_shared = self._shown[id(tracer.root)] > 1
        if not is_shared and view.op is reshape_op and base.base is None and base.ordered:
            return False
        if not tracer.is_view:
            return False
        if is_shared and not view.is_sure:
            raise OrderUnknown(tracer)
        if view.op is broadcast_to_op:  # read-only
            return True
        return is_shared or (tracer.layout is not None and not tracer.layout.flags.c_contiguous)


def _inside(value: Any, seen: set[int]) -> Iterable[Any]:
    """The values in containers, each once."""
    if id(value) in seen:
        return
    seen.add(id(value))
    yield value
    items: Any = ()
    if type(value) is list or isinstance(value, tuple):
        items = value
    elif type(value) is dict:
        items = value.values()
    elif isinstance(value, Instance):
        items = value.attributes.values()
    for item in items:
        yield from _inside(item, seen)
