"""Fusion: what MXNet would do in one operator after the other becomes kernels, on the CPU.

    a = multiply x y                             ->  c, d = kernel x y w
    b = add a 1                                        a = multiply x y
    c = exp b                                          b = add a 1
    d = sum axes=(1,) keepdims=False b                 c = exp b
    e = convolution c w                                d = sum axes=(1,) keepdims=False b
                                                     e = convolution c w

Every equation has a *level*: how often kernels and operators of MXNet alternate on the longest way to it.
What can be fused and is of one level becomes one kernel, also where it does not hang together: that is one
node of the graph, and no kernel can wait for itself. The kernels are the even levels.

What a later kernel reads is stored, or computed again where that reads no more bytes. Views cost nothing in a
kernel, so each has its own. Between layers of oneDNN the operators that keep its layout of images stay, since
leaving it costs more than they do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from minpy.compiler.ir import Atom, Eqn, Graph, Literal, Var
from minpy.compiler.kernel import in_kernels, kernel
from minpy.compiler.passes.cse import hashable, identity
from minpy.compiler.passes.fold import fold_constants
from minpy.compiler.trace import ARRAY, Trace
from minpy.ops import aval_of, keys
from minpy.ops.elementwise import astype, copy
from minpy.ops.kernels import instructions

#: Values are computed again rather than stored, where that reads no more bytes, by so many equations, of so
#: many instructions each.
_MOST_AGAIN, _CHEAP = 8, 3
_VIEWS = frozenset(("reshape", "transpose", "broadcast_to", "diagonal"))
_MOVERS = frozenset(("concatenate", "index_add", "index_put", "copy", "stop_gradient"))

#: Results of operators that wait for a kernel take memory: after so many bytes it has to run before others.
_MOST_WAITING = 1 << 28


def fuse(graph: Graph) -> Graph:
    """Accepts any graph; afterwards all that kernels can have stands in them, apart from views and copies
    that none of them needs, and what stands between layers of oneDNN."""
    return _Fusion(graph).run()


class _Place(NamedTuple):
    """Where an equation stands: its number in the graph, its level, and whether it is a view of what is in
    memory, which each kernel makes for itself."""

    number: int
    level: int
    is_free: bool = False

    @property
    def is_fused(self) -> bool:
        return self.level % 2 == 0


class _Fusion:
    """One run of the pass."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.parts: dict[int, Sequence[Eqn]] = {}  # by the number of the equation
        self.alike: dict[Any, tuple[Eqn, list[Eqn]]] = {}
        self.makers: dict[Atom, _Place] = {}
        self.levels: dict[int, list[int]] = defaultdict(list)
        self._find_levels()
        #: what has to be in memory
        self.needed: set[Atom] = set(graph.outputs)
        self.places = {atom: place for place, atom in enumerate(graph.outputs)}
        for place in self.makers.values():
            if not (place.is_fused or place.is_free):
                self.needed.update(graph.eqns[place.number].inputs)

    def run(self) -> Graph:
        found: list[list[Eqn]] = []
        for level in sorted(self.levels, reverse=True):
            found.append(self._operators(level) if level % 2 else self._kernel(level))
        eqns = [eqn for eqns in reversed(found) for eqn in eqns]
        return self.graph._replace(eqns=tuple(eqns))

    # Levels -------------------------------------------------------------------------------------------

    def _find_levels(self) -> None:
        taken = self._taken()
        floor, waiting = -1, 0
        for number, eqn in enumerate(self.graph.eqns):
            before = [self.makers[x].level for x in eqn.inputs if x in self.makers]
            is_view = taken[number] and _is_view(eqn)
            level = max(before, default=-1)
            if not taken[number]:
                level = max(level, floor)
                level += level % 2 == 0
                waiting += _bytes(*eqn.outputs)
            elif not is_view:
                level += level % 2
            place = _Place(number, level, is_view and level % 2 == 1)
            self.makers.update(dict.fromkeys(eqn.outputs, place))
            self.levels[level].append(number)
            if waiting > _MOST_WAITING:
                floor, waiting = level + 2, 0

    def _taken(self) -> list[bool]:
        """For each equation whether it can stand in a kernel, and would not stand there for nothing."""
        eqns = self.graph.eqns
        stays = _is_of_layers(eqns)
        can = [not stays[i] and self._can_take(i) for i in range(len(eqns))]
        made: set[Atom] = set()  # computed by kernels, or moved there
        for i, eqn in enumerate(eqns):
            if can[i] and (not _moves(eqn) or not made.isdisjoint(eqn.inputs)):
                made.update(eqn.outputs)
        read: set[Atom] = set()
        for i in reversed(range(len(eqns))):
            if can[i] and (not _moves(eqns[i]) or not read.isdisjoint(eqns[i].outputs)):
                read.update(eqns[i].inputs)
        near = made | read
        return [
            can[i] and (not _moves(eqn) or _is_view(eqn) or not near.isdisjoint(eqn.outputs))
            for i, eqn in enumerate(eqns)
        ]

    def _can_take(self, number: int) -> bool:
        eqn = self.graph.eqns[number]
        if not all(atom.aval.size for atom in (*eqn.inputs, *eqn.outputs)):
            return False  # of what is empty parts may not be defined
        if eqn.op.parts is None:
            return in_kernels(eqn)
        self.parts[number] = self._parts(eqn)
        return all(map(in_kernels, self.parts[number]))

    def _parts(self, eqn: Eqn) -> list[Eqn]:
        """``parts_of(eqn)``: of equations that are alike those of the first, with other variables."""
        inputs = [x.aval if isinstance(x, Var) else identity(x) for x in eqn.inputs]
        same = [eqn.inputs.index(x) for x in eqn.inputs]
        key = eqn.op, hashable(eqn.params), *inputs, *same, *[x.aval for x in eqn.outputs]
        if key not in self.alike:
            self.alike[key] = eqn, parts_of(eqn)
        first, parts = self.alike[key]
        names: dict[Atom, Atom] = dict(zip((*first.inputs, *first.outputs), (*eqn.inputs, *eqn.outputs)))
        for part in parts if first is not eqn else ():
            names.update({x: Var(x.aval, x.name) for x in part.outputs if x not in names})
        return [
            Eqn(part.op, _named(part.inputs, names), part.params, _named(part.outputs, names), eqn.loc)
            for part in parts
        ]

    # Operators and kernels --------------------------------------------------------------------------------

    def _operators(self, level: int) -> list[Eqn]:
        """What stays of a level: operators, and views that are needed in memory."""
        found = []
        for number in reversed(self.levels[level]):
            eqn = self.graph.eqns[number]
            if not self.makers[eqn.outputs[0]].is_free or not self.needed.isdisjoint(eqn.outputs):
                self.needed.update(eqn.inputs)
                found.append(eqn)
        return found[::-1]

    def _kernel(self, level: int) -> list[Eqn]:
        """The kernel of a level: what is needed of it, and what that takes."""
        eqns = self.graph.eqns
        numbers: set[int] = set()
        read: set[Atom] = set()
        for number in reversed(self.levels[level]):
            outputs = eqns[number].outputs
            is_needed = not (self.needed.isdisjoint(outputs) and read.isdisjoint(outputs))
            if is_needed or eqns[number].can_fail:
                numbers.add(number)
                read.update(_variables(eqns[number]))
        own = [eqns[number] for number in sorted(numbers)]
        if all(_moves(eqn) and eqn.op.mx is not None for eqn in own):
            self.needed.update(read)
            return own
        stored = [var for eqn in own for var in eqn.outputs if var in self.needed]
        stored = stored or list(own[-1].outputs)  # it only checks
        stored.sort(key=lambda var: self.places.get(var, len(self.places)))
        read.difference_update(*[eqn.outputs for eqn in own])
        numbers |= self._in_addition(read)
        body = [eqn for number in sorted(numbers) for eqn in self.parts.get(number, (eqns[number],))]
        return [kernel(body, stored)]

    def _in_addition(self, read: set[Atom]) -> set[int]:
        """The equations of earlier levels that a kernel computes again to have what it reads, by number. The
        rest is needed in memory."""
        numbers: set[int] = set()
        memory: set[Atom] = set()
        for var in sorted(read, key=self._order):
            found = self._from_memory(var)
            if found is None or (self._is_fused(var) and _bytes(*found[1] - memory) > _bytes(var)):
                found = set(), {var}
            numbers |= found[0]
            memory |= found[1]
        self.needed |= memory
        return numbers

    def _order(self, var: Atom) -> tuple[bool, int]:
        """What is in memory anyway first, then what was computed last."""
        return self._is_fused(var), -self.makers[var].number if var in self.makers else 1

    def _is_fused(self, var: Atom) -> bool:
        return var in self.makers and self.makers[var].is_fused

    def _from_memory(self, var: Atom) -> tuple[set[int], set[Atom]] | None:
        """The equations that make a variable of what is in memory, by number, and what that is. None where
        they are many, or take longer than memory."""
        numbers: set[int] = set()
        leaves: set[Atom] = set()
        waiting = [var]
        while waiting:
            atom = waiting.pop()
            is_stored = self._is_fused(atom) and atom in self.needed and atom is not var
            place = self.makers.get(atom)
            if place is None or is_stored or not (place.is_fused or place.is_free):
                leaves.add(atom)
            elif place.number not in numbers:
                eqn = self.graph.eqns[place.number]
                if place.is_fused and (len(numbers) == _MOST_AGAIN or not _is_cheap(eqn)):
                    return None
                numbers.add(place.number)
                waiting.extend(_variables(eqn))
        return numbers, leaves


