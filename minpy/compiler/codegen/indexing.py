"""Integer indexing as statements: gathers, scatters, and checks that indices are in range.

An index array that counts, as ``arange`` does, only says how a view moves. The others become numbers from 0
on, which are brought into the range: what is read or written with one that was not does no harm, and the
program fails afterwards. Where each place is written once, since a counting index goes along each axis of the
index arrays, a scatter is a choice at each element, which fuses with what takes it. Of other places the order
in which they are written is NumPy's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy

from minpy.compiler.codegen.nest import Constant
from minpy.compiler.codegen.statements import TAKE, Count, Fold, Map, Operand, Root, Scatter
from minpy.compiler.codegen.views import View, at_key, reshaped, spread, through, transposed, whole
from minpy.compiler.ir import Eqn, Var
from minpy.ops.aval import product
from minpy.ops.keys import ARRAY, WHOLE, Layout, Mask, result_shape

if TYPE_CHECKING:
    from minpy.compiler.codegen.translation import Body

_INT64 = numpy.dtype("int64")
#: operations that are done at the places that are read, instead of everywhere
_MOST_OPS = 24


class Indices:
    """What stands between the brackets of an equation.

    Attributes:
        layout: see there; what follows has its axes in ``layout.order``, those that are indexed first.
        arrays: for each of these axes the indices, broadcast to ``layout.places``, in int64 and in range.
    """

    def __init__(self, body: Body, eqn: Eqn, arrays: list[Operand], shape: tuple[int, ...]):
        self.body = body
        self.template = eqn.params["template"]
        self.layout = Layout(shape, eqn.inputs[len(eqn.inputs) - len(arrays) :], self.template)  # type: ignore[arg-type]
        self.places = self.layout.places
        self.sizes = [self.layout.kept[axis] for axis in self.layout.order]
        self.arrays = [
            _everywhere(_in_range(body, x, size, eqn.op.may_raise), self.places)
            for x, size in zip(arrays, self.sizes)
        ]

    def opened(self, x: View) -> View:
        """The part of an array that the key's slices and numbers leave, with the axes in order."""
        slices = tuple(WHOLE if part is ARRAY else part for part in self.template if part is not None)
        return transposed(at_key(x, slices), self.layout.order)

    def pointed(self, x: View) -> tuple[View, list[Operand]]:
        """Where indices lead in what ``opened`` gives: a view with the axes of the places, the others, and
        one for each index that is not known, and these indices."""
        count = len(self.arrays)
        offset, moves = x.offset, [0] * len(self.places)
        unknown = []
        for index, size, step in zip(self.arrays, x.shape, x.strides):
            if isinstance(index, Constant):
                offset += step * index.value
            elif isinstance(index.root.by, Count):
                offset += step * index.offset
                moves = [move + step * stride for move, stride in zip(moves, index.strides)]
            elif step:
                unknown.append((index, size, step))
        shape = (*self.places, *x.shape[count:], *[size for _, size, _ in unknown])
        strides = (*moves, *x.strides[count:], *[step for _, _, step in unknown])
        ones = (1,) * (len(x.shape) - count)
        told = [_with_axes(index, index.shape + ones) for index, _, _ in unknown]
        return View(x.root, shape, strides, offset), told

    def to_front(self, x: View) -> View:
        """What goes to a key, with the axes of the places in front, as ``layout.gathered``."""
        gathered, to_place = self.layout.gathered, self.layout.to_place
        found = reshaped(x, [gathered[axis] for axis in to_place])
        assert found is not None
        return transposed(found, numpy.argsort(to_place).tolist())

    def along(self) -> dict[int, int] | None:
        """The indexed axis that goes along each axis of the places, if there is one for each."""
        found: dict[int, int] = {}
        for axis, (x, size) in enumerate(zip(self.arrays, self.sizes)):
            if isinstance(x, Constant) or not isinstance(x.root.by, Count) or x.offset:
                continue
            moving = [place for place, stride in enumerate(x.strides) if stride]
            if len(moving) == 1 and x.strides[moving[0]] == 1 and self.places[moving[0]] == size:
                found.setdefault(moving[0], axis)
        is_all = all(n == 1 or place in found for place, n in enumerate(self.places))
        return found if is_all else None


def gathered(body: Body, eqn: Eqn, x: Operand, arrays: list[Operand]) -> Operand:
    """``x[key]``."""
    indices = Indices(body, eqn, arrays, eqn.inputs[0].aval.shape)
    if isinstance(x, Constant):
        return x
    table, unknown = indices.pointed(indices.opened(x))
    layout = indices.layout
    count = len(layout.gathered)
    axes = layout.to_place
    table = transposed(table, (*axes, *range(count, len(table.shape))))
    shape = table.shape[:count]
    told = [spread(transposed(index, axes), shape) for index in unknown]  # type: ignore[arg-type]
    found = reshaped(_taken(body, table, told), eqn.outputs[0].aval.shape)
    assert found is not None
    return found


