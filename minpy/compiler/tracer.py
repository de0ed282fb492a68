"""Tracers: what arrays and numbers known at run time only are while a block is lowered.

A tracer is a handle on a variable of the graph. All names that an array has in the user's program share
one tracer, so a write is a change of its variable. A view remembers its base: a write to it becomes a write
to the base, and after a write to the base it is read from there again.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Callable

import numpy

from minpy.compiler.ir import Atom, Literal, Var
from minpy.errors import MinPyError, UnsupportedError
from minpy.ops import Aval, Op, aval_of, elementwise, indexing, linalg
from minpy.ops.indexing import index
from minpy.ops.keys import ARRAY as MARK
from minpy.ops.keys import Mask, check_written, join_key, result_shape
from minpy.ops.logic import where_op
from minpy.ops.methods import IN_PLACE, ArrayMethods
from minpy.ops.op import as_operand
from minpy.ops.rearrange import diagonal_op
from minpy.ops.shape import broadcast_to_op, reshape_op, transpose_op
from minpy.runtime.views import VIEW_OPS, WRITE_BACK

if TYPE_CHECKING:
    from minpy.compiler.trace import Trace

#: What a traced value is in the user's program. The kind decides what comes out of the region.
ARRAY = "minpy array"
ARRAY_SCALAR = "minpy scalar"
NDARRAY = "numpy array"
SCALAR = "numpy scalar"
FLOAT = "float"
INT = "int"
BOOL = "bool"
MINPY = frozenset((ARRAY, ARRAY_SCALAR))
NUMBERS = frozenset((FLOAT, INT, BOOL))
SCALARS = NUMBERS | {ARRAY_SCALAR, SCALAR}


class OperandError(MinPyError):
    """The operands of an op do not fit; run by Python, the line raises what NumPy raises."""


class OrderUnknown(UnsupportedError):
    """It matters whether a reshape copied, and that is not known.

    Attributes:
        step: the statement of the block that made the array, if one did: Python has to run it, since an array
            that comes out of a graph always lies in C order.
    """

    def __init__(self, array: Tracer):
        super().__init__("it depends on the order in memory whether a reshaped array is a copy")
        root = array.root
        self.step = None if root.origin is not None else root.step


class View:
    """How a tracer shows the memory of another one.

    Attributes:
        op: what made it; None where it is the same array under another kind.
        args: of the op, behind the array: NumPy integers that are known at run time only.
        is_sure: NumPy gives a view, and no copy, given that all inputs lie in memory in C order; None where
            that was not asked yet.
    """

    __slots__ = ("args", "is_sure", "op", "params")

    def __init__(self, op: Op | None, args: tuple = (), params: dict | None = None):
        self.op = op
        self.args = args
        self.params = params or {}
        self.is_sure: bool | None = None if op is reshape_op else True

    def of(self, base: Tracer) -> Atom:
        """The content of the view."""
        return base.atom if self.op is None else self.op(base, *self.args, **self.params).atom

    def write_back(self, base: Tracer, content: Any) -> Any:
        """The content of the base after a write to the view."""
        return content if self.op is None else WRITE_BACK[self.op](base, content, *self.args, **self.params)

    def laid_out(self, base: numpy.ndarray) -> numpy.ndarray | None:
        """The memory of the view for one of the base (see ``Tracer.layout``); None where it is a copy."""
        if self.op is index:
            return base[join_key([0] * len(self.args), self.params["template"])]
        if self.op is reshape_op:
            view = base.view()
            try:
                view.shape = self.params["shape"]
            except AttributeError:  # NumPy would have to copy
                return None
            return view
        return base if self.op is None else self.op.numpy(base, **self.params)


class Tracer(ArrayMethods):
    """A value that is known at run time only.

    Attributes:
        trace: where ops on it are recorded, and ``step``: in which statement of the block.
        kind: which type it has in the user's program.
        origin: what the lowering knows of an input that was read from outside; None for others.
        base: the array that this one is a view of, and ``view``: how.
        version: how often it was written.
        ordered: its elements stand in memory in C order, given that those of all inputs do.
    """

    __array_ufunc__ = None  # numpy_array + tracer asks the tracer

    def __init__(self, trace: Trace, atom: Atom, kind: str):
        self.trace = trace
        self.step = trace.step
        self.kind = kind
        self.origin: Any = None
        self.base: Tracer | None = None
        self.view: View | None = None
        self.version = 0
        self.ordered = True
        self._atom = atom
        self._seen = 0  # the version of the base that the variable belongs to
        self._layout: numpy.ndarray | None = None

    @property
    def aval(self) -> Aval:
        return self._atom.aval  # never changes, so no need to look at the base

    @property
    def is_scalar(self) -> bool:  # type: ignore[override]
        return self.kind in SCALARS

    @property
    def is_number(self) -> bool:  # type: ignore[override]
        return self.kind in NUMBERS

    @property
    def atom(self) -> Atom:
        """The variable that holds the value now, or a literal."""
        base, view = self.base, self.view
        if base is not None and view is not None:
            known = base.atom
            if base.version != self._seen and self._follows_base():
                self._atom = known if view.op is None else view.of(base)
                self._seen = base.version
                self.version += 1
        return self._atom

    @property
    def known(self) -> numpy.ndarray | None:
        """The content of a NumPy array that is computed from constants."""
        atom = self.atom if self.kind == NDARRAY else None
        return numpy.asarray(atom.value) if isinstance(atom, Literal) else None

    @property
    def root(self) -> Tracer:
        """The array whose memory this one shows, or may show; itself, if it is no view."""
        tracer = self
        while tracer.base is not None:
            tracer = tracer.base
        return tracer

    def bind(self, op: Op, args: tuple, params: dict) -> Any:
        return self.trace.bind(op, args, params)

    @property
    def is_open(self) -> bool:
        """Whether parts of a constant could hold anything."""
        return isinstance(self._atom, Literal) and self._atom.other is not None

    def leave_open(self) -> Tracer:
        """Nobody has written to this constant of NumPy's, so it could hold anything. Gives the tracer."""
        if self.known is not None:
            other = numpy.full_like(self.known, numpy.nan if self.dtype.kind in "fc" else -1, subok=False)
            self._atom = Literal(self.known, other)
        return self

    def suggest_name(self, name: str) -> None:
        """Name the variable of the graph, unless it has a name: that of the user's program, for people."""
        if isinstance(self._atom, Var) and not self._atom.name:
            self._atom.name = name

    def __repr__(self) -> str:
        return f"<{self.kind} {self._atom!r}: {self.aval}>"

    def __iter__(self) -> Iterator[Tracer]:
        if not self.shape:
            raise OperandError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __bool__(self) -> bool:
        if self.known is not None:
            return bool(self.known)
        raise UnsupportedError("the truth of an array is known at run time only")

    def _needs_data(self, *args: Any) -> Any:
        raise UnsupportedError("a Python number is made from array data, which is known at run time only")

    __float__ = __int__ = __index__ = __complex__ = _needs_data

    # Memory and views ----------------------------------------------------------------------------------

    def lay_out(self, op: Op, args: tuple) -> None:
        """Find out how the result of ``op`` lies in memory."""
        operands = [arg for arg in args if isinstance(arg, (Tracer, numpy.ndarray)) and arg.ndim]
        if self.ndim < 2 or op.name in _ALWAYS_ORDERED or (self.kind == ARRAY and op.cost == "compute"):
            self.ordered = op is not index or self.ndim < 2
        elif all(x.ordered if isinstance(x, Tracer) else x.flags.c_contiguous for x in operands):
            is_minpys = self.kind == ARRAY and op is not index
            self.ordered = is_minpys or op.elementwise or op.name in _KEEP_ORDER
        else:
            self.ordered = False
            layouts = [x.layout if isinstance(x, Tracer) else x for x in operands]
            if op.elementwise and all(layout is not None for layout in layouts):
                iteration = numpy.nditer([*layouts, None], flags=["zerosize_ok"])  # type: ignore[arg-type]
                self._layout = layout = iteration.operands[-1]
                self.ordered = layout.flags.c_contiguous

    def in_order_of(self, source: Any, order: str = "A") -> Tracer:
        layout = source.layout if isinstance(source, Tracer) else source
        if self.ndim > 1 and isinstance(layout, numpy.ndarray):
            self._layout = numpy.empty_like(layout, bool, order, shape=self.shape)  # type: ignore[call-overload]
            self.ordered = self._layout.flags.c_contiguous
        return self

    def show(self, base: Tracer, view: View) -> Tracer:
        """Make this tracer a view of ``base``; gives the tracer."""
        self.base, self.view, self._seen = base, view, base.version
        self.ordered = base.ordered and _keeps_order(view)
        return self

    @property
    def is_view(self) -> bool:
        """Whether it is a view, or may be one where that is not known."""
        view = self.view
        if view is not None and view.is_sure is None:
            assert self.base is not None
            self.trace.watcher.rely_on_order()
            layout = self.base.layout
            view.is_sure = layout is not None
            if layout is not None and view.laid_out(layout) is None:
                self.base = self.view = None
                self.ordered = True
        return self.base is not None

    def _follows_base(self) -> bool:
        """Whether it is a view, where that matters. Raises UnsupportedError where it is not known."""
        if not self.is_view:
            return False
        assert self.view is not None
        if not self.view.is_sure:
            raise OrderUnknown(self)
        return True

    def snapshot(self) -> Tracer:
        """A tracer that keeps the value which this one has now."""
        return Tracer(self.trace, self.atom, self.kind)

    def as_kind(self, kind: str) -> Tracer:
        """The same array, as another kind of Python object."""
        return Tracer(self.trace, self.atom, kind).show(self, View(None))

    @property
    def layout(self) -> numpy.ndarray | None:
        """An array with the strides that this one has in memory, and no data; None where they are not known.

        It tells whether a reshape is a view or a copy, given that all inputs are in C order.
        """
        if self._layout is None:
            if self.is_view:
                assert self.base is not None and self.view is not None
                base = self.base.layout
                self._layout = base if base is None else self.view.laid_out(base)
            elif self.ordered:
                self._layout = _in_c_order(self.shape)
        return self._layout

    @property
    def is_contiguous(self) -> bool:
        """Whether its elements stand in memory in C order and without gaps. Raises OrderUnknown."""
        self.trace.watcher.rely_on_order()
        if self.ordered and not self.is_view:
            return True
        if self.layout is None:
            raise OrderUnknown(self)
        return self.layout.flags.c_contiguous

    def __getitem__(self, key: Any) -> Any:
        key = self._without_known_masks(key)
        result = super().__getitem__(key)
        parts = as_parts(key)
        places = tuple(part for part in parts if isinstance(part, Tracer))
        if places and not result.is_scalar and all(map(_is_place, parts)):
            template = indexing.split_key(key)[1]
            result.show(self, View(index, places, {"template": template}))
        return result

    def as_place(self) -> Tracer:
        """The tracer as a part of a key, where its value is not asked for."""
        return self

    def _without_known_masks(self, key: Any, written: Any = 0) -> Any:
        """A key with the places of what they choose for masks that are known at compile time."""
        parts = [_content(part) for part in as_parts(key)]
        masks = [isinstance(part, numpy.ndarray) and part.dtype.kind == "b" and part.ndim for part in parts]
        if not any(masks):
            return tuple(map(_place, key)) if isinstance(key, tuple) else _place(key)
        arrays, template = indexing.split_key(tuple(parts))
        result_shape(self.shape, arrays, template)  # raises where a mask does not fit
        value = as_operand(written) if isinstance(written, (list, tuple, range)) else written
        check_written(self.shape, arrays, template, aval_of(value).shape)
        places = [part.nonzero() if is_mask else (part,) for part, is_mask in zip(parts, masks)]
        return tuple(_place(place) for group in places for place in group)

    # Writing ------------------------------------------------------------------------------------

    def write(self, content: Any) -> None:
        """Let the array hold ``content``, a tracer of the same shape and dtype."""
        atom = content.atom
        if self._follows_base():
            assert self.base is not None and self.view is not None
            self.base.write(self.view.write_back(self.base, content))
            self._seen = self.base.version
        else:
            self.trace.watcher.before_write(self)
        self._atom = atom
        self.version += 1

    def __setitem__(self, key: Any, value: Any) -> None:
        self.check_source(value)
        if self.is_scalar:
            raise TypeError("a number does not support item assignment")
        is_one = isinstance(value, (Tracer, complex, numpy.ndarray, numpy.generic))
        if is_one and aval_of(value).dtype.kind == "c" and self.dtype.kind != "c":
            raise UnsupportedError("a complex number is written where real ones are")
        if isinstance(value, Tracer) and value.root is self.root and not all(map(_is_place, as_parts(key))):
            raise UnsupportedError("at index arrays NumPy reads what it has just written, of the same memory")
        self.write(indexing.setitem(self, self._without_known_masks(key, value), value))

    def update_where(self, mask: Tracer, operation: Callable, other: Any) -> None:
        """``self[mask] operation= other`` for a mask known at run time only."""
        self.check_source(other)
        layout = Mask(self.shape, aval_of(other).shape, [mask.aval], (MARK,))
        if len(aval_of(other).shape) > len(layout.place_shape):  # which only plain writes let through
            raise OperandError(f"what a mask chooses of {self.aval} has fewer axes than {aval_of(other)}")
        chosen = reshape_op(mask, shape=layout.shape)
        has_axes = isinstance(other, Tracer) and other.ndim
        operand = reshape_op(other, shape=layout.value_shape) if has_axes else other
        # What is not chosen might have no result, or no derivative, so something harmless takes its place.
        result = operation(where_op(chosen, self, numpy.ones((), self.dtype)), operand)
        self._check_result(result)
        self.write(where_op(chosen, elementwise.astype(result, dtype=self.dtype), self))

    def update(self, operation: Callable, other: Any) -> Tracer:
        """``self operation= other``: the dtype and the object stay the same."""
        self.check_source(other)
        result = operation(self, other)
        self._check_result(result)
        self.write(result if result.dtype == self.dtype else elementwise.astype(result, dtype=self.dtype))
        return self

    def _check_result(self, result: Tracer) -> None:
        if result.shape != self.shape or not numpy.can_cast(result.dtype, self.dtype, "same_kind"):
            raise OperandError(f"an array of {self.aval} cannot hold {result.aval}")

    def check_source(self, value: Any) -> None:
        """Raise UnsupportedError for what must not be written into this array by a graph."""
        if self.dtype.kind in "iu" and _holds_float(value):
            raise UnsupportedError("a float is written to integers, and only NumPy refuses nan and infinity")
        if self.kind == NDARRAY and isinstance(value, Tracer) and value.kind in MINPY:
            raise UnsupportedError("a MinPy array is written into a NumPy array, which cuts the gradient")