def _named(atoms: tuple[Any, ...], names: Mapping[Atom, Any]) -> tuple[Any, ...]:
    return tuple([names.get(atom, atom) for atom in atoms])


def parts_of(eqn: Eqn) -> list[Eqn]:
    """The equations that an op is made of, which give the same variables."""
    trace = Trace()
    trace.runs, trace.loc = False, eqn.loc
    known: dict[Any, Atom] = {}
    operands = []
    for atom in eqn.inputs:
        if isinstance(atom, Literal):
            operands.append(atom.value)
        else:
            operands.append(trace.input(atom.aval, ARRAY))
            known[operands[-1].atom] = atom
    with trace.interpreting(), trace.in_namespace(ARRAY):
        assert eqn.op.parts is not None
        found = eqn.op.parts(*operands, **eqn.params)
        results = found if isinstance(found, tuple) else (found,)
        same = [  # in parts, numbers may decide dtypes otherwise
            copy(x) if aval_of(x).dtype == var.aval.dtype else astype(x, dtype=var.aval.dtype)
            for x, var in zip(results, eqn.outputs)
        ]
    whole = fold_constants(trace.graph([trace.atom(result) for result in same]))
    known.update(zip(whole.outputs, eqn.outputs))
    constants = [(x, var) for x, var in zip(whole.outputs, eqn.outputs) if isinstance(x, Literal)]
    eqns = [Eqn(copy, (x,), {}, (var,), eqn.loc) for x, var in constants]
    for part in whole.eqns:
        part = part._replace(inputs=_named(part.inputs, known), outputs=_named(part.outputs, known))
        eqns.extend([part] if part.op.parts is None else parts_of(part))
    return eqns


