"""A body's equations as statements.

Equations that only say where elements stand become views of what they look at. A product of matrices is a
fold of products over a space with one more axis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy

from minpy.compiler.codegen import indexing
from minpy.compiler.codegen.components import FOLDS
from minpy.compiler.codegen.nest import Constant
from minpy.compiler.codegen.products import contracted
from minpy.compiler.codegen.statements import (
    Count,
    Fold,
    Home,
    Join,
    Map,
    Operand,
    Product,
    Root,
    Statement,
)
from minpy.compiler.codegen.views import View, at_key, contiguous, is_view, moved, reshaped, spread, whole
from minpy.compiler.ir import Eqn, Graph, Literal
from minpy.errors import UnsupportedError
from minpy.ops import Aval
from minpy.ops.aval import PYTHON_SCALARS, product
from minpy.ops.kernels import operand_dtypes
from minpy.ops.keys import ARRAY, WHOLE, Layout

_JOINS = ("concatenate", "index_add", "index_put")
#: Ops whose last operands are index arrays.
INDEXING = ("index", "index_add", "index_put")
_PRODUCTS = ("matmul", "gemm", "add_gemm", "narrow_gradient", "dense")
#: Ops that change nothing, for real numbers.
_NOTHING = ("copy", "real", "conjugate", "stop_gradient")
#: Bytes of values that are filled before parts of them are written.
_SMALL = 1 << 14
#: Slices with larger steps leave too many gaps to be filled one by one.
_MOST_STEP = 4


def takes(eqn: Eqn) -> bool:
    """Whether an equation can stand in a body, dtypes and scalar rules apart."""
    if any(0 in atom.aval.shape for atom in (*eqn.inputs, *eqn.outputs)) or len(eqn.outputs) != 1:
        return False
    name, params = eqn.op.name, eqn.params
    if name in INDEXING:
        count = params["template"].count(ARRAY)
        if count:
            arrays = eqn.inputs[len(eqn.inputs) - count :]
            return all(atom.aval.dtype.kind in "iu" for atom in arrays) or indexing.is_choice(eqn)
    if name in ("index_add", "index_put"):
        slices = Slices(eqn.outputs[0].aval.shape, params["template"])
        return all(abs(step) <= _MOST_STEP for _, step, _ in slices.axes)
    if name in ("counted", "within", "checked"):
        return True
    return eqn.op.elementwise or name in FOLDS or name in _JOINS + _PRODUCTS or is_view(eqn.op, params)


class Body:
    """What a body computes, in order.

    Attributes:
        inputs, outputs: roots that lie in the program's buffers.
        roots: the values in between, each ``by`` its statement.
        checks: bools that have to hold, or the program fails.
        count: what counts.
        constants: arrays that are known.
        in_range: indices as they are, and brought into a range. ``checked`` are those that a check looks at.
    """

    def __init__(self, body: Graph, constants: Mapping[int, numpy.ndarray] = MappingProxyType({})):
        self.inputs = [Root(*v.aval).at_home("input", i) for i, v in enumerate(body.inputs)]
        self.roots: list[Root] = []
        self.checks: list[Root] = []
        self.count = Root((), numpy.dtype("int64"), Count())
        self.constants = {self.inputs[i]: array for i, array in constants.items()}
        self.in_range: dict[Any, tuple[View, View]] = {}
        self.checked: set[Any] = set()
        self._in_order: dict[View, View] = {}
        self._values: dict[Any, Operand] = {var: whole(root) for var, root in zip(body.inputs, self.inputs)}
        for eqn in body.eqns:
            known, (out,) = len(self.roots), eqn.outputs
            self._values[out] = result = self._result(eqn)
            assert isinstance(result, Constant) or result.shape == out.aval.shape, (
                f"the shape of {eqn.op.name}"
            )
            for root in self.roots[known:]:
                root.eqn = eqn
        self.outputs = [self._output(i, atom) for i, atom in enumerate(body.outputs)]

    # Values ---------------------------------------------------------------------------------

    def _operand(self, atom: Any) -> Operand:
        if not isinstance(atom, Literal):
            return self._values[atom]
        number = number_of(atom)
        if number is None:
            raise UnsupportedError("an array of constants within a kernel")
        return number

    def computed(self, by: Statement, shape: Sequence[int], dtype: Any) -> View:
        root = Root(shape, dtype, by)
        self.roots.append(root)
        return whole(root)

    def multiplied(self, x: View, y: View, dtype: numpy.dtype) -> View:
        """The product of matrices by BLAS."""
        root = Root((x.shape[0], y.shape[1]), dtype, Product((x, y))).at_home("scratch")
        self.roots.append(root)
        return whole(root)

    def map(self, op: str, shape: tuple[int, ...], dtype: Any, *operands: Operand, **params: Any) -> View:
        """An elementwise op on operands that broadcast to a shape."""
        by = Map(op, shape, tuple(_spread(x, shape) for x in operands), params)
        return self.computed(by, shape, dtype)

    def cast(self, x: Operand, dtype: numpy.dtype) -> Operand:
        """``x.astype(dtype)``."""
        if isinstance(x, Constant):
            return x if x.dtype == dtype else _constant_as(x, dtype)
        if x.root.dtype == dtype:
            return x
        return self._cast(x, x.shape, dtype)

    def _cast(self, x: Operand, shape: tuple[int, ...], dtype: numpy.dtype) -> View:
        """A value, or a number at all places, computed as ``dtype``."""
        return self.computed(Map("astype", shape, (_spread(x, shape),), {"dtype": dtype}), shape, dtype)

    # Equations ------------------------------------------------------------------------------

    def _result(self, eqn: Eqn) -> Operand:
        name, out = eqn.op.name, eqn.outputs[0].aval
        operands = [self._operand(atom) for atom in eqn.inputs]
        if 0 in out.shape:
            raise UnsupportedError("an array without elements within a kernel")
        if is_view(eqn.op, eqn.params):
            return self._moved(eqn, operands[0])
        if name in _NOTHING and out.dtype.kind != "c":
            return operands[0]
        if name == "astype":
            return self.cast(operands[0], out.dtype)
        if name == "counted":
            return View(self.count, out.shape, eqn.params["strides"], eqn.params["start"])
        if name == "within":
            return self._within(operands[0], **eqn.params)
        if name == "checked":
            indexing.check(self, self._as_view(operands[1], eqn.inputs[1].aval))
            return operands[0]
        count = eqn.params["template"].count(ARRAY) if name in INDEXING else 0
        if count:
            return self._indexed(eqn, operands[:-count], operands[-count:], out)
        if name in FOLDS:
            return self._fold(eqn, operands[0], out)
        if name in _PRODUCTS:
            return self._product(eqn, operands, out)
        if name == "concatenate":
            return self._concatenated(operands, eqn, out)
        if name in _JOINS:
            return self._written(eqn, operands, out)
        if not eqn.op.elementwise:
            raise UnsupportedError(f"{name} within a kernel")
        dtypes = operand_dtypes(eqn.op, [_as_promoted(x) for x in eqn.inputs])
        operands = [self.cast(x, dtype) for x, dtype in zip(operands, dtypes)]
        return self.map(name, out.shape, out.dtype, *operands, **eqn.params)

    def _indexed(self, eqn: Eqn, values: list[Operand], arrays: list[Operand], out: Aval) -> Operand:
        if eqn.op.name == "index":
            return indexing.gathered(self, eqn, values[0], arrays)
        value = self.cast(values[-1], out.dtype)
        base: Operand = Constant(0, out.dtype)
        if eqn.op.name == "index_put":
            base = self.cast(values[0], out.dtype)
        if indexing.is_choice(eqn):
            return indexing.chosen(self, eqn, base, value, arrays[0])
        return indexing.scattered(self, eqn, base, value, arrays)

    def _within(self, x: Operand, low: Any, high: Any) -> Operand:
        """A number, which has to lie between limits, or to be nan or infinite."""
        if isinstance(x, Constant):
            return x  # it was looked at
        shape, dtype = x.shape, x.root.dtype
        holds = [
            self.map("less_equal", shape, bool, Constant(low, dtype), x),
            self.map("less_equal", shape, bool, x, Constant(high, dtype)),
        ]
        is_between = self.map("logical_and", shape, bool, *holds)
        if dtype.kind == "f":
            is_finite = self.map("isfinite", shape, bool, x)
            is_other = self.map("logical_not", shape, bool, is_finite)
            is_between = self.map("logical_or", shape, bool, is_between, is_other)
        indexing.check(self, is_between)
        return x

    def _moved(self, eqn: Eqn, x: Operand) -> Operand:
        if isinstance(x, Constant):
            return x
        found = moved(x, eqn.op, eqn.params)
        if found is None:  # the elements are brought into order first
            found = moved(self.in_order(x), eqn.op, eqn.params)
            assert found is not None
        return found

    def in_order(self, x: View) -> View:
        """The same values, which lie in memory as they stand in the view. They are brought there once."""
        if x not in self._in_order:
            root = Root(x.shape, x.root.dtype).at_home("scratch")
            self._in_order[x] = self._joined(root, [(x, x.shape, root.homes[0])])
        return self._in_order[x]

    def _fold(self, eqn: Eqn, x: Operand, out: Aval) -> Operand:
        shape, axes = eqn.inputs[0].aval.shape, eqn.params["axes"]
        x = self.cast(x, out.dtype)
        count = product(shape[axis] for axis in axes)
        if isinstance(x, Constant):
            x = self._cast(x, shape, out.dtype)
        total: Operand
        if count == 1:
            found = reshaped(x, out.shape)
            total = found if found is not None else self._shaped(self.in_order(x), out.shape)
        else:
            kept = tuple(n for axis, n in enumerate(shape) if axis not in axes)
            by = Fold(FOLDS[eqn.op.name], shape, (x,), axes)
            total = self._shaped(self.computed(by, kept, out.dtype), out.shape)
        if eqn.op.name != "mean":
            return total
        return self.map("true_divide", out.shape, out.dtype, total, Constant(count, out.dtype))

    def _shaped(self, x: View, shape: tuple[int, ...]) -> View:
        found = reshaped(x, shape)
        assert found is not None
        return found

    # Products -------------------------------------------------------------------------------

    def _product(self, eqn: Eqn, operands: list[Operand], out: Aval) -> Operand:
        name, params = eqn.op.name, eqn.params
        views = [self._as_view(x, atom.aval) for x, atom in zip(operands, eqn.inputs)]
        others, (x, y) = views[:-2], views[-2:]
        flags = params.get("transpose_x", False), params.get("transpose_y", False)
        if name == "narrow_gradient":
            others, (x, y), flags = [], views[:2], (True, False)
        elif name == "dense":
            others, (x, y), flags = views[2:], views[:2], (False, True)
        x, y = (_transposed(v) if flag else v for v, flag in zip((x, y), flags))
        found = self._shaped(contracted(self, x, y, out.dtype), out.shape)
        if not others:
            return found
        op = "subtract" if params.get("sign", 1) < 0 else "add"
        return self.map(op, out.shape, out.dtype, *others, found)

    def _as_view(self, x: Operand, aval: Aval) -> View:
        """An operand as an array, also where it is the same number everywhere, or counts."""
        is_nowhere = isinstance(x, Constant) or isinstance(x.root.by, Count)
        return self._cast(x, aval.shape, aval.dtype) if is_nowhere else x  # type: ignore[return-value]

    def copied(self, x: View, dtype: numpy.dtype) -> View:
        """A value of its own."""
        return self._cast(x, x.shape, dtype)

    # Values put together --------------------------------------------------------------------

    def _concatenated(self, operands: list[Operand], eqn: Eqn, out: Aval) -> View:
        axis, start = eqn.params["axis"], 0
        whole_strides = contiguous(out.shape)
        root = Root(*out).at_home("scratch")
        parts = []
        for x, atom in zip(operands, eqn.inputs):
            shape = atom.aval.shape
            unit = product(out.shape[axis + 1 :])
            strides = tuple(0 if n == 1 else stride for n, stride in zip(shape, whole_strides))
            parts.append((self.cast(x, out.dtype), shape, Home(root.homes[0].buffer, strides, start * unit)))
            start += shape[axis]
        return self._joined(root, parts)

    def _joined(self, root: Root, parts: list) -> View:
        numbers = [x for x, _, _ in parts if isinstance(x, Constant)]
        if root.bytes <= _SMALL and 1 < len(numbers) < len(parts) and len(set(map(repr, numbers))) == 1:
            # less work than to fill each gap by itself
            root.homes[0].buffer.filled = numbers[0]
            parts = [part for part in parts if not isinstance(part[0], Constant)]
        root.by = Join(tuple((_spread(x, shape), shape, home) for x, shape, home in parts))
        self.roots.append(root)
        return whole(root)

    def _written(self, eqn: Eqn, operands: list[Operand], out: Aval) -> Operand:
        """``index_add``: zeros with a value in a part of it; ``index_put``: another array with one."""
        root = Root(*out).at_home("scratch")
        slices = Slices(out.shape, eqn.params["template"])
        value = self.cast(operands[-1], out.dtype)
        other: Operand = Constant(0, out.dtype)
        if eqn.op.name == "index_put":
            other = self.cast(operands[0], out.dtype)
        there = at_key(whole(root), eqn.params["template"])
        if 0 in there.shape:
            return other
        if isinstance(value, View):  # leading axes of one element are let through
            extra = max(len(value.shape) - len(there.shape), 0)
            value = value._replace(shape=value.shape[extra:], strides=value.strides[extra:])
        parts = [(value, there)]
        for key in slices.around():
            parts.append(
                (other if isinstance(other, Constant) else at_key(other, key), at_key(whole(root), key))
            )
        buffer = root.homes[0].buffer
        return self._joined(root, [(x, v.shape, Home(buffer, v.strides, v.offset)) for x, v in parts])

    # Outputs --------------------------------------------------------------------------------

    def _output(self, number: int, atom: Any) -> Root:
        """The root of an output: a value that is computed straight into it, or one that is put together."""
        x = self._operand(atom)
        if isinstance(x, View) and x.is_whole and not isinstance(x.root.by, Count):
            if isinstance(x.root.by, (Map, Fold)):
                return x.root.at_home("output", number)
            buffer = x.root.homes[0].buffer
            if buffer.kind == "scratch":
                buffer.kind, buffer.number = "output", number
                return x.root
        root = Root(*atom.aval).at_home("output", number)
        self._joined(root, [(self.cast(x, root.dtype), root.shape, root.homes[0])])
        return root


def number_of(atom: Literal) -> Constant | None:
    """The number that a constant is everywhere; None where there are several."""
    if isinstance(atom.value, PYTHON_SCALARS):
        return Constant(atom.value, atom.aval.dtype)
    flat = numpy.asarray(atom.value).reshape(-1)
    is_one = flat.size and flat.tobytes() == flat[:1].tobytes() * flat.size  # also nan, but not 0.0 and -0.0
    return Constant(flat[0].item(), atom.aval.dtype) if is_one else None


def _spread(x: Operand, shape: tuple[int, ...]) -> Operand:
    return x if isinstance(x, Constant) else spread(x, shape)


def _constant_as(x: Constant, dtype: numpy.dtype) -> Constant:
    with numpy.errstate(all="ignore"):
        return Constant(numpy.asarray(x.value).astype(dtype).item(), dtype)


def _as_promoted(atom: Any) -> Any:
    """What the dtypes of an elementwise op depend on: a number of Python, or an aval."""
    return atom.value if isinstance(getattr(atom, "value", None), PYTHON_SCALARS) else atom.aval


def _transposed(x: View) -> View:
    return x._replace(shape=x.shape[::-1], strides=x.strides[::-1])


class Slices:
    """What a key of slices and numbers means in an array.

    Attributes:
        axes: for each axis the first place, the step upwards, and how many places there are.
    """

    def __init__(self, shape: tuple[int, ...], template: tuple):
        key = Layout(shape, (), template)
        self.shape = shape
        self.axes: list[tuple[int, int, int]] = []
        for start, step, count in zip(key.bounds["begin"], key.bounds["step"], key.sliced):
            first = start if step > 0 else start + step * (count - 1)  # type: ignore[operator]
            self.axes.append((first, abs(step), count))  # type: ignore[arg-type]

    def around(self) -> Iterator[tuple]:
        """The keys of boxes that together are all that this one leaves out."""
        chosen: list[tuple] = []
        for axis, (start, step, count) in enumerate(self.axes):
            stop = start + step * (count - 1) + 1
            gaps = [(0, start, 1), (stop, self.shape[axis], 1)]
            gaps += [(start + i, stop, step) for i in range(1, step)] if count > 1 else []
            for gap in gaps:
                if gap[0] < gap[1]:
                    yield (*chosen, ("slice", *gap), *[WHOLE] * (len(self.shape) - axis - 1))
            chosen.append(("slice", start, stop, step))
