"""Runs the nests of a body by NumPy: slow and simple, to hold machine code and the planning of nests against.

Memory that nobody has written holds what no result should: large numbers, or true.
"""

from __future__ import annotations

import numpy

from minpy.compiler.codegen.nest import Apply, Constant, Index, Load, Nest, Reduce, dependences
from minpy.compiler.codegen.program import located, planned_work
from minpy.compiler.codegen.schedule import BLOCK, Schedule
from minpy.compiler.ir import Graph
from minpy.ops import OPS

_UFUNCS = {
    name: getattr(numpy, name)
    for name in ("add", "multiply", "maximum", "minimum", "logical_and", "logical_or")
}


def evaluate(body: Graph, arrays) -> list[numpy.ndarray]:
    """What the nests of a body give for its inputs."""
    outputs = [numpy.full(atom.aval.shape, 77, atom.aval.dtype) for atom in body.outputs]
    work = planned_work(body)
    places, scratch = located(work, len(arrays), len(outputs))
    inputs = [numpy.array(x, v.aval.dtype, order="C") for x, v in zip(arrays, body.inputs)]
    memory = [x.reshape(-1).view(numpy.uint8) for x in [*inputs, *outputs]]
    memory.append(numpy.full(scratch, 0x4B, numpy.uint8))
    with numpy.errstate(all="ignore"):
        for step, told in zip(work, places):
            pointers = [(memory[place.buffer], place.offset) for place in told]
            for chunk in range(-(-step.size // step.chunk)):
                end = min(step.size, (chunk + 1) * step.chunk)
                _run(step.nest, pointers, chunk * step.chunk, end, chunk)
    for array, before in zip(inputs, arrays):
        assert numpy.array_equal(array, before, equal_nan=array.dtype.kind == "f"), "an input was written"
    return outputs


def _run(nest: Nest, pointers, begin: int, end: int, chunk: int) -> None:
    plan = Schedule(nest)
    rows = int(numpy.prod(nest.extents[: nest.outer], dtype=int))
    totals: dict[int, numpy.ndarray] = {}
    if plan.turns == 1:
        _turn(nest, plan, pointers, numpy.arange(rows), slice(None), totals)
    elif plan.blocks == 1:
        _turn(nest, plan, pointers, numpy.arange(begin, end), slice(None), totals)
    else:
        for turn in range(begin, end):
            row, block = divmod(turn, plan.blocks)
            part = slice(block * BLOCK, (block + 1) * BLOCK)
            _turn(nest, plan, pointers, numpy.arange(row, row + 1), part, totals)
    kept = [int(numpy.prod([nest.extents[k] for k in loops], dtype=int)) for loops in dependences(nest)]
    for node in nest.nodes:
        if not isinstance(node, (Load, Constant, Index, Apply, Reduce)) and node.value in totals:
            _store(
                node.access,
                [0] * len(nest.extents),
                chunk * kept[node.value],
                totals[node.value],
                nest,
                pointers,
            )


def _turn(nest: Nest, plan: Schedule, pointers, rows, part: slice, totals) -> None:
    outer, count = nest.outer, len(nest.extents)
    ranges = [numpy.arange(n) for n in nest.extents[outer:]]
    ranges[-1] = ranges[-1][part]
    at = list(numpy.unravel_index(rows, nest.extents[:outer])) if outer else []
    at = [x.reshape(-1, *[1] * len(ranges)) for x in at]
    for axis, x in enumerate(ranges):
        shape = [1] * (len(ranges) + 1)
        shape[axis + 1] = -1
        at.append(x.reshape(shape))
    full = (len(rows), *map(len, ranges))
    values: list = []
    for i, node in enumerate(nest.nodes):
        if isinstance(node, Load):
            array, places = _elements(node.access, at, 0, pointers)
            values.append(array[places])
        elif isinstance(node, Constant):
            values.append(numpy.asarray(node.value).astype(node.dtype))
        elif isinstance(node, Index):
            values.append(at[node.loop])
        elif isinstance(node, Apply):
            values.append(_applied(node, [values[j] for j in node.operands]))
        elif isinstance(node, Reduce):
            is_end = i in plan.terminal
            axes = tuple(
                sorted({max(loop - outer + 1, 0) for loop in node.over} | ({0} if is_end else set()))
            )
            value = numpy.asarray(values[node.operand])
            value = numpy.broadcast_to(
                value.reshape((1,) * (len(full) - value.ndim) + value.shape),
                tuple(
                    n if axis in axes else m
                    for axis, (n, m) in enumerate(zip(full, (value.shape or (1,) * len(full))))
                ),
            )
            assert value.dtype == node.dtype, f"{node} of {value.dtype}"
            found = _UFUNCS[node.kind].reduce(value, axes, keepdims=True)
            assert found.dtype == node.dtype, f"{node} gives {found.dtype}"
            if is_end:
                totals[i] = _UFUNCS[node.kind](totals[i], found) if i in totals else found
            values.append(None if is_end else found)
        else:
            values.append(None)
            if node.value not in plan.terminal:
                _store(node.access, at, 0, values[node.value], nest, pointers)
    assert count == len(at)


def _store(access, at, start: int, value, nest: Nest, pointers) -> None:
    if all(isinstance(x, int) for x in at):  # what a chunk added up: it may keep inner loops
        at = [0] * nest.outer
        ranges = nest.extents[nest.outer :]
        for axis, n in enumerate(ranges):
            shape = [1] * (len(ranges) + 1)
            shape[axis + 1] = -1
            at.append(numpy.arange(n).reshape(shape) if access.strides[nest.outer + axis] else 0)
    value = numpy.asarray(value)
    assert value.dtype == access.dtype, f"{access} of {value.dtype}"
    array, places = _elements(access, at, start, pointers)
    value = numpy.broadcast_to(value, numpy.broadcast_shapes(value.shape, places.shape))
    array[numpy.broadcast_to(places, value.shape)] = value


def _elements(access, at, start: int, pointers):
    """The memory of an access as elements, and the numbers of those that it means."""
    memory, offset = pointers[access.argument]
    size = access.dtype.itemsize
    assert offset % size == 0, "not aligned"
    total = numpy.asarray(access.offset + start + offset // size)
    for stride, x in zip(access.strides, at):
        total = total + stride * x if stride else total
    array = memory[: len(memory) // size * size].view(access.dtype)
    assert total.min() >= 0 and total.max() < len(array), f"{access} is outside of its buffer"
    return array, total


def _applied(node: Apply, operands):
    """An op on operands of the dtype in which NumPy computes, as scalar rules cast them."""
    op = OPS[node.op]
    if node.dtype.kind != "b" and node.op != "where":
        operands = [numpy.asarray(x).astype(node.dtype) for x in operands]
    found = numpy.asarray(op.numpy(*operands, **dict(node.params)))
    return found.astype(node.dtype)
