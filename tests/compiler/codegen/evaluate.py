"""Runs the nests of a body by NumPy: slow and simple, to hold machine code and the planning of nests against.

Memory that nobody has written yet holds what no result should.
"""

from __future__ import annotations

import math

import numpy

from minpy.compiler.codegen.nest import (
    Apply,
    Constant,
    Gather,
    Index,
    Load,
    Nest,
    Reduce,
    Store,
    dependences,
    part_size,
)
from minpy.compiler.codegen.program import Check, Multiplication, located, planned_work
from minpy.compiler.codegen.schedule import BLOCK, Schedule
from minpy.compiler.ir import Graph
from minpy.ops import OPS

_UFUNCS = {
    name: getattr(numpy, name)
    for name in ("add", "multiply", "maximum", "minimum", "logical_and", "logical_or")
}


def evaluate(body: Graph, arrays) -> list[numpy.ndarray]:
    """What the nests of a body give for its inputs.

    Raises IndexError where an index is out of range.
    """
    outputs = [numpy.full(atom.aval.shape, 77, atom.aval.dtype) for atom in body.outputs]
    work = planned_work(body)
    places, scratch = located(work, len(arrays), len(outputs))
    inputs = [numpy.array(x, v.aval.dtype, order="C") for x, v in zip(arrays, body.inputs)]
    memory = [x.reshape(-1).view(numpy.uint8) for x in [*inputs, *outputs]]
    memory.append(numpy.full(scratch, 0x4B, numpy.uint8))
    with numpy.errstate(all="ignore"):
        for step, told in zip(work, places):
            pointers = [(memory[place.buffer], place.offset) for place in told]
            if isinstance(step, Check):
                ((array, offset),) = pointers
                if not array[offset]:
                    raise IndexError("what is checked does not hold")
                continue
            if isinstance(step, Multiplication):
                _multiply(step, pointers)
                continue
            for chunk in range(-(-step.size // step.chunk)):
                end = min(step.size, (chunk + 1) * step.chunk)
                _run(step.nest, pointers, chunk * step.chunk, end, chunk)
    for array, before in zip(inputs, arrays):
        assert numpy.array_equal(array, before, equal_nan=array.dtype.kind == "f"), "an input was written"
    return outputs


def _multiply(step: Multiplication, pointers) -> None:
    shapes = [(step.m, step.k), (step.k, step.n), (step.m, step.n)]
    flags = [step.transpose_x, step.transpose_y, False]
    arrays = []
    for (memory, offset), shape, flag, row in zip(pointers, shapes, flags, step.rows):
        size = step.dtype.itemsize
        strides = (size, row * size) if flag else (row * size, size)
        arrays.append(numpy.ndarray(shape, step.dtype, memory, offset, strides))
    arrays[2][:] = arrays[0] @ arrays[1]


def _run(nest: Nest, pointers, begin: int, end: int, chunk: int) -> None:
    plan = Schedule(nest)
    totals: dict[int, numpy.ndarray] = {}
    if plan.turns == 1:
        _turn(nest, plan, pointers, numpy.arange(math.prod(nest.extents[: nest.outer])), slice(None), totals)
    elif plan.blocks == 1:
        last = nest.extents[nest.outer - 1]
        tiles = -(-last // plan.rows)
        starts = [(turn // tiles * last, turn % tiles * plan.rows) for turn in range(begin, end)]
        rows = [row + i for row, first in starts for i in range(first, min(last, first + plan.rows))]
        _turn(nest, plan, pointers, numpy.array(rows), slice(None), totals)
    else:
        for turn in range(begin, end):
            row, block = divmod(turn, plan.blocks)
            part = slice(block * BLOCK, (block + 1) * BLOCK)
            _turn(nest, plan, pointers, numpy.arange(row, row + 1), part, totals)
    for node in nest.nodes:
        if isinstance(node, Store) and node.value in totals:  # what a chunk added up; it may keep inner loops
            loops = dependences(nest)[node.value]
            start = chunk * part_size(math.prod(nest.extents[loop] for loop in loops), node.access.dtype)
            at = _grid([n if i in loops else 1 for i, n in enumerate(nest.extents)])
            value = totals[node.value]
            _store(node.access, at, start, value.reshape((1,) * nest.outer + value.shape[1:]), pointers)


def _grid(extents):
    """The indices of loops, each along an axis of its own."""
    return [
        numpy.arange(n).reshape([n if j == i else 1 for j in range(len(extents))])
        for i, n in enumerate(extents)
    ]


def _turn(nest: Nest, plan: Schedule, pointers, rows, part: slice, totals) -> None:
    """Turns of the outer loops, along one axis, with those of the others along axes behind it."""
    inner = nest.extents[nest.outer :]
    outer = numpy.unravel_index(rows, nest.extents[: nest.outer]) if nest.outer else ()
    at = [x.reshape(-1, *[1] * len(inner)) for x in outer]
    at += _grid([1, *inner])[1:]
    at[-1] = at[-1][..., part]
    full = (len(rows), *inner[:-1], at[-1].size)
    values: list = []
    for i, node in enumerate(nest.nodes):
        if isinstance(node, Load):
            array, places = _elements(node.access, at, 0, pointers)
            values.append(array[places])
        elif isinstance(node, Constant):
            values.append(numpy.asarray(node.value).astype(node.dtype))
        elif isinstance(node, Gather):
            array, places = _elements(node.access, at, 0, pointers, _far(node, values))
            values.append(array[places])
        elif isinstance(node, Index):
            values.append(node.start + sum(stride * x for stride, x in zip(node.strides, at)))
        elif isinstance(node, Apply):
            values.append(_applied(node, [values[j] for j in node.operands]))
        elif isinstance(node, Reduce):
            is_end = i in plan.terminal
            over = {max(loop - nest.outer + 1, 0) for loop in node.over} | ({0} if is_end else set())
            value = values[node.operand]
            value = value.reshape((1,) * (len(full) - value.ndim) + value.shape)
            own = [n if axis in over else m for axis, (n, m) in enumerate(zip(full, value.shape))]
            found = _UFUNCS[node.kind].reduce(numpy.broadcast_to(value, own), tuple(over), keepdims=True)
            assert value.dtype == found.dtype == node.dtype, f"{node} of {value.dtype}"
            if is_end:
                totals[i] = _UFUNCS[node.kind](totals[i], found) if i in totals else found
            values.append(None if is_end else found)
        else:
            values.append(None)
            if node.value not in plan.terminal:
                far = _far(node, values)
                _store(node.access, at, 0, values[node.value], pointers, far, node.adds)


def _far(node: Gather | Store, values):
    """How far indices lead, in elements."""
    return sum(step * values[i] for i, step in zip(node.indices, node.steps))


def _applied(node: Apply, operands) -> numpy.ndarray:
    """An op on operands of the dtype in which NumPy computes, as scalar rules cast them."""
    if node.dtype.kind != "b" and node.op != "where":
        operands = [numpy.asarray(x).astype(node.dtype) for x in operands]
    return numpy.asarray(OPS[node.op].numpy(*operands, **dict(node.params))).astype(node.dtype)


def _store(access, at, start: int, value, pointers, far=0, adds: bool = False) -> None:
    assert value.dtype == access.dtype, f"{access} of {value.dtype}"
    array, places = _elements(access, at, start, pointers, far)
    loops = [x.shape for x in at] if adds or numpy.ndim(far) else []
    value = numpy.broadcast_to(value, numpy.broadcast_shapes(value.shape, places.shape, *loops))
    places = numpy.broadcast_to(places, value.shape)
    if adds:
        numpy.add.at(array, places, value)
    else:
        array[places] = value


def _elements(access, at, start: int, pointers, far=0):
    """The memory of an access as elements, and the numbers of those that it means."""
    memory, offset = pointers[access.argument]
    size = access.dtype.itemsize
    assert offset % size == 0, "not aligned"
    total = numpy.asarray(access.offset + start + offset // size)
    for stride, x in zip(access.strides, at):
        total = total + stride * x if stride else total
    total = total + far
    array = memory[: len(memory) // size * size].view(access.dtype)
    assert total.min() >= 0 and total.max() < len(array), f"{access} is outside of its buffer"
    return array, total