def _is_of_layers(eqns: Sequence[Eqn]) -> list[bool]:
    """Which equations oneDNN computes: its layers, and what stands between them and beside them."""
    images: set[Atom] = set()
    found = []
    for eqn in eqns:
        aval = eqn.outputs[0].aval
        is_between = (
            eqn.op.images == "between"
            and not images.isdisjoint(eqn.inputs)
            and all(atom.aval == aval for atom in eqn.inputs)
        )
        is_layer = eqn.op.images == "layer" and aval.ndim == 4
        if is_between or is_layer:
            images.update(eqn.outputs)
        is_beside = eqn.op.images == "sums" and any(atom.aval.ndim == 4 for atom in eqn.inputs)
        found.append(is_between or is_layer or is_beside)
    return found


def _is_view(eqn: Eqn) -> bool:
    """Whether a kernel moves nothing for an equation."""
    is_slice = eqn.op.name == "index" and keys.ARRAY not in eqn.params["template"]
    return is_slice or eqn.op.name in _VIEWS


def _moves(eqn: Eqn) -> bool:
    """Whether an equation computes nothing."""
    return _is_view(eqn) or (eqn.op.name in _MOVERS and keys.ARRAY not in eqn.params.get("template", ()))


def _is_cheap(eqn: Eqn) -> bool:
    is_short = eqn.op.elementwise and instructions(eqn.op.name) <= _CHEAP
    return is_short or _is_view(eqn)


def _variables(eqn: Eqn) -> Iterable[Atom]:
    return (atom for atom in eqn.inputs if isinstance(atom, Var))


def _bytes(*atoms: Atom) -> int:
    return sum(atom.aval.size * atom.aval.dtype.itemsize for atom in atoms)