def _taken(body: Body, table: View, indices: list[View], most: int = _MOST_OPS) -> View:
    """What a table has at some indices, which go along its last axes."""
    count = len(table.shape) - len(indices)
    shape, root = table.shape[:count], table.root
    far = [i for i, step in enumerate(table.strides[count:]) if step]
    indices = [indices[i] for i in far]
    table = table._replace(
        shape=shape + tuple(table.shape[count + i] for i in far),
        strides=table.strides[:count] + tuple(table.strides[count + i] for i in far),
    )
    if not indices:
        return table
    if isinstance(root.by, Count):
        total = table._replace(shape=shape, strides=table.strides[:count])
        for index, step in zip(indices, table.strides[count:]):
            total = body.map("add", shape, _INT64, total, _times(body, index, step))
        return total
    if isinstance(root.by, Map) and root.by.table is None and 2 * product(shape) <= product(root.shape):
        operands = _operands_at(body, root.by, table, indices, most - 1)
        if operands is not None:
            told = tuple(_everywhere(x, shape) for x in operands)
            return body.computed(root.by._replace(shape=shape, operands=told), shape, root.dtype)
    return body.computed(Map(TAKE, shape, tuple(indices), {}, table), shape, root.dtype)


def _operands_at(body: Body, by: Map, table: View, indices: list[View], most: int) -> list[Operand] | None:
    """The operands of what a table is computed from, at the same places; None where that is too much."""
    if most < 0:
        return None
    seen: list[Operand] = []
    for x in by.operands:
        if isinstance(x, View):
            inner = through(table, table.root.shape, x.strides, x.offset)
            if inner is None:
                return None
            seen.append(inner._replace(root=x.root))
        else:
            seen.append(x)
    each = most // max(1, sum(isinstance(x, View) for x in seen))
    return [_taken(body, x, indices, each) if isinstance(x, View) else x for x in seen]


def scattered(body: Body, eqn: Eqn, base: Operand, value: Operand, arrays: list[Operand]) -> Operand:
    """``base`` with a value added at a key, or written there."""
    shape, dtype = eqn.outputs[0].aval
    indices = Indices(body, eqn, arrays, shape)
    stand_ins = [numpy.zeros(atom.aval.shape, _INT64) for atom in eqn.inputs[len(eqn.inputs) - len(arrays) :]]
    target = result_shape(shape, stand_ins, indices.template)
    if 0 in target:
        return base
    if isinstance(value, View):  # leading axes of one element are let through
        extra = max(len(value.shape) - len(target), 0)
        value = value._replace(shape=value.shape[extra:], strides=value.strides[extra:])
        value = indices.to_front(spread(value, target))
    along = indices.along() if indices.layout.is_whole else None
    if along is not None:
        found = reshaped(_chosen(body, indices, along, base, value, dtype), shape)
        assert found is not None, "only axes of one element, at which a number stands, are new"
        return found
    root = Root(shape, dtype).at_home("scratch")
    home = root.homes[0]
    if isinstance(base, Constant):
        home.buffer.filled = base
        before = None
    else:
        before = body.copied(base, dtype).root
        before.homes.append(home)
    there, unknown = indices.pointed(indices.opened(whole(root)))
    space = there.shape[: len(indices.layout.gathered)]
    operands = tuple(_everywhere(x, space) for x in (value, *unknown))
    adds = eqn.op.name == "index_add"
    root.by = Scatter(space, len(indices.places), operands, there._replace(root=home), before, adds)
    body.roots.append(root)
    return whole(root)


def _chosen(
    body: Body, indices: Indices, along: dict[int, int], base: Operand, value: Operand, dtype: numpy.dtype
) -> View:
    """At each element the value that goes there, or the base."""
    order, count = indices.layout.order, len(indices.arrays)
    shape = tuple(indices.sizes)
    first = len(indices.places)

    def seen(x: Operand, others: bool) -> Operand:
        """What has the axes of the places, seen from the elements."""
        if isinstance(x, Constant):
            return x
        strides = [0] * len(shape)
        for place, axis in along.items():
            strides[axis] = x.strides[place]
        if others:
            strides[count:] = x.strides[first:]
        return x._replace(shape=shape, strides=tuple(strides))

    found = seen(value, True)
    other = base if isinstance(base, Constant) else indices.opened(base)
    conditions: list[Operand] = []
    for axis, index in enumerate(indices.arrays):
        if axis not in along.values():
            here = View(body.count, shape, tuple(int(i == axis) for i in range(len(shape))))
            conditions.append(body.map("equal", shape, bool, here, seen(index, False)))
    for both in conditions[1:]:
        conditions[0] = body.map("logical_and", shape, bool, conditions[0], both)
    result = body.map("where", shape, dtype, conditions[0], found, other) if conditions else found
    if isinstance(result, Constant):
        result = body.map("add", shape, dtype, result, Constant(0, dtype))
    return transposed(result, numpy.argsort(order).tolist())


