"""Recording ops into a graph: the compiler's interpreter and the values it works on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy

from minpy.compiler.ir import Atom, Eqn, Graph, Literal, Loc, Var, evaluate, infer
from minpy.compiler.kernel import in_kernels
from minpy.compiler.passes import makes_kernels
from minpy.compiler.passes.loops import rolled
from minpy.compiler.passes.raising import raised
from minpy.compiler.reals import Number
from minpy.compiler.tracer import (
    ARRAY,
    ARRAY_SCALAR,
    BOOL,
    FLOAT,
    MINPY,
    NDARRAY,
    NUMBERS,
    SCALAR,
    OperandError,
    OrderUnknown,
    Tracer,
    View,
    gives_view,
)
from minpy.errors import GradientWarning, UnsupportedError
from minpy.ops import Aval, Interpreter, Op, aval_of
from minpy.ops.aval import PYTHON_SCALARS, is_float
from minpy.ops.elementwise import copy
from minpy.ops.indexing import index
from minpy.ops.lowering import Builder, Operand
from minpy.ops.op import as_operand, interpreting
from minpy.ops.promotion import fits, unsure, within
from minpy.ops.reverse import pull_back
from minpy.ops.scalars import gives_scalar
from minpy.ops.shape import broadcast_to_op
from minpy.runtime.context import CPU, Context
from minpy.runtime.location import lost_gradient

_PYTHON_REALS = (bool, int, float)
#: Arithmetic on Python numbers that never raises; the rest stays with Python.
_SAFE_OPS = {"add", "subtract", "multiply", "negative", "positive", "absolute"}
_COMPARISONS = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}


class Watcher(Protocol):
    """Is told what the graph relies on where arrays from outside are written."""

    def before_write(self, array: Tracer) -> None:
        """``array`` is going to be written; raises UnsupportedError where that must not be."""

    def rely_on_order(self) -> None:
        """What was recorded is right only for inputs that lie in memory as those that are there now."""


class _NoWatcher:
    def before_write(self, array: Tracer) -> None:
        pass

    def rely_on_order(self) -> None:
        pass


class Trace(Interpreter):
    """Records equations. ``with trace.interpreting():`` makes it the interpreter of the thread.

    Attributes:
        loc: the source line that the next equation belongs to.
        step: the statement of the block that is being lowered, by number.
        namespace: ARRAY while a function of ``minpy.numpy`` runs, whose results are minpy arrays;
            None where the kind of the result follows from the operands.
        runs: the graph is going to run, so MXNet has to have the operators.
        context: the device that the graph is for.
        raises: gradients are recorded from what ``passes/loops.py`` and ``raising.py`` make of the equations.
    """

    def __init__(self) -> None:
        self.runs = True
        self.raises = True
        self.context = CPU
        self.inputs: list[Var] = []
        self.eqns: list[Eqn] = []
        self._stand_ins: dict[
            Var, Eqn
        ] = {}  # of variables that are made otherwise where gradients are recorded
        self.loc: Loc | None = None
        self._emittable: set[tuple] = set()
        self.step = 0
        self.namespace: str | None = None
        self.watcher: Watcher = _NoWatcher()

    def interpreting(self) -> interpreting:
        return interpreting(self)

    @contextmanager
    def in_namespace(self, namespace: str | None) -> Iterator[None]:
        saved, self.namespace = self.namespace, namespace
        try:
            yield
        finally:
            self.namespace = saved

    def input(self, aval: Aval, kind: str, name: str = "") -> Tracer:
        """A new input of the graph."""
        var = Var(aval, name)
        self.inputs.append(var)
        return Tracer(self, var, kind)

    def constant(self, array: numpy.ndarray) -> Tracer:
        return Tracer(self, Literal(array), self.namespace or ARRAY)

    def as_variable(self, literal: Literal) -> Var:
        """A variable with the content of a constant."""
        (made,) = self._recorded(copy, (literal,), (literal.aval,), {}, NDARRAY)
        return made.atom

    def bind(self, op: Op, args: tuple, params: dict) -> Any:
        atoms = tuple(self.atom(arg) for arg in args)
        try:
            avals = infer(op, atoms, params)
        except (ValueError, TypeError, IndexError) as error:
            raise OperandError(str(error)) from error
        if op.family != "indexing":
            self._meet(op, args)
        kind = self._result_kind(op, args, avals, params)
        is_known = op.execute is None and not any(isinstance(atom, Var) for atom in atoms)
        is_open = is_known and any(atom.other is not None for atom in atoms)  # type: ignore[union-attr]
        if is_known and (kind == NDARRAY or (kind == SCALAR and not is_open)):
            results = self._computed(op, atoms, avals, params, kind)
        else:
            results = self._recorded(op, atoms, avals, params, kind)
        result = results[0]
        if isinstance(result, Tracer) and not result.is_scalar:
            if gives_view(op, args, result.aval, params):
                result.show(args[0], View(op, (), params))
            elif op is broadcast_to_op:  # of a number, whose memory nobody else sees; read-only all the same
                result.show(Tracer(self, atoms[0], result.kind), View(op, (), params))
            else:
                result.lay_out(op, args)
        return results if len(results) > 1 else result

    def _meet(self, op: Op, args: tuple) -> None:
        """Rely on the numbers among the operands fitting the dtypes of the arrays, as inference does."""
        for number in args:
            if isinstance(number, Number):
                for other in args:
                    if isinstance(other, (Tracer, numpy.ndarray)) and other.ndim:
                        number.meet(other.dtype)
        numbers = [arg for arg in args if not isinstance(arg, Number)]
        for number, (low, high) in unsure(op, tuple(numbers)):
            if isinstance(number, Tracer) and isinstance(number.atom, Var):
                self._recorded(
                    within, (number.atom,), (number.aval,), {"low": low, "high": high}, number.kind
                )
            elif not fits(number.known if isinstance(number, Tracer) else number, low, high):
                raise UnsupportedError("a number is so large that it decides the dtype of what it meets")

    def _recorded(self, op: Op, atoms: tuple, avals: tuple[Aval, ...], params: dict, kind: str) -> tuple:
        eqn = Eqn(op, atoms, params, tuple(map(Var, avals)), self.loc)
        if self.runs and any(isinstance(atom, Var) for atom in atoms):  # what is constant is folded
            self._check_emittable(eqn)
        self.eqns.append(eqn)
        return tuple(Tracer(self, var, kind) for var in eqn.outputs)

    def _check_emittable(self, eqn: Eqn) -> None:
        """Raise UnsupportedError, now that the source line is known, for what emit could not do.

        Equations that look the same, as those of the turns of a loop do, are checked once."""
        try:
            key = eqn.op, tuple(map(_looks, eqn.inputs)), tuple(eqn.params.items()), eqn.outputs[0].aval
            if key not in self._emittable:
                _check_emittable(eqn, self.context)
                self._emittable.add(key)
        except TypeError:  # a param cannot be hashed
            _check_emittable(eqn, self.context)

    def _computed(self, op: Op, atoms: tuple, avals: tuple[Aval, ...], params: dict, kind: str) -> tuple:
        """NumPy code on constants is run now, so that its results are known as in Python."""
        arrays = evaluate(op, [atom.value for atom in atoms], params)
        values = [array.astype(aval.dtype, copy=False) for array, aval in zip(arrays, avals)]
        if kind == SCALAR:
            return tuple(value[()] for value in values)
        if all(atom.other is None for atom in atoms):
            return tuple(Tracer(self, Literal(value), kind) for value in values)
        others = evaluate(op, [atom.in_other_case for atom in atoms], params)
        pairs = [(x, None if (x == y).all() else y) for x, y in zip(values, others)]
        return tuple(Tracer(self, Literal(*pair), kind) for pair in pairs)

    def atom(self, x: Any) -> Atom:
        """The variable of a tracer, or a literal."""
        if isinstance(x, Tracer):
            if x.trace is not self:
                raise UnsupportedError("a value of another compilation is used")
            return x.atom
        if isinstance(x, PYTHON_SCALARS):
            return Literal(x)
        if isinstance(x, (list, tuple, range)):
            return self.atom(as_operand(x))
        if isinstance(x, (numpy.ndarray, numpy.generic)):
            return Literal(numpy.asarray(x))
        raise UnsupportedError(f"a {type(x).__name__} is an operand of array arithmetic")

    def fallback(self, function: Any, args: tuple, kwargs: dict, error: UnsupportedError) -> Any:
        if isinstance(error, OrderUnknown):
            raise error
        raise UnsupportedError(f"{function.__name__}: {error.reason}")

    def _result_kind(self, op: Op, args: tuple, avals: tuple[Aval, ...], params: dict) -> str:
        if self.namespace in NUMBERS:
            return self.namespace  # type: ignore[return-value]
        # between brackets NumPy takes MinPy's arrays for its own
        deciding = args[:1] if op is index and self.namespace is None else args
        kinds = [arg.kind for arg in deciding if isinstance(arg, Tracer)]
        is_scalar = not avals[0].shape and gives_scalar(op.name, args, params)
        if self.namespace in MINPY or (self.namespace is None and any(kind in MINPY for kind in kinds)):
            return ARRAY_SCALAR if is_scalar else ARRAY
        if self.namespace is not None:
            return SCALAR if is_scalar else NDARRAY
        if NUMBERS.issuperset(kinds) and all(isinstance(a, Tracer) or type(a) in _PYTHON_REALS for a in args):
            is_float = [getattr(a, "kind", None) == FLOAT or type(a) is float for a in args]
            if op.name in _COMPARISONS and all(f or _is_exact(a) for f, a in zip(is_float, args)):
                return BOOL
            if not any(is_float):
                raise UnsupportedError(f"{op.name} of Python's bools stays with Python")
            is_division = op.name == "true_divide" and type(args[1]) in _PYTHON_REALS and args[1] != 0
            if op.name not in _SAFE_OPS and not is_division:
                raise UnsupportedError(f"{op.name} of Python floats can raise, so it stays with Python")
            return FLOAT
        return SCALAR if is_scalar else NDARRAY

    def gradients(
        self,
        seeds: Sequence[tuple[Tracer, Any]],
        wanted: Sequence[Tracer],
        start: int = 0,
        unselected: set[int] | None = None,
    ) -> list[Tracer | None]:
        """Cotangents of ``wanted``, recorded after what is there; None where nothing flows.

        Only equations from ``start`` on are differentiated. ``unselected`` as in ``ops.reverse.pull_back``.
        """
        active: set[int] = {id(tracer.atom) for tracer in wanted}
        eqns = []
        for eqn in self.raise_idioms(start):
            if any(id(atom) in active for atom in eqn.inputs):
                active.update(map(id, eqn.outputs))
                eqns.append(eqn)
                if eqn.op.conversion and eqn.loc:
                    text = lost_gradient(eqn.op.conversion)
                    warnings.warn_explicit(text, GradientWarning, eqn.loc.file, eqn.loc.line)

        def box(atom: Atom) -> Any:
            return atom.value if isinstance(atom, Literal) else Tracer(self, atom, ARRAY)

        def backwards() -> Iterator[Eqn]:
            """The equations, the last one first; what the rule of one records belongs to its line."""
            saved = self.loc
            try:
                for eqn in reversed(eqns):
                    self.loc = eqn.loc and eqn.loc._replace(is_backward=True)
                    yield eqn
            finally:
                self.loc = saved

        variables = (atom for eqn in eqns for atom in (*eqn.inputs, *eqn.outputs) if isinstance(atom, Var))
        cotangents = _Cotangents({id(var): var.name for var in variables})
        with self.in_namespace(ARRAY):
            for result, g in seeds:
                name = id(result.atom)
                if name in active:
                    known = cotangents.get(name)
                    cotangents[name] = g if known is None else known + g
            pull_back(backwards(), cotangents, active, box, unselected)
        return [cotangents.get(id(tracer.atom)) for tracer in wanted]

    def raise_idioms(self, start: int = 0) -> list[Eqn]:
        """What stands for the equations from ``start`` on where gradients are recorded.

        New variables that this needs are made among the equations of the trace, once.
        """
        if not self.raises:
            return self.eqns[start:]
        eqns = [*self.eqns[:start], *rolled(self.eqns[start:], (), makes_kernels(self.context))]
        found = raised(eqns, self._stand_ins)
        made = {var: eqn for eqn in eqns for var in eqn.outputs}
        self.eqns = [made.get(eqn.outputs[0], eqn) for eqn in found]
        last = eqns[start - 1] if start else None
        return found[next((at + 1 for at, eqn in enumerate(self.eqns) if eqn is last), 0) :]

    def graph(self, outputs: Sequence[Atom], done_elsewhere: Sequence[Eqn] = ()) -> Graph:
        """What was recorded, with these outputs; without what is done elsewhere and not needed here."""
        eqns = list(self.eqns)
        for eqn in reversed(done_elsewhere):
            used = {id(atom) for other in eqns for atom in other.inputs} | set(map(id, outputs))
            if used.isdisjoint(map(id, eqn.outputs)):
                eqns = [other for other in eqns if other is not eqn]
        return Graph(tuple(self.inputs), tuple(eqns), tuple(outputs))


def _is_exact(x: Any) -> bool:
    """Whether a number of Python is the same one as a float."""
    return type(x) in (bool, int) and abs(x) <= 2**53


class _Cotangents(dict):
    """Cotangents by the ``id`` of the variable that they belong to; each is named after it."""

    def __init__(self, names: dict[int, str]):
        super().__init__()
        self._names = names

    def __setitem__(self, variable: int, cotangent: Any) -> None:
        name = self._names.get(variable)
        if name and isinstance(cotangent, Tracer):
            cotangent.suggest_name(f"{name}_bar")
        super().__setitem__(variable, cotangent)


class _NoBuilder(Builder):
    """Goes through the motions of building, to see whether MXNet has the operators."""

    def emit(self, name: str, inputs: list, attrs: dict[str, str], output: int = 0) -> Any:
        return 0

    def constant(self, array: numpy.ndarray) -> Any:
        return 0

    def gradient(self, *args: Any, **kwargs: Any) -> int:
        return 0

    derived = gradient


_NO_BUILDER = _NoBuilder()


def _check_emittable(eqn: Eqn, context: Context) -> None:
    if not all(var.aval.size for var in eqn.outputs):
        if eqn.can_fail:
            raise UnsupportedError("of an empty array MXNet does not check the indices")
        return  # empty results are folded
    if eqn.op.mx is None:
        if makes_kernels(context) and in_kernels(eqn):
            return
        raise UnsupportedError(f"MXNet has no operator for {eqn.op.name}")
    if len(eqn.outputs) > 1:
        raise UnsupportedError(f"{eqn.op.name} has several results")
    eqn.op.mx(_NO_BUILDER, eqn.outputs[0].aval, *map(_stand_in, eqn.inputs), **eqn.params)


def _looks(atom: Atom) -> tuple:
    """What MXNet's rule of an op may see of an operand."""
    is_number = isinstance(atom, Literal) and isinstance(atom.value, PYTHON_SCALARS)
    return (type(atom.value), atom.value) if is_number else (type(atom), atom.aval)  # type: ignore[union-attr]


def _stand_in(atom: Atom) -> Operand:
    is_number = isinstance(atom, Literal) and isinstance(atom.value, PYTHON_SCALARS)
    return Operand(atom.aval, None if is_number else 0, atom.value if is_number else None)  # type: ignore


def replay(trace: Trace, graph: Graph, inputs: Sequence[Any]) -> list[Any]:
    """Record a graph's equations into ``trace``, with these values for its inputs."""
    known: dict[Any, Any] = dict(zip(graph.inputs, inputs))

    def value(atom: Atom) -> Any:
        return atom.value if isinstance(atom, Literal) else known[atom]

    for eqn in graph.eqns:
        trace.loc = eqn.loc
        result = eqn.op(*[value(atom) for atom in eqn.inputs], **eqn.params)
        results = result if isinstance(result, tuple) else (result,)
        known.update(zip(eqn.outputs, results))
        for var, made in zip(eqn.outputs, results):
            if var.name and isinstance(made, Tracer):
                made.suggest_name(var.name)
    return [value(atom) for atom in graph.outputs]


def flows(x: Any) -> bool:
    """Whether a gradient can flow through a value."""
    return is_float(aval_of(x).dtype)