#: ops whose result NumPy puts into C order: for any operands, and for operands in C order
_ALWAYS_ORDERED = frozenset(("copy", "dot", "matmul"))
_KEEP_ORDER = frozenset(("index_put", "index_add", "where", "concatenate", "sum", "prod", "max", "min"))


def _holds_float(value: Any) -> bool:
    """Whether a number, or one in a list, is a float that is known at run time only."""
    if isinstance(value, (list, tuple)):
        return any(map(_holds_float, value))
    return isinstance(value, Tracer) and value.kind in SCALARS and value.dtype.kind == "f"


def as_parts(key: Any) -> tuple:
    return key if isinstance(key, tuple) else (key,)


def _content(part: Any) -> Any:
    """A part of a key, as NumPy's array where it is one that is known at compile time."""
    if isinstance(part, Tracer):
        return part if part.known is None else part.known
    return numpy.asarray(_numbers(part)) if isinstance(part, list) else part


def _numbers(x: Any) -> Any:
    """Nested lists of numbers that are known now."""
    if isinstance(x, list):
        return [_numbers(item) for item in x]
    return operator.index(x) if isinstance(x, Tracer) else x


def _place(part: Any) -> Any:
    return part.as_place() if isinstance(part, Tracer) else part


def _keeps_order(view: View) -> bool:
    """Whether a view of an array in C order has its elements in this order too, perhaps with gaps."""
    if view.op is index:
        return all(not isinstance(part, tuple) or (part[3] or 1) > 0 for part in view.params["template"])
    if view.op is transpose_op:
        return view.params["axes"] == tuple(range(len(view.params["axes"])))
    return view.op not in (broadcast_to_op, diagonal_op)


