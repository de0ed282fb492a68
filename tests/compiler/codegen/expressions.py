"""Random programs of what is fused: elementwise ops, broadcasts, views, casts, reductions, products of
matrices, and reads and writes at indices. Some of the arrays are empty.

A program is written together with its values by NumPy, so that it is one whose result is defined: what jumps
(comparisons, ``floor``, casts to integers) takes only values that no rounding has touched, and sums take
none that may overflow in one order and not in another.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

import numpy

from minpy.compiler.ir import Atom, Eqn, Graph, Literal, Var, evaluate
from minpy.compiler.trace import ARRAY, Trace
from minpy.compiler.tracer import OperandError, Tracer
from minpy.errors import UnsupportedError
from minpy.ops import FUNCTIONS, OPS, Aval
from minpy.ops.keys import split_key

DTYPES = (*("float32", "float64") * 4, *("int32", "int64", "bool") * 2, "int8", "uint8")
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100)
MOST_ELEMENTS = 3_000
LARGE = 40_000  # of some programs
NUMBERS = (0, 1, 2, -1, 0.5, -1.5, 3.0, 1e-3, 1e4)
SPECIAL = (numpy.nan, numpy.inf, -numpy.inf, 0.0, -0.0, 1.0, -1.0)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: rounded as IEEE 754 says, or not at all: a kernel has the same bits
EXACT = frozenset(
    _words(
        "add subtract multiply true_divide negative positive absolute fabs square sqrt reciprocal maximum "
        "minimum fmax fmin sign floor ceil trunc rint copysign where astype copy equal not_equal less "
        "less_equal greater greater_equal logical_and logical_or logical_xor logical_not bitwise_and "
        "bitwise_or bitwise_xor invert isnan isinf isfinite max min any all argmax argmin relu real "
        "conjugate reshape transpose broadcast_to concatenate index diagonal share relu_gradient times "
        "heaviside index_add index_put nextafter ldexp left_shift right_shift"
    )
)
#: which of two zeros of different signs they give is not said
LOSES_SIGN = frozenset(
    _words(
        "maximum minimum fmax fmin max min sum mean relu reciprocal share shares prod var index_add matmul"
    )
)

SMOOTH = _words(
    "exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh "
    "arctanh cbrt sqrt deg2rad rad2deg sigmoid sinc"
)
ANY_FLOAT = _words("negative absolute square sqrt positive fabs relu")
JUMPING = _words("sign floor ceil trunc rint round isnan isinf isfinite logical_not")
ARITHMETIC = _words("add subtract multiply add subtract multiply maximum minimum fmax fmin")
SMOOTH_PAIRS = _words("arctan2 hypot logaddexp logaddexp2 power float_power")
COMPARING = _words("equal not_equal less less_equal greater greater_equal")
JUMPING_PAIRS = (
    *COMPARING,
    *COMPARING,
    *_words(
        "floor_divide remainder fmod logical_and logical_or logical_xor heaviside copysign nextafter ldexp"
    ),
)
BITS = _words("bitwise_and bitwise_or bitwise_xor left_shift right_shift")
SUMS = _words("sum sum sum mean var max min any all prod")
ROWS = _words("softmax log_softmax")


class Value(NamedTuple):
    """A value of a program.

    Attributes:
        unit: the unit in the last place of the coarsest dtype in which it was rounded in another way than
            IEEE 754 says; 0 where it has the same bits in every implementation.
        signed: which sign its zeros have is the same in every implementation.
    """

    tracer: Any
    array: numpy.ndarray
    unit: float
    signed: bool

    @property
    def exact(self) -> bool:
        return not self.unit


class Program(NamedTuple):
    """A graph, arrays to run it on, and for each output the unit in the last place; see ``Value``.

    Attributes:
        all_units: the same for all variables.
    """

    graph: Graph
    arrays: list[numpy.ndarray]
    units: list[float]
    all_units: dict[Var, float]

    def only(self, output: Var) -> Program:
        """The part of the program that makes one of its variables."""
        needed: set[Atom] = {output}
        eqns: list[Eqn] = []
        for eqn in reversed(self.graph.eqns):
            if needed.intersection(eqn.outputs):
                eqns.insert(0, eqn)
                needed.update(eqn.inputs)
        graph = Graph(self.graph.inputs, tuple(eqns), (output,))
        return Program(graph, self.arrays, [self.all_units[output]], self.all_units)


class Writer:
    """Writes one program, taking every decision from ``rng``."""

    def __init__(self, rng: Random):
        self.rng = rng
        self.trace = Trace()
        self.known: dict[Var, Value] = {}
        self.values: list[Value] = []
        self.inputs: list[Value] = []

    def pick(self, options: Sequence[Any]) -> Any:
        return options[self.rng.randrange(len(options))]

    def chance(self, percent: int) -> bool:
        return self.rng.randrange(100) < percent

    # Arrays ---------------------------------------------------------------------------------

    def space(self) -> tuple[int, ...]:
        """A shape whose parts the inputs have."""
        if self.chance(5):
            return self.pick(((LARGE,), (200, 200), (3, LARGE // 3), (LARGE // 4, 4)))
        shape: list[int] = []
        for _ in range(self.rng.randint(1, 4)):
            size = self.pick(SIZES)
            if math.prod(shape) * size <= MOST_ELEMENTS:
                shape.append(size)
        if self.chance(4):
            shape[self.rng.randrange(len(shape))] = 0
        return tuple(shape)

    def part(self, space: tuple[int, ...]) -> tuple[int, ...]:
        """A shape that broadcasts to ``space``."""
        if self.chance(55):
            return space
        shape = [1 if self.chance(35) else size for size in space]
        return tuple(shape[self.rng.randrange(len(shape)) :])

    def data(self, shape: tuple[int, ...], dtype: numpy.dtype) -> numpy.ndarray:
        random = numpy.random.RandomState(self.rng.randrange(1 << 30))
        if dtype.kind == "b":
            return random.rand(*shape) < 0.5
        if dtype.kind in "iu":
            array = random.randint(-6, 7, shape).astype(dtype)
            ends = numpy.iinfo(dtype)
            special: tuple = (ends.min, ends.max, 0)
        else:
            scale = self.pick((1.0, 1.0, 1.0, 10.0, 1e-3, 100.0))
            array = (random.randn(*shape) * scale).astype(dtype)
            if self.chance(15):
                array = numpy.round(array)
            ends = numpy.finfo(dtype)
            special = (*SPECIAL, ends.tiny, ends.smallest_subnormal * 3, -ends.tiny / 4, ends.max, -ends.max)
        if self.chance(30):
            for _ in range(self.rng.randint(1, 6) if array.size else 0):
                array.reshape(-1)[self.rng.randrange(array.size)] = self.pick(special)
        return array

    def input(self, space: tuple[int, ...]) -> None:
        self.values.append(self.given(self.data(self.part(space), numpy.dtype(self.pick(DTYPES)))))

    def given(self, array: numpy.ndarray) -> Value:
        tracer = self.trace.input(Aval(array.shape, array.dtype), ARRAY, f"x{len(self.inputs)}")
        value = Value(tracer, array, 0.0, True)
        self.known[tracer.atom] = value
        self.inputs.append(value)
        return value

    # Steps ----------------------------------------------------------------------------------

    def value(self, accepts: Callable[[Value], bool] = lambda value: True) -> Value:
        """One of the values, later ones more often; raises IndexError where none is accepted."""
        found = [value for value in self.values if accepts(value)]
        return (
            found[max(self.rng.randrange(len(found)), self.rng.randrange(len(found)))] if found else found[0]
        )

    def operand(self, x: Value, accepts: Callable[[Value], bool] = lambda value: True) -> Any:
        """A number, or a value of a shape that fits that of ``x``."""
        if self.chance(20):
            return self.pick(NUMBERS)
        return self.value(lambda value: accepts(value) and _fit(x.array, value.array)).tracer

    def apply(self, function: Callable, *args: Any, **params: Any) -> Any:
        """Take a step, unless NumPy refuses it, and give its result."""
        start = len(self.trace.eqns)
        try:
            result = function(*args, **params)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                for eqn in self.trace.eqns[start:]:
                    self.evaluate(eqn)
        except (TypeError, ValueError, IndexError, OverflowError, OperandError, UnsupportedError):
            del self.trace.eqns[start:]
            return None
        found = self.known.get(getattr(result, "atom", None))
        fits = found is not None and found.array.size <= 2 * LARGE and found.array.dtype.name in DTYPES
        if not fits:
            del self.trace.eqns[start:]
            return None
        self.values.append(found._replace(tracer=result))
        return result

    def evaluate(self, eqn: Eqn) -> None:
        """The values of an equation."""
        given = [self.known.get(x) or _constant(x) for x in eqn.inputs]
        arrays = [x.value if isinstance(x, Literal) else self.known[x].array for x in eqn.inputs]
        name = eqn.op.name
        for var, array in zip(eqn.outputs, evaluate(eqn.op, arrays, eqn.params)):
            is_integer = var.aval.dtype.kind in "iub"
            unit = max(x.unit for x in given)
            if not is_integer and (unit or name not in EXACT):
                axis = eqn.params["axis"] if name in ROWS else None
                added = terms(name, arrays[0], array.size) if axis is None else array.shape[axis]
                unit = max(unit, float(numpy.finfo(var.aval.dtype).eps) * max(1, added / 128))
            signed = is_integer or (all(x.signed for x in given) and name not in LOSES_SIGN)
            self.known[var] = Value(None, array.astype(var.aval.dtype, copy=False), unit, signed)

    def step(self) -> None:
        """One more value, perhaps."""
        kind = self.rng.randrange(100)
        if kind < 22:
            x = self.value()
            self.apply(FUNCTIONS[self.pick(ARITHMETIC)], x.tracer, self.operand(x))
        elif kind < 36:
            self.apply(FUNCTIONS[self.pick(SMOOTH)], self.value(_is_float).tracer)
        elif kind < 42:
            self.apply(FUNCTIONS[self.pick(ANY_FLOAT)], self.value().tracer)
        elif kind < 47:
            y = self.value(lambda v: v.signed and _is_number(v))
            if self.chance(20):
                self.apply(FUNCTIONS["reciprocal"], y.tracer)
            else:
                self.apply(FUNCTIONS["true_divide"], self.operand(y), y.tracer)
        elif kind < 52:
            x = self.value(lambda v: v.signed and _is_float(v))
            name = self.pick(SMOOTH_PAIRS)
            # of a negative number powers jump, between nan and numbers, where the exponent is whole
            is_defined = not name.endswith("power") or bool((x.array >= 0).all())
            y = self.operand(x, lambda v: v.signed and _is_float(v) and (is_defined or v.exact))
            self.apply(FUNCTIONS[name], x.tracer, y)
        elif kind < 56:
            self.apply(FUNCTIONS[self.pick(JUMPING)], self.value(lambda v: v.exact).tracer)
        elif kind < 63:
            x = self.value(lambda v: v.exact)
            y = self.operand(x, lambda v: v.exact and v.signed)
            self.apply(FUNCTIONS[self.pick(JUMPING_PAIRS)], x.tracer, y)
        elif kind < 65:
            x = self.value(_is_integer)
            if self.chance(20):
                self.apply(FUNCTIONS["invert"], x.tracer)
            else:
                self.apply(FUNCTIONS[self.pick(BITS)], x.tracer, self.operand(x, _is_integer))
        elif kind < 69:
            condition = self.value(lambda v: v.array.dtype.kind == "b")
            x = self.value(lambda v: _fit(condition.array, v.array))
            self.apply(FUNCTIONS["where"], condition.tracer, x.tracer, self.operand(x))
        elif kind < 74:
            self.cast()
        elif kind < 81:
            self.view()
        elif kind < 88:
            self.indexing()
        elif kind < 96:
            self.reduction()
        elif kind < 98:
            self.product()
        else:
            self.slope()

    def cast(self) -> None:
        x = self.value()
        dtype = numpy.dtype(self.pick(DTYPES))
        is_to_integer = dtype.kind in "iu" and x.array.dtype.kind == "f"
        ends = numpy.iinfo(dtype if dtype.itemsize < 4 else "int32") if is_to_integer else None
        fits = ends is None or bool(((x.array > ends.min) & (x.array < ends.max)).all())
        if fits and (x.exact or not (is_to_integer or dtype.kind == "b")):
            self.apply(x.tracer.astype, dtype)

    def view(self) -> None:
        x = self.value(lambda v: v.array.ndim > 0)
        shape = x.array.shape
        kind = self.rng.randrange(6)
        if kind == 0:
            axes = list(range(len(shape)))
            self.rng.shuffle(axes)
            self.apply(FUNCTIONS["transpose"], x.tracer, axes)
        elif kind == 1:
            divisors = [n for n in range(1, x.array.size + 1) if x.array.size % n == 0] or [3]
            self.apply(FUNCTIONS["reshape"], x.tracer, self.pick(((-1,), (self.pick(divisors[:40]), -1))))
        elif kind == 2:
            axis = self.rng.randrange(len(shape))
            self.apply(FUNCTIONS["expand_dims"], x.tracer, axis)
        elif kind == 3:
            lead = self.pick((1, 2, 3))
            self.apply(FUNCTIONS["broadcast_to"], x.tracer, (lead, *shape))
        elif kind == 4:
            other = self.value(lambda v: v.array.ndim == len(shape)).tracer
            self.apply(FUNCTIONS["concatenate"], (x.tracer, other), axis=self.rng.randrange(len(shape)))
        else:
            key = []
            for size in shape:
                start = self.rng.randrange(max(size, 1))
                stop = self.rng.randint(start if self.chance(8) or not size else start + 1, size)
                step = self.pick((1, 1, 1, 2, 3))
                part = self.pick((slice(start, stop), slice(stop - 1, start - 1 if start else None, -step)))
                key.append(self.pick((part, slice(None, None, step), slice(None), start if size else part)))
            self.apply(lambda: x.tracer[tuple(key)])

    def indexing(self) -> None:
        """Elements at indices; perhaps written, or added up, at these places of zeros or of another array."""
        x = self.value(lambda v: v.array.ndim > 0)
        shape = x.array.shape
        places = self.pick(((), (3,), (7,), (20,), (2, 3), (3,), (7,), (0,), (2, 0)))
        first = self.rng.randrange(len(shape))
        ends = slice(None), slice(None, None, -1), slice(1)
        key: list[Any] = [self.pick((*ends, 0) if size else ends) for size in shape]
        if self.chance(30):  # one of each row
            key[0], key[-1] = numpy.arange(shape[0]), self.index(shape[-1], (shape[0],))
        else:
            for axis in range(first, min(first + self.rng.randint(1, 2), len(shape))):
                key[axis] = self.index(shape[axis], places)
        if self.chance(20):
            key.insert(self.rng.randrange(len(key)), None)
        arrays, template = split_key(tuple(key))
        kind = self.rng.randrange(4)
        if kind != 2:
            taken = self.apply(OPS["index"], x.tracer, *arrays, template=template)
            if kind == 3 and taken is not None and _is_number(x):
                self.apply(OPS["index_add"], taken, *arrays, template=template, shape=shape)
            return
        target = numpy.empty(shape)[
            tuple(self.known[k.atom].array if isinstance(k, Tracer) else k for k in key)
        ].shape
        v = self.value(lambda v: _is_number(v) and _spreads(v.array, target))
        if numpy.can_cast(v.array.dtype, x.array.dtype, "same_kind"):
            self.apply(OPS["index_put"], x.tracer, v.tracer, *arrays, template=template)

    def index(self, size: int, shape: tuple[int, ...]) -> Any:
        """Indices of an axis: known ones, or an input."""
        random = numpy.random.RandomState(self.rng.randrange(1 << 30))
        array = random.randint(-size, max(size, 1), shape)
        if self.chance(30):
            return array
        return self.given(
            array.astype(self.pick(("int64", "int64", "int64", "int32", "int32", "int8")))
        ).tracer

    def reduction(self) -> None:
        x = self.value(lambda v: v.array.ndim > 0)
        count = self.rng.randint(1, x.array.ndim)
        axes = tuple(sorted(self.rng.sample(range(x.array.ndim), count)))
        axis = self.pick((None, axes, axes, axes[0], -1))
        name = self.pick(ROWS if self.chance(12) and _is_float(x) else SUMS)
        if name not in ("max", "min", "any", "all") and not _is_tame(x.array, name):
            return
        if name in ("any", "all") and not x.exact:
            return
        if name in ROWS:
            self.apply(FUNCTIONS[name], x.tracer, axis=self.rng.randrange(x.array.ndim))
        else:
            self.apply(FUNCTIONS[name], x.tracer, axis=axis, keepdims=self.chance(40))

    def product(self) -> None:
        """A product of matrices, perhaps of those whose transpose fits."""
        x = self.value(_is_tame_matrix)
        y = self.value(lambda v: _is_tame_matrix(v) and _multiplies(x.array, v.array))
        is_right = x.array.shape[-1] == y.array.shape[-2]
        self.apply(lambda: x.tracer @ (y.tracer if is_right else y.tracer.swapaxes(-1, -2)))

    def slope(self) -> None:
        """What only gradients have."""
        x = self.value(_is_float)
        same = [v for v in self.values if v.array.shape == x.array.shape and v.array.dtype == x.array.dtype]
        g = self.pick(same)
        if not _is_tame(x.array, "sum") or not _is_tame(g.array, "sum"):
            return
        name = self.pick(("tanh_gradient", "sigmoid_gradient", "relu_gradient"))
        if name != "relu_gradient" or x.exact:
            self.apply(OPS[name], g.tracer, x.tracer)


def _is_float(value: Value) -> bool:
    return value.array.dtype.kind == "f"


def _is_integer(value: Value) -> bool:
    return value.array.dtype.kind in "iub"


def _fit(x: numpy.ndarray, y: numpy.ndarray) -> bool:
    """Whether two arrays broadcast to one that is not too large."""
    try:
        return math.prod(numpy.broadcast_shapes(x.shape, y.shape)) <= 2 * LARGE
    except ValueError:
        return False


def _spreads(x: numpy.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether an array broadcasts to a shape."""
    return x.ndim <= len(shape) and all(m in (1, n) for m, n in zip(x.shape[::-1], shape[::-1]))


