"""Recurrent layers over whole sequences, which the compiler makes of loops: MXNet has an operator for them.

    rnn     h = tanh(a + u)
    lstm    i, f, o = sigmoid of their parts of a + u; g = tanh of its; c = f * c + i * g; h = o * tanh(c)
    gru     r, z = sigmoid of their parts of a + u; n = tanh(a_n + r * u_n); h = (1 - z) * n + z * h

with ``a = x @ wx.T + bx`` and ``u = h @ wh.T + bh`` in each step, whose parts for the gates stand in the
order i f g o, and r z n (Hochreiter and Schmidhuber, "Long short-term memory", 1997; Cho et al., "Learning
phrase representations using RNN encoder-decoder", 2014, with the reset gate behind the product).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy

from minpy.errors import UnsupportedError
from minpy.ops import elementwise, sequences, shape
from minpy.ops.aval import Aval, aval_of, function_dtype
from minpy.ops.lowering import Builder, Operand
from minpy.ops.methods import ArrayMethods
from minpy.ops.op import Op, register
from minpy.ops.reverse import Record, match, pull_back

#: How many gates a cell has.
GATES = {"rnn": 1, "lstm": 4, "gru": 3}

#: What the functions of ``sequences.py`` need, in ops.
_OPS = SimpleNamespace(
    exp=elementwise.exp,
    tanh=elementwise.tanh,
    stack=shape.stack.implementation,
    concatenate=shape.concatenate.implementation,
)

# The gradient of the gradient ------------------------------------------------------------------


class _Noted(ArrayMethods):
    """A value, and a note of what is done with it."""

    __slots__ = ("records", "value")

    def __init__(self, value: Any, records: list[Record]):
        self.value, self.records = value, records

    @property
    def aval(self) -> Aval:
        return aval_of(self.value)

    def bind(self, op: Op, args: tuple, params: dict) -> Any:
        made = op(*map(_plain, args), **params)
        results = tuple(_Noted(x, self.records) for x in (made if isinstance(made, tuple) else (made,)))
        self.records.append(Record(op, args, params, results))
        return results if isinstance(made, tuple) else results[0]


def _plain(x: Any) -> Any:
    return x.value if isinstance(x, _Noted) else x


def pulled_back(function: Callable, args: tuple, cotangent: Any, of: int) -> Any:
    """The cotangent of one argument of a function that is written in ops; None where nothing flows."""
    records: list[Record] = []
    noted = [_Noted(arg, records) for arg in args]
    result = function(*noted)
    active = {id(noted[of])}
    for record in records:
        if any(id(arg) in active for arg in record.args):
            active.update(map(id, record.outputs))
    found = pull_back(reversed(records), {id(result): match(cotangent, result.aval)}, active, _plain)
    return found.get(id(noted[of]))


# The ops ---------------------------------------------------------------------------------------


def _infer(x: Any, p: Any, h: Any, *c: Any, cell: str) -> Aval:
    avals = [aval_of(operand) for operand in (x, p, h, *c)]
    (steps, batch, inputs), hidden = avals[0].shape, avals[2].shape[-1]
    states = [aval.shape for aval in avals[2:]]
    size = GATES[cell] * hidden * (inputs + hidden + 2)
    if avals[1].shape != (size,) or states != [(batch, hidden)] * (2 if cell == "lstm" else 1):
        raise ValueError(f"{cell}: {avals[1]} and states {states} do not fit an array {avals[0]}")
    return Aval((steps, batch, hidden), _dtype(*avals))


def _dtype(*operands: Any) -> numpy.dtype:
    """In which a layer computes."""
    common = numpy.result_type(*[aval_of(operand).dtype for operand in operands])
    return function_dtype(numpy.tanh, Aval((1,), common))


def _attributes(h: Operand, cell: str) -> dict[str, Any]:
    mode = "rnn_tanh" if cell == "rnn" else cell
    return {"state_size": h.aval.shape[1], "num_layers": 1, "mode": mode}


def is_on_mxnet(dtype: numpy.dtype) -> bool:
    """Only with oneDNN, which has float32 only, the gradients of MXNet's operator are right."""
    switches = ("MXNET_MKLDNN_ENABLED", "MXNET_USE_MKLDNN_RNN")
    return dtype == numpy.float32 and not any(os.environ.get(name) == "0" for name in switches)


def _operands(b: Builder, dtype: Any, operands: tuple[Operand, ...]) -> list[Operand]:
    """In one dtype; states have an axis for layers in front."""
    if not is_on_mxnet(dtype):
        raise UnsupportedError(f"MXNet has no recurrent layer with a right gradient for {dtype}")
    x, p, *states = (b.cast(operand, dtype) for operand in operands)
    return [x, p, *[b.reshape(state, (1, *state.aval.shape)) for state in states]]


def _recurrence_mx(b: Builder, out: Aval, *operands: Operand, cell: str) -> Operand:
    given = _operands(b, out.dtype, operands)
    return b.op("RNN", out, *given, **_attributes(operands[2], cell))


def _gradient_mx(b: Builder, out: Aval, g: Operand, *operands: Operand, cell: str, of: int) -> Operand:
    given = _operands(b, out.dtype, operands)
    takes = "x0 x1 x2 y0 g x3" if cell == "lstm" else "x0 x1 x2 y0 g"
    aval = given[of].aval
    found = b.vjp(
        "RNN", aval, b.cast(g, out.dtype), *given, takes=takes, of=of, **_attributes(operands[2], cell)
    )
    return b.reshape(found, out.shape)


def _gradient_rule(index: int) -> Callable:
    def rule(ct: Any, ans: Any, *args: Any, cell: str, of: int) -> Any:
        found = pulled_back(
            lambda *noted: sequences.recurrence_gradient(_OPS, *noted, cell=cell, of=of), args, ct, index
        )
        return 0.0 * args[index] if found is None else found

    return rule


def _rule(index: int) -> Callable:
    return lambda g, ans, *operands, cell: recurrence_gradient(g, *operands, cell=cell, of=index)


def _layer_op(name: str, *others: Callable, **columns: Any) -> Op:
    """An op whose reference is a function of ``sequences.py``, which calls these others."""
    function = getattr(sequences, name)

    def run(*operands: Any, **params: Any) -> Any:
        return function(numpy, *operands, **params).astype(_dtype(*operands), copy=False)

    op = Op(name, numpy=run, family="neural", cost="compute", **columns)
    op.helpers = (sequences.sigmoid, sequences.weights, sequences.parts, sequences.step, *others, function)
    return register(op)


recurrence: Op = _layer_op(
    "recurrence",
    infer=_infer,
    mx=_recurrence_mx,
    vjp=_rule,
    source="recurrence(np, {operands}, cell={cell})",
    doc="The h of all steps: of x (steps, batch, inputs), weights, and the state (batch, hidden) before.",
)
recurrence_gradient: Op = _layer_op(
    "recurrence_gradient",
    sequences.step_back,
    infer=lambda g, *operands, cell, of: Aval(aval_of(operands[of]).shape, _dtype(g, *operands)),
    mx=_gradient_mx,
    vjp=_gradient_rule,
    source="recurrence_gradient(np, {operands}, cell={cell}, of={of})",
    doc="The cotangent of operand number ``of`` of a recurrence.",
)