@functools.lru_cache(maxsize=256)
def _in_c_order(shape: tuple[int, ...]) -> numpy.ndarray:
    """An array in C order without memory of its own."""
    steps = numpy.cumprod((1, *shape[:0:-1]))[::-1]
    strides = tuple(map(int, steps[: len(shape)]))
    return numpy.lib.stride_tricks.as_strided(numpy.empty(1, bool), shape, strides)


def _is_place(part: Any) -> bool:
    """Whether NumPy takes a part of a key for a number or a slice, and so gives a view."""
    if isinstance(part, Tracer):
        return part.is_scalar and part.dtype.kind in "iu"
    return part is None or part is Ellipsis or isinstance(part, (int, slice, numpy.integer))


def gives_view(op: Op, args: tuple, result: Aval, params: dict) -> bool:
    """Whether an op on a tracer of an array gives a view of it in NumPy, reshaping apart."""
    if op not in VIEW_OPS or len(args) != 1 or not isinstance(args[0], Tracer) or args[0].is_scalar:
        return False
    return op is not index or bool(result.shape) or Ellipsis in params["template"]


def _in_place(operation: Callable) -> Callable:
    def method(self: Tracer, other: Any) -> Any:
        if self.is_scalar:
            return NotImplemented
        return self.update(operation, other)

    return method


for _name, _operation in IN_PLACE.items():
    setattr(Tracer, f"__i{_name}__", _in_place(_operation))


Tracer.__imatmul__ = lambda self, other: self.update(linalg.matmul, other)  # type: ignore[attr-defined]
