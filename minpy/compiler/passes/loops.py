"""Unrolled loops over the steps of a recurrent network become one layer, for which MXNet has an operator.

    a = index template=(0,) x                                   p = concatenate of wx.T, wh.T and b
    b = matmul a wx        ... the same with x[1], x[2]         s = recurrence cell=rnn x p h
    c = matmul h wh            and the tanh before        ->    h1 = index template=(0,) s
    d = add b c                instead of h                     h2 = index template=(1,) s
    e = add d bias                                              h3 = index template=(2,) s
    h1 = tanh e

The cells are those of ``ops/recurrent.py``. Of a GRU the two gates may be exchanged, and the state mixed as
``n + z * (h - n)``; a number may be added to a gate. Sums may stand in any order; weights and bias may be one
for all gates, of which columns are taken before or after adding, or one for each gate; input and state may
stand side by side. Only float32, for which MXNet's operator is fast and right. The equations of the steps
stay, for others that use them, and are dead otherwise. An LSTM stays whose memory is used elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy

from minpy.compiler.ir import Atom, Eqn, Graph, Literal, Var, infer
from minpy.compiler.passes import is_on
from minpy.compiler.passes.cells import Columns, Step, recognize
from minpy.compiler.passes.cse import merge_common_subexpressions
from minpy.compiler.passes.patterns import Makers, identity, whole_of
from minpy.compiler.passes.raising import raised
from minpy.ops import OPS
from minpy.ops.keys import WHOLE
from minpy.ops.recurrent import is_on_mxnet

_LEAST_STEPS = 3
#: Of a layer whose steps become kernels, and bytes of its weights.
_MOST_STEPS, _SMALL_WEIGHTS = 256, 1 << 19
#: The equations are put in order anew for each loop.
_MOST_LOOPS = 16


def roll_loops(graph: Graph, with_kernels: bool = False) -> Graph:
    """Accepts any graph; afterwards recurrent layers are equations of their own, as far as they are known.

    ``with_kernels``: what is left becomes kernels, where the steps of a small layer take a third of the time.
    """
    return graph._replace(eqns=tuple(rolled(graph.eqns, graph.outputs, with_kernels)))


def rolled(eqns: Sequence[Eqn], outputs: Sequence[Atom] = (), with_kernels: bool = False) -> list[Eqn]:
    """The equations with layers among them; all variables are made as before, perhaps in another order."""
    found = list(eqns)
    if not is_on("loops") or not _may_have_steps(found):
        return found
    merged = merge_common_subexpressions(Graph((), tuple(found), ())).eqns
    uses = Counter(atom for eqn in merged for atom in eqn.inputs if isinstance(atom, Var))
    uses.update(atom for atom in outputs if isinstance(atom, Var))
    loops = [
        steps
        for steps in _loops(raised(merged))
        if not _gives_memory(steps, uses) and not (with_kernels and _is_small(steps))
    ]
    for steps in sorted(loops, key=len, reverse=True)[:_MOST_LOOPS]:
        makers = {var: eqn for eqn in found for var in eqn.outputs}
        found = _in_order(found, _Layer(steps, makers)) or found
    return found


def _gives_memory(steps: list[_Linked], uses: Counter) -> bool:
    """Whether others need the memory of an LSTM, which a layer does not give: all steps would stay."""
    last = steps[-1].step.memory_after
    memories = [linked.step.memory_after for linked in steps]
    return any(uses[c] > (1 if c is last else 2) for c in memories if isinstance(c, Var))


def _is_small(steps: list[_Linked]) -> bool:
    """Whether kernels take the steps: the weights of the state stay in a cache, and compiling is quick."""
    step = steps[0].step
    hidden = step.eqn.outputs[0].aval.shape[1]
    return len(steps) <= _MOST_STEPS and 4 * hidden * hidden * len(step.gates) <= _SMALL_WEIGHTS


def _may_have_steps(eqns: Sequence[Eqn]) -> bool:
    """Whether what every cell has is there."""
    squashed = sum(eqn.op.name == "tanh" and is_on_mxnet(eqn.outputs[0].aval.dtype) for eqn in eqns)
    return squashed >= _LEAST_STEPS and any(eqn.op.name == "matmul" for eqn in eqns)


class _Linked(NamedTuple):
    """A step of a loop, with what it takes from outside."""

    step: Step
    x: Atom
    before: Atom


def _loops(eqns: Sequence[Eqn]) -> Iterator[list[_Linked]]:
    """The steps of each loop, in order."""
    makers: dict[Var, Eqn] = {}
    after: dict[Any, tuple[Step, list[_Linked]]] = {}  # by the h that a step gives
    chains: list[list[_Linked]] = []
    for eqn in eqns:
        makers.update(dict.fromkeys(eqn.outputs, eqn))
        step = recognize(eqn, makers)
        if step is None or not is_on_mxnet(eqn.outputs[0].aval.dtype):
            continue
        for before in [product.left for product in step.gates[0].products]:
            earlier, chain = after.get(before, (None, []))
            if earlier is None or earlier.key != step.key or step.memory is not earlier.memory_after:
                continue
            linked = _linked(step, before)
            if linked is None or (chain and chain[-1].step is not earlier):
                continue
            if not chain:
                first = _first(earlier, linked)
                if first is None:
                    continue
                chain.append(first)
                chains.append(chain)
            chain.append(linked)
            after[eqn.outputs[0]] = step, chain
            break
        else:
            after[eqn.outputs[0]] = step, []
    return iter([chain for chain in chains if len(chain) >= _LEAST_STEPS])


def _linked(step: Step, before: Atom) -> _Linked | None:
    """A step whose state before it is known, if all gates take the same."""
    gates = step.gates if step.apart is None else step.gates[:-1]
    pairs = [gate.split(before) for gate in gates]
    states = [before, *([step.state] if step.state else [])]
    inputs = {identity(pair[0].left) for pair in pairs if pair}
    if step.apart is not None:
        states.append(step.apart.products[0].left)
        inputs.add(identity(step.gates[-1].products[0].left))
    if any(pair is None for pair in pairs) or len(set(map(identity, states))) > 1:
        return None
    x = pairs[0][0].left if pairs[0] else None
    return _Linked(step, x, before) if x is not None and len(inputs) == 1 else None


def _first(step: Step, second: _Linked) -> _Linked | None:
    """The first step: which of its products is that with the state tells the second."""
    of_state = second.step.gates[0].split(second.before)
    assert of_state is not None
    found = [p.left for p in step.gates[0].products if p.weights == of_state[1].weights]
    return _linked(step, found[0]) if len(found) == 1 else None


# Making layers ----------------------------------------------------------------------------------


class _Layer:
    """The equations of a layer, and those that take a step out of it."""

    def __init__(self, steps: list[_Linked], makers: Makers):
        self.eqns: list[Eqn] = []
        first, self.loc = steps[0], steps[0].step.eqn.loc
        rows = [linked.x for linked in steps]
        x = whole_of(rows, makers)
        inputs = [self._stacked(rows) if x is None else x, self._weights(first), first.before]
        if first.step.memory is not None:
            inputs.append(first.step.memory)
        layer = self._made("recurrence", *inputs, cell=first.step.cell)
        self.taken = {
            linked.step.eqn.outputs[0]: linked.step.eqn._replace(
                op=OPS["index"], inputs=(layer,), params={"template": (number,)}
            )
            for number, linked in enumerate(steps)
        }

    def _made(self, name: str, *inputs: Atom, **params: Any) -> Var:
        op = OPS[name]
        self.eqns.append(Eqn(op, inputs, params, tuple(map(Var, infer(op, inputs, params))), self.loc))
        return self.eqns[-1].outputs[0]

    def _stacked(self, rows: Sequence[Atom]) -> Atom:
        shape = rows[0].aval.shape
        return self._made(
            "concatenate", *[self._made("reshape", row, shape=(1, *shape)) for row in rows], axis=0
        )

    def _weights(self, first: _Linked) -> Atom:
        """Those of input and state, transposed, then both biases, behind each other."""
        step = first.step
        pairs = [gate.split(first.before) for gate in step.gates]
        of_input = [pair[0] if pair else gate.products[0] for pair, gate in zip(pairs, step.gates)]
        of_state = [pair[1] if pair else step.apart.products[0] for pair in pairs]  # type: ignore[union-attr]
        parts: list[Atom] = [
            self._made("reshape", self._made("transpose", joined, axes=(1, 0)), shape=(joined.aval.size,))
            for joined in (self._columns([p.weights for p in side]) for side in (of_input, of_state))
        ]
        own = [gate.biases for gate in step.gates]
        apart = [[] for _ in own] if step.apart is None else [[] for _ in own[1:]] + [step.apart.biases]
        size = step.eqn.outputs[0].aval.shape[1]
        parts.extend(self._biases(biases, size) for biases in (own, apart))
        return self._made("concatenate", *parts, axis=0)

    def _columns(self, parts: Sequence[Columns]) -> Atom:
        """Columns side by side; all of one array in their order are that array."""
        array, ends = parts[0].array, [0, *[part.stop for part in parts]]
        rows = parts[0].rows
        follow = all(p == Columns(array, end, p.stop, rows) for p, end in zip(parts, ends))
        if follow and ends[-1] == array.aval.shape[-1]:
            return self._taken(Columns(array, 0, ends[-1], rows))
        taken = [self._taken(part) for part in parts]
        return taken[0] if len(taken) == 1 else self._made("concatenate", *taken, axis=taken[0].aval.ndim - 1)

    def _taken(self, part: Columns) -> Atom:
        array, start, stop, rows, is_negated = part
        if is_negated:
            return self._made("negative", self._taken(part._replace(is_negated=False)))
        if (start, stop) == (0, array.aval.shape[-1]) and rows is None:
            return array
        before = (("slice", *rows, None),) if rows else (WHOLE,) * (array.aval.ndim - 1)
        template = (*before, ("slice", start, stop, None))
        return self._made("index", array, template=template)

    def _biases(self, gates: Sequence[Sequence[Columns]], size: int) -> Atom:
        """The bias of all gates, that of each the sum of what was added."""
        total: Atom | None = None
        for biases in zip_longest(*gates):
            zeros = Columns(Literal(numpy.zeros(size, "float32")), 0, size)
            found = self._columns([self._flat(bias or zeros) for bias in biases])
            total = found if total is None else self._made("add", total, found)
        return Literal(numpy.zeros(size * len(gates), "float32")) if total is None else total

    def _flat(self, bias: Columns) -> Columns:
        array = bias.array
        return (
            bias
            if array.aval.ndim == 1
            else bias._replace(array=self._made("reshape", array, shape=(array.aval.size,)))
        )


def _in_order(eqns: Sequence[Eqn], layer: _Layer) -> list[Eqn] | None:
    """The equations with a layer before what needs it; None where its inputs depend on what it gives."""
    changed = [layer.taken.get(eqn.outputs[0], eqn) for eqn in eqns]
    makers = {var: eqn for eqn in (*layer.eqns, *changed) for var in eqn.outputs}
    state: dict[Var, bool] = {}  # of the first variable of an equation: whether it is done
    found: list[Eqn] = []
    for eqn in changed:
        waiting = [eqn]
        while waiting:
            last = waiting[-1]
            name = last.outputs[0]
            needed = [makers[x] for x in last.inputs if isinstance(x, Var) and x in makers]
            missing = [other for other in needed if not state.get(other.outputs[0])]
            if missing and not state.get(name):
                state[name] = False
                if any(other.outputs[0] in state for other in missing):
                    return None
                waiting.extend(reversed(missing))
                continue
            waiting.pop()
            if not state.get(name):
                state[name] = True
                found.append(last)
    return found