def _is_tame_matrix(value: Value) -> bool:
    return _is_float(value) and value.array.ndim > 1 and _is_tame(value.array, "sum")


def _multiplies(x: numpy.ndarray, y: numpy.ndarray) -> bool:
    """Whether matrices, or the first and the transpose of the second, have a product of no great size."""
    k = x.shape[-1]
    is_small = x.size * y.size <= 2 * LARGE * max(k, 1) ** 2
    return is_small and k in y.shape[-2:] and _fit(numpy.empty(x.shape[:-2]), numpy.empty(y.shape[:-2]))


def terms(name: str, x: Any, size: int) -> float:
    """How many elements of its first operand ``x`` an op adds up in each of ``size`` elements."""
    return numpy.shape(x)[-1] if name == "matmul" else numpy.size(x) / max(1, size)


def _is_number(value: Value) -> bool:
    return value.array.dtype.kind != "b"


def _is_tame(array: numpy.ndarray, name: str) -> bool:
    """Whether a sum, its square or a product overflows in no order, nor loses all that it adds up."""
    if array.dtype.kind != "f":
        return name not in ("mean", "var") or bool((numpy.abs(array.astype(float)) < 1e12).all())
    finite = numpy.abs(array[numpy.isfinite(array)])
    if name == "prod":
        with numpy.errstate(all="ignore"):
            return float(numpy.abs(numpy.log2(finite[finite > 0])).sum()) < 60
    return not finite.size or float(finite.max()) < 1e12


def _constant(literal: Literal) -> Value:
    return Value(None, numpy.asarray(literal.value), 0.0, True)


def program(rng: Random, most: int = 9) -> Program:
    """A random program of up to ``most`` steps, with one output or more."""
    writer = Writer(rng)
    space = writer.space()
    with writer.trace.interpreting(), writer.trace.in_namespace(ARRAY), numpy.errstate(all="ignore"):
        for _ in range(rng.randint(1, 3)):
            writer.input(space)
        for _ in range(rng.randint(2, most)):
            with contextlib.suppress(IndexError):  # no value fits that step
                writer.step()
    given = {id(value) for value in writer.inputs}
    made = [value for value in writer.values if id(value) not in given]
    chosen = [value for value in made[:-1] if rng.randrange(100) < 25] + made[-1:]
    chosen = list({id(value): value for value in chosen}.values())
    graph = Graph(
        tuple(value.tracer.atom for value in writer.inputs),
        tuple(writer.trace.eqns),
        tuple(value.tracer.atom for value in chosen),
    )
    units = {var: value.unit for var, value in writer.known.items()}
    return Program(graph, [value.array for value in writer.inputs], [value.unit for value in chosen], units)