def is_choice(eqn: Eqn) -> bool:
    """Whether an equation writes where a mask says, in a way that is a choice at each element."""
    return eqn.op.name == "index_put" and _mask(eqn) is not None


def chosen(body: Body, eqn: Eqn, base: Operand, value: Operand, condition: Operand) -> View:
    """``base`` with a value written where a mask says."""
    mask = _mask(eqn)
    assert mask is not None
    shape, dtype = eqn.outputs[0].aval
    given = [
        x if isinstance(x, Constant) else reshaped(x, to)
        for x, to in ((condition, mask.shape), (value, mask.value_shape))
    ]
    assert None not in given, "only axes of one element are new"
    return body.map("where", shape, dtype, *given, base)  # type: ignore[arg-type]


def _mask(eqn: Eqn) -> Mask | None:
    x, v, *arrays = (Var(atom.aval) for atom in eqn.inputs)
    return Mask.of(x, v, arrays, eqn.params["template"])


# Indices in range ------------------------------------------------------------------------------------


def _in_range(body: Body, x: Operand, size: int, is_checked: bool) -> Operand:
    """Indices as int64 numbers from 0 on, below a size."""
    low, high = _range(body, x)
    if isinstance(x, Constant):
        return Constant(x.value + size if x.value < 0 else x.value, _INT64)
    if high < 0 and isinstance(x.root.by, Count):
        return x._replace(offset=x.offset + size)
    key = x, size
    if key not in body.in_range:
        places = body.cast(x, _INT64)
        assert isinstance(places, View)
        if low < 0:
            wrapped = body.map("add", x.shape, _INT64, places, Constant(size, _INT64))
            is_negative = body.map("less", x.shape, bool, places, Constant(0, _INT64))
            places = body.map("where", x.shape, _INT64, is_negative, wrapped, places)
        clipped = places
        if low < -size or high >= size:
            clipped = body.map("maximum", x.shape, _INT64, clipped, Constant(0, _INT64))
            clipped = body.map("minimum", x.shape, _INT64, clipped, Constant(size - 1, _INT64))
        body.in_range[key] = places, clipped
    places, clipped = body.in_range[key]
    if is_checked and clipped is not places and key not in body.checked:
        body.checked.add(key)
        check(body, body.map("equal", x.shape, bool, places, clipped))
    return clipped


def check(body: Body, holds: View) -> None:
    """Let the program fail where something does not hold everywhere."""
    axes = tuple(axis for axis, n in enumerate(holds.shape) if n > 1)
    if axes:
        kept = (1,) * (len(holds.shape) - len(axes))
        holds = body.computed(Fold("logical_and", holds.shape, (holds,), axes), kept, bool)
    body.checks.append(holds.root.at_home("scratch"))


def _range(body: Body, x: Operand) -> tuple[int, int]:
    """The least and the greatest number that there may be."""
    if isinstance(x, Constant):
        return x.value, x.value
    if isinstance(x.root.by, Count):
        ends = [stride * (n - 1) for n, stride in zip(x.shape, x.strides)]
        return x.offset + sum(min(end, 0) for end in ends), x.offset + sum(max(end, 0) for end in ends)
    if x.root in body.constants:
        array = body.constants[x.root]
        return int(array.min()), int(array.max())
    limits = numpy.iinfo(x.root.dtype)
    return int(limits.min), int(limits.max)


def _times(body: Body, x: View, by: int) -> View:
    return x if by == 1 else body.map("multiply", x.shape, _INT64, x, Constant(by, _INT64))


def _everywhere(x: Operand, shape: tuple[int, ...]) -> Operand:
    return x if isinstance(x, Constant) else spread(x, shape)


def _with_axes(x: Operand, shape: tuple[int, ...]) -> Operand:
    """With further axes of one element."""
    assert isinstance(x, View)
    return x._replace(shape=shape, strides=x.strides + (0,) * (len(shape) - len(x.shape)))
