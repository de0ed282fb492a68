"""Sums of many terms of one kind, as unrolled loops and their gradients have, become one term.

    a = index_add template=(0,) shape=(2, 3) x          d = reshape shape=(1, 3) x
    b = index_add template=(1,) shape=(2, 3) y    ->    e = reshape shape=(1, 3) y
    c = add a b                                         c = concatenate axis=0 d e

    d = gemm transpose_x=True transpose_y=False x u     x+ = concatenate axis=0 x y z
    e = gemm transpose_x=True transpose_y=False y v     u+ = concatenate axis=0 u v w
    f = gemm transpose_x=True transpose_y=False z w ->  h = gemm transpose_x=True transpose_y=False x+ u+
    g = add d e
    h = add g f

    d = sum axes=(0,) keepdims=False u            ->    h = sum axes=(0,) keepdims=False u+
    e = sum axes=(0,) keepdims=False v
    ...

The first is what becomes of elements that were read one after the other; the second and third are the
gradients of weights and of a bias that each step of a loop uses: one product as long as the loop, instead of
one and an addition in each step. The order in which the terms are added up is another one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy

from minpy.compiler.ir import Atom, Eqn, Graph, Literal, Loc, Var, infer
from minpy.compiler.passes.patterns import whole_of
from minpy.ops import OPS
from minpy.ops.aval import product
from minpy.ops.keys import Layout

_ADD, _INDEX_ADD, _GEMM, _SUM = (OPS[name] for name in ("add", "index_add", "gemm", "sum"))
#: Fewer products are faster one by one.
_LEAST_PRODUCTS = 3


def collect_terms(graph: Graph) -> Graph:
    """Accepts any graph; afterwards no sum of several arrays has terms that could be one."""
    return _Collecting(graph).run()


class Part(NamedTuple):
    """What goes to ``start`` along the axis of a concatenation."""

    start: int
    stop: int
    array: Atom


class _Collecting:
    def __init__(self, graph: Graph):
        self.graph = graph
        self.makers = {var: eqn for eqn in graph.eqns for var in eqn.outputs}
        self.places = {var: place for place, eqn in enumerate(graph.eqns) for var in eqn.outputs}
        self.uses = Counter(atom for eqn in graph.eqns for atom in eqn.inputs if isinstance(atom, Var))
        self.uses.update(atom for atom in graph.outputs if isinstance(atom, Var))
        self.factors = {eqn.inputs[1] for eqn in graph.eqns if eqn.op is _GEMM and _kind(eqn)}
        self.joined: dict[Any, Var] = {}  # concatenations that were made, by what they consist of
        self.eqns: list[Eqn] = []
        self.loc: Loc | None = None

    def run(self) -> Graph:
        inner = self._inner_sums()
        for eqn in self.graph.eqns:
            changed = None
            if eqn.op is _ADD and eqn.outputs[0] not in inner:
                self.loc = eqn.loc
                changed = self._shorter(self._terms(eqn, inner))
            self.eqns.append(eqn if changed is None else changed._replace(outputs=eqn.outputs, loc=eqn.loc))
        return self.graph._replace(eqns=tuple(self.eqns))

    def _inner_sums(self) -> set[Atom]:
        """Sums that are nothing but a term of another sum of the same shape and dtype."""
        found: set[Atom] = set()
        for eqn in self.graph.eqns:
            if eqn.op is _ADD:
                aval = eqn.outputs[0].aval
                found.update(x for x in eqn.inputs if self._is_inner(x) and x.aval == aval)
        return found

    def _is_inner(self, atom: Atom) -> bool:
        maker = self._maker(atom)
        return maker is not None and maker.op is _ADD

    def _maker(self, atom: Atom) -> Eqn | None:
        """The equation of an atom that is used once."""
        return self.makers.get(atom) if isinstance(atom, Var) and self.uses[atom] == 1 else None

    def _terms(self, eqn: Eqn, inner: set[Atom]) -> list[Atom]:
        """What is added up, in order."""
        terms: list[Atom] = []
        waiting = list(reversed(eqn.inputs))
        while waiting:
            atom = waiting.pop()
            if atom in inner:
                waiting.extend(reversed(self.makers[atom].inputs))  # type: ignore[index]
            else:
                terms.append(atom)
        return terms

    def _shorter(self, terms: list[Atom]) -> Eqn | None:
        """The last equation of the same sum with fewer terms; None where it stays."""
        kinds: dict[Any, list[Eqn]] = defaultdict(list)
        rest: list[Atom] = []
        for term in terms:
            maker = self._maker(term)
            kind = _kind(maker) if maker is not None else None
            if kind is None or maker is None:
                rest.append(term)
            else:
                kinds[kind].append(maker)
        merged: list[Eqn] = []
        for (op, *_), eqns in kinds.items():
            made, left = _MERGERS[op](self, eqns)
            merged.extend(made)
            rest.extend(eqn.outputs[0] for eqn in left)
        if not merged:
            return None
        if not rest and len(merged) == 1:
            return merged[0]
        # the terms that were there before are added first, so that they are not kept for long
        parts = [*rest, *[self.add(eqn) for eqn in merged]]
        total = parts[0]
        for part in parts[1:-1]:
            total = self.made(_ADD, (total, part))
        return self.equation(_ADD, (total, parts[-1]))

    def equation(self, op: Any, inputs: tuple[Atom, ...], **params: Any) -> Eqn:
        outputs = tuple(map(Var, infer(op, inputs, params)))
        return Eqn(op, inputs, params, outputs, self.loc)

    def add(self, eqn: Eqn) -> Var:
        self.eqns.append(eqn)
        return eqn.outputs[0]

    def made(self, op: Any, inputs: tuple[Atom, ...], **params: Any) -> Var:
        return self.add(self.equation(op, inputs, **params))

    def place(self, atom: Atom) -> int:
        return self.places.get(atom, -1) if isinstance(atom, Var) else -1

    def rows(self, arrays: Sequence[Atom]) -> Atom:
        """Arrays joined along the first axis. What was read of one array row by row is that array."""
        key = tuple(map(id, arrays))
        if key not in self.joined:
            whole = whole_of(arrays, self.makers)
            if whole is None:
                self.joined[key] = self.made(OPS["concatenate"], tuple(arrays), axis=0)
            else:
                shape = arrays[0].aval.shape
                self.joined[key] = self.made(
                    OPS["reshape"], (whole,), shape=(len(arrays) * shape[0], *shape[1:])
                )
        return self.joined[key]

    # The kinds of terms. Each gives equations that replace some, not yet added, and what stays.

    def placed(self, eqns: list[Eqn]) -> tuple[list[Eqn], list[Eqn]]:
        """Elements added to zeros at slices that lie side by side: a concatenation."""
        shape = eqns[0].params["shape"]
        layouts = [Layout(shape, (), eqn.params["template"]) for eqn in eqns]
        axes = {axis for layout in layouts for axis, size in enumerate(layout.sliced) if size != shape[axis]}
        steps = {step for layout in layouts for step in layout.bounds["step"]}
        if len(eqns) < 2 or len(axes) != 1 or steps != {1}:
            return [], eqns
        (axis,) = axes
        found = []
        for layout, eqn in zip(layouts, eqns):
            start: Any = layout.bounds["begin"][axis]
            found.append((Part(start, start + layout.sliced[axis], eqn.inputs[0]), layout.sliced, eqn))
        found.sort(key=lambda item: item[0][:2])
        parts: list[Atom] = []
        left: list[Eqn] = []
        end = 0

        def zeros(count: int) -> None:
            if count:
                sizes = [count if i == axis else size for i, size in enumerate(shape)]
                parts.append(Literal(numpy.zeros(sizes, eqns[0].outputs[0].aval.dtype)))

        for (start, stop, array), sliced, eqn in found:
            if start < end or start == stop:
                left.append(eqn)
                continue
            zeros(start - end)
            same = array.aval.shape == sliced
            parts.append(array if same else self.made(OPS["reshape"], (array,), shape=sliced))
            end = stop
        zeros(shape[axis] - end)
        return [self.equation(OPS["concatenate"], tuple(parts), axis=axis)], left

    def products(self, eqns: list[Eqn]) -> tuple[list[Eqn], list[Eqn]]:
        """Products of the transposed: one of the arrays joined."""
        if len(eqns) < _LEAST_PRODUCTS:
            return [], eqns
        eqns = sorted(eqns, key=lambda eqn: self.place(eqn.inputs[0]))
        left, right = (self.rows(side) for side in zip(*[eqn.inputs for eqn in eqns]))
        return [self.equation(_GEMM, (left, right), **eqns[0].params)], []

    def totals(self, eqns: list[Eqn]) -> tuple[list[Eqn], list[Eqn]]:
        """Sums over the first axis of arrays: one of the arrays joined, where products need that too."""
        arrays = [eqn.inputs[0] for eqn in eqns]
        if len(eqns) < _LEAST_PRODUCTS or not self.factors.issuperset(arrays):
            return [], eqns
        # The factors stand in the order of the steps, and what comes back to these in the other one.
        joined = self.rows(sorted(arrays, key=self.place, reverse=True))
        return [self.equation(_SUM, (joined,), **eqns[0].params)], []


def _kind(eqn: Eqn) -> Any:
    """Terms of the same kind may become one; None for others."""
    op, params = eqn.op, eqn.params
    if op is _INDEX_ADD and len(eqn.inputs) == 1 and product(params["shape"]):
        return op, params["shape"]
    if op is _GEMM and params["transpose_x"] and not params["transpose_y"]:
        return op, *[x.aval.dtype for x in eqn.inputs]
    if op is _SUM and 0 in params["axes"] and not params["keepdims"]:
        x = eqn.inputs[0].aval
        return op, params["axes"], x.shape[1:], x.dtype
    return None


_MERGERS = {_INDEX_ADD: _Collecting.placed, _GEMM: _Collecting.products, _SUM: _Collecting.totals}
