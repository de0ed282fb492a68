"""Sample operands for every op of the table, from which the generic tests are made.

A ufunc needs no entry here unless its domain is smaller than [-2, 2]; any other op has one in
``SAMPLES``. What is drawn for a test of dtype d has that dtype, unless a sample says otherwise.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy

from minpy.ops import Op
from minpy.ops.keys import split_key
from minpy.ops.op import Ufunc

DTYPES = ("float32", "float64", "int32", "int64", "bool")
FLOAT_DTYPES = ("float32", "float64")


class Draw(NamedTuple):
    """An array operand, drawn at random; ``whole`` numbers in every dtype, where these are asked for."""

    shape: tuple[int, ...]
    low: float = -2.0
    high: float = 2.0
    dtype: str | None = None
    whole: bool = False

    def array(self, generator: numpy.random.Generator, dtype: Any) -> numpy.ndarray:
        dtype = numpy.dtype(self.dtype or dtype)
        if dtype.kind in "fc" and not self.whole:
            return numpy.asarray(generator.uniform(self.low, self.high, self.shape)).astype(dtype)
        low, high = math.ceil(self.low), math.floor(self.high)
        if dtype.kind == "b":
            low, high = min(max(low, 0), 1), min(max(high, 0), 1)
        elif dtype.kind == "u":
            low = max(low, 0)
        high = max(low, high)
        return numpy.asarray(generator.integers(low, high, self.shape, endpoint=True)).astype(dtype)


class Sample(NamedTuple):
    """One call of an op: ``Draw``s, constants and Python numbers, and the params."""

    args: tuple
    params: dict = {}
    dtypes: tuple[str, ...] = DTYPES

    def draw(self, dtype: Any, seed: int = 0) -> tuple:
        """The operands for a test of ``dtype``; the same ones each time."""
        generator = numpy.random.default_rng(seed)
        return tuple(x.array(generator, dtype) if isinstance(x, Draw) else x for x in self.args)


# Ufuncs ----------------------------------------------------------------------------------------

_POSITIVE = (0.1, 3.0)
_INSIDE = (-0.9, 0.9)
#: Where the ufunc is defined and smooth, for each operand; with the dtype of one that is not drawn in any.
DOMAINS: dict[str, tuple[tuple, ...]] = {
    "true_divide": ((-2.0, 2.0), (0.5, 2.0)),
    "floor_divide": ((-5.0, 5.0), (0.6, 3.0)),
    "remainder": ((-5.0, 5.0), (0.6, 3.0)),
    "power": ((0.5, 3.0), (-0.9, 2.0)),
    "reciprocal": ((0.5, 2.0),),
    "log": (_POSITIVE,),
    "log2": (_POSITIVE,),
    "log10": (_POSITIVE,),
    "log1p": ((-0.9, 2.0),),
    "sqrt": (_POSITIVE,),
    "cbrt": (_POSITIVE,),
    "tan": ((-1.2, 1.2),),
    "arcsin": (_INSIDE,),
    "arccos": (_INSIDE,),
    "arccosh": ((1.1, 3.0),),
    "arctanh": (_INSIDE,),
    "arctan2": ((0.2, 2.0), (-2.0, 2.0)),
    "hypot": ((0.2, 2.0), (-2.0, 2.0)),
}
_TIES = [[2, 1, 2], [0, -1, -3], [5, 5, 5]]
_UNARY_SHAPES = ((3, 4), (5,), (), (2, 1, 3), (0, 3))
_BINARY_SHAPES = (
    ((3, 4), (3, 4)),
    ((3, 4), (4,)),
    ((3, 1), (1, 4)),
    ((), (2, 3)),
    ((5,), ()),
    ((), ()),
    ((0, 3), (3,)),
    ((2, 0), (2, 1)),
)
_TERNARY_SHAPES = (((3, 4), (3, 4), (3, 4)), ((3, 1), (), (4,)), ((), (), ()), ((0, 3), (3,), (1, 1)))


def domain(op: Op) -> tuple[tuple, ...]:
    """The interval of each operand of a ufunc."""
    return DOMAINS.get(op.name) or ((-2.0, 2.0),) * op.numpy.nin


def _numbers(low: float, high: float, dtype: str | None = None) -> tuple:
    """A Python float and a Python int of an interval, and a bool where one lies in it; of integers an int."""
    if dtype is not None:
        return (math.floor(high),)
    inside = [n for n in (1, 0) if low <= n <= high]
    return (low + 0.7 * (high - low), math.floor(high), *map(bool, inside[:1]))


def _ufunc_samples(op: Ufunc) -> list[Sample]:
    intervals = domain(op)
    if len(intervals) == 1:
        return [Sample((Draw(shape, *intervals[0]),)) for shape in _UNARY_SHAPES]
    if len(intervals) > 2:
        return [
            Sample(
                tuple(Draw(shape, *interval) for shape, interval in zip(itertools.cycle(shapes), intervals))
            )
            for shapes in _TERNARY_SHAPES
        ]
    left, right = intervals
    samples = [Sample((Draw(a, *left), Draw(b, *right))) for a, b in _BINARY_SHAPES]
    for shape in ((3, 4), ()):
        samples += [Sample((Draw(shape, *left), n)) for n in _numbers(*right)]
        samples += [Sample((n, Draw(shape, *right))) for n in _numbers(*left)]
    return samples


# Keys ------------------------------------------------------------------------------------------

_MASK = numpy.array([True, False, True, True])
_MASK2 = numpy.arange(20).reshape(4, 5) % 3 == 0
_ROWS = numpy.array([2, 0, -1, 2])
_COLUMNS = numpy.array([[0], [4], [-2]])
#: (shape, key): every kind of key that NumPy has. Compiled or not, it gives what NumPy gives.
KEYS: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((4, 5), 1),
    ((4, 5), -1),
    ((4, 5), (2, -3)),
    ((4, 5), ()),
    ((), ()),
    ((), Ellipsis),
    ((), None),
    ((4, 5), slice(None)),
    ((4, 5), slice(1, 3)),
    ((4, 5), slice(None, None, -1)),
    ((4, 5), slice(3, None, -2)),
    ((4, 5), slice(-100, 100)),
    ((4, 5), slice(100, -100, -1)),
    ((4, 5), slice(3, 1)),
    ((4, 5), (slice(None), slice(-2, None))),
    ((4, 5), (slice(None, None, 3), slice(None, None, -2))),
    ((4, 5), (1, slice(None, None, 2))),
    ((4, 5), (slice(1, 2), 3)),
    ((4, 5), None),
    ((4, 5), (None, slice(0, 2), None, 1)),
    ((4, 5), Ellipsis),
    ((2, 3, 4), (Ellipsis, 1)),
    ((2, 3, 4), (0, Ellipsis, slice(None, None, -1))),
    ((2, 3, 4), (Ellipsis, None, slice(1, 3))),
    ((4, 5), (slice(None), Ellipsis, None, 2)),
    ((4, 0), slice(1, 3)),
    ((4, 5), _ROWS),
    ((4, 5), [0, 3, 0]),
    ((4, 5), []),
    ((4, 5), ([0, 1], (2, -1))),
    ((4, 5), (numpy.int64(2), slice(numpy.int32(1), None))),
    ((4, 5), numpy.array(2)),
    ((4, 5), numpy.array([[1, -2], [0, 0]], "int32")),
    ((4, 5), numpy.zeros((0,), int)),
    ((4, 5), (slice(None), numpy.array([4, 0, -5]))),
    ((4, 5), (slice(None, None, -1), [1, 1, 0])),
    ((4, 5), (slice(1, 3), numpy.array([[4, 0], [-5, 1]]))),
    ((2, 3, 4), (slice(None), numpy.array([2, -3, 2]))),
    ((2, 3, 4), (slice(None), slice(None), numpy.array([2, -3, 2]))),
    ((4, 5), (_ROWS, numpy.array([1, 1, 0, -1]))),
    ((4, 5), (_ROWS, _COLUMNS)),
    ((4, 5), (_ROWS, 2)),
    ((4, 5), (1, _COLUMNS)),
    ((4, 5), (None, _ROWS)),
    ((4, 5), (_ROWS, None)),
    ((4, 5), (Ellipsis, numpy.array([0, 2]))),
    ((4, 5, 3), (_ROWS, slice(None), numpy.array([0, 2, -1, 1]))),
    ((4, 5, 3), (slice(None), _ROWS, numpy.array([0, 2, -1, 1]))),
    ((4, 5, 3), (_ROWS, numpy.array([1, 1, 0, -1]), slice(0, 2))),
    ((4, 5, 3), (_ROWS, _COLUMNS, numpy.array(1))),
    ((4, 5), (numpy.array(-1), numpy.array(2))),
    ((4, 5, 3), (slice(None), 2, _COLUMNS[:2] * 0)),
    ((4, 5, 3), (slice(None), numpy.array([0, 4]), 2)),
    ((4, 5, 3), (slice(1, 3), None, numpy.array([0, 4]), slice(None, None, -1))),
    ((4, 5, 3), (_ROWS, None, numpy.array([1, 1, 0, -1]))),
    ((2, 4, 5, 3), (slice(None), _ROWS, slice(None, None, -2), _COLUMNS % 3)),
    ((2, 4, 5, 3), (slice(None), _ROWS, _COLUMNS, slice(1, None))),
    ((2, 4, 5, 3), (1, slice(None), 2, [0, 2, 1])),
    ((4, 5, 3), (0, slice(None), numpy.array([1, 2]))),
    ((4, 5), _MASK),
    ((4, 5), _MASK2),
    ((4, 5), (slice(None), [True, False, True, False, True])),
    ((4, 5), (_MASK, numpy.array([0, 1, 4]))),
    ((4, 5), (_MASK, slice(1, 3))),
    ((4, 5), numpy.zeros((4,), bool)),
    ((4, 5), True),
    ((), False),
)


def _key_samples(name: str) -> list[Sample]:
    samples = []
    for number, (shape, key) in enumerate(KEYS):
        arrays, template = split_key(key)
        result = numpy.empty(shape)[key].shape
        if name == "index":
            samples.append(Sample((Draw(shape), *arrays), {"template": template}))
        elif name == "index_add":
            samples.append(
                Sample((Draw(result), *arrays), {"template": template, "shape": shape}, DTYPES[:-1])
            )
        else:
            values: list[Any] = [Draw(result)]
            if number % 4 == 0:
                values += [Draw(result[1:]), 1.5, True]
                if result and not any(array.dtype.kind == "b" for array in arrays):
                    values.append(Draw((1, 1, *result)))
            for value in values:
                samples.append(Sample((Draw(shape), value, *arrays), {"template": template}))
    return samples


# Everything else -------------------------------------------------------------------------------

_AXES = (((3, 4), (0,)), ((3, 4), (1,)), ((3, 4), (0, 1)), ((2, 3, 4), (0, 2)), ((3, 4), ()), ((), ()))


def _reductions(*more: tuple, low: float = -2.0) -> list[Sample]:
    return [
        Sample((Draw(shape, low),), {"axes": axes, "keepdims": keepdims})
        for shape, axes in (*_AXES, *more)
        for keepdims in (False, True)
    ]


_EMPTY_AXES = (((0, 3), (0,)), ((0, 3), (1,)))
_POSITIONS = [
    Sample((Draw(shape),), {"axis": axis})
    for shape, axis in (((3, 4), None), ((3, 4), 0), ((3, 4), 1), ((2, 3, 4), 2), ((), None), ((0, 3), 1))
]
_MATRICES = (
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (6, 3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)),
    ((2, 0), (0, 3)),
    ((0, 2), (2, 3)),
)
_CHOICE = Draw((3, 4), 0, 1, "bool")

SAMPLES: dict[str, list[Sample]] = {
    "astype": [
        Sample((Draw(shape, 0.0, 3.0),), {"dtype": numpy.dtype(dtype)})
        for dtype in (*DTYPES, "int8", "uint8", "float16")
        for shape in ((3, 4), (), (0, 3))
    ],
    "copy": [Sample((Draw(shape),)) for shape in _UNARY_SHAPES],
    "root": [Sample((Draw(shape, 0.1, 3.0),)) for shape in _UNARY_SHAPES],
    "round": [Sample((Draw(shape, -50, 50),), {"decimals": n}) for shape in ((3, 4), ()) for n in (0, 1, -1)],
    "within": [Sample((Draw((), -3, 3),), {"low": -300, "high": 300})],
    "share": [
        *[
            Sample((Draw(numpy.broadcast_shapes(a, b)), Draw(a, -1, 1), Draw(b, -1, 1)))
            for a, b in _BINARY_SHAPES
        ],
        *[Sample((Draw((3, 4)), Draw((3, 4), -1, 1), number)) for number in (0, 0.5, 1e-50, -3)],
        *[Sample((Draw((3, 4)), number, Draw((4,), -1, 1))) for number in (0, 0.5)],
        Sample((Draw((3, 4)), 0.5, Draw((3, 4), -1, 1))),
        Sample((Draw((3, 4)), Draw((3, 4), 0, 3, "int64"), Draw((4,), 0, 3, "int64"))),
    ],
    "real": [Sample((Draw(shape, dtype=dtype),)) for shape in _UNARY_SHAPES for dtype in (None, "complex64")],
    "where": [
        Sample((_CHOICE, Draw((3, 4)), Draw((3, 4)))),
        Sample((_CHOICE, Draw((4,)), Draw((3, 1)))),
        Sample((Draw((4,), 0, 1, "bool"), Draw((3, 1)), Draw(()))),
        Sample((Draw((), 0, 1, "bool"), Draw(()), Draw(()))),
        Sample((Draw((0, 3), 0, 1, "bool"), Draw((3,)), Draw(()))),
        Sample((Draw((3, 4), -1, 1), Draw((3, 4)), Draw((3, 4)))),
        Sample((_CHOICE, Draw((3, 4)), 0)),
        Sample((_CHOICE, 1.5, Draw((4,)))),
        Sample((_CHOICE, Draw((3, 4)), True)),
        Sample((True, Draw((4,)), Draw((3, 1)))),
    ],
    "reshape": [
        Sample((Draw(shape),), {"shape": new})
        for shape, new in (((3, 4), (2, 6)), ((3, 4), (12,)), ((1, 1), ()), ((), (1,)), ((0, 3), (2, 0)))
    ],
    "transpose": [
        Sample((Draw(shape),), {"axes": axes})
        for shape, axes in (
            ((3, 4), (1, 0)),
            ((2, 3, 4), (2, 0, 1)),
            ((3,), (0,)),
            ((), ()),
            ((0, 3), (1, 0)),
        )
    ],
    "broadcast_to": [
        Sample((Draw(shape),), {"shape": new})
        for shape, new in (((4,), (3, 4)), ((3, 1), (3, 4)), ((), (2, 3)), ((3,), (3,)), ((1, 3), (0, 3)))
    ],
    "concatenate": [
        Sample(tuple(map(Draw, shapes)), {"axis": axis})
        for shapes, axis in (
            (((2, 3), (4, 3)), 0),
            (((2, 3), (2, 1), (2, 2)), 1),
            (((3,),), 0),
            (((0, 3), (2, 3)), 0),
            (((0,), (0,)), 0),
        )
    ],
    "sum": _reductions(*_EMPTY_AXES),
    "prod": _reductions(*_EMPTY_AXES),
    "mean": _reductions(((0, 3), (1,))),
    "max": _reductions(((0, 3), (1,))),
    "min": _reductions(((0, 3), (1,))),
    "var": [
        sample._replace(params={**sample.params, "ddof": ddof})
        for sample in _reductions(((0, 3), (1,)))
        for ddof in (0, 1)
        if not (ddof and sample.params["axes"] == ())
    ],
    "shares": [
        Sample(
            (numpy.array(_TIES, dtype), numpy.array(_TIES, dtype).max(1, keepdims=True)),
            {"axes": (1,)},
            (dtype,),
        )
        for dtype in FLOAT_DTYPES
    ],
    "times": [Sample((Draw(a), Draw(b)), {}, FLOAT_DTYPES) for a, b in _BINARY_SHAPES],
    "any": _reductions(*_EMPTY_AXES, low=-0.9),
    "all": _reductions(*_EMPTY_AXES, low=-0.9),
    "argmax": _POSITIONS,
    "argmin": _POSITIONS,
    "matmul": [Sample((Draw(a), Draw(b))) for a, b in _MATRICES],
    "dense": [Sample((Draw((3, 4)), Draw((2, 4)), Draw((2,))), {}, FLOAT_DTYPES)],
    "narrow_gradient": [Sample((Draw((3, 4)), Draw((3, 2)), Draw((4, 2))), {}, FLOAT_DTYPES)],
    "gemm": [
        Sample((Draw(a[::-1] if x else a), Draw(b[::-1] if y else b)), {"transpose_x": x, "transpose_y": y})
        for a, b in (((2, 3), (3, 4)), ((2, 0), (0, 3)), ((0, 2), (2, 3)))
        for x in (False, True)
        for y in (False, True)
    ],
    "add_gemm": [
        Sample(
            (Draw((2, 4)), Draw((3, 2) if x else (2, 3)), Draw((4, 3) if y else (3, 4))),
            {"transpose_x": x, "transpose_y": y, "sign": sign},
            FLOAT_DTYPES,
        )
        for x in (False, True)
        for y in (False, True)
        for sign in (1, -1)
    ],
    "index": _key_samples("index"),
    "index_add": _key_samples("index_add"),
    "index_put": _key_samples("index_put"),
}
#: More samples for ufuncs, where a number as an operand takes a way of its own.
_MORE: dict[str, list[Sample]] = {
    "power": [
        *[Sample((Draw((3, 4), 0.5, 3.0), n)) for n in (0, 1, 2, 3, 0.5, 2.0)],
        *[Sample((Draw((3, 4), -2.0, 2.0), n), {}, FLOAT_DTYPES) for n in (-1, -2, 2, 3, 0)],
        Sample((Draw((3, 4), -2.0, 2.0), Draw((4,), 0, 3, "int32"))),
    ],
}


def samples_of(op: Op) -> list[Sample]:
    """The samples of an op. Raises KeyError where it has none."""
    made = _ufunc_samples(op) if isinstance(op, Ufunc) else SAMPLES[op.name]
    return made + _MORE.get(op.name, [])


# The rest is in a file for each family, which adds to SAMPLES.
from tests.ops import (  # noqa: E402
    samples_folding,  # noqa: F401
    samples_fourier,  # noqa: F401
    samples_matrix,  # noqa: F401
    samples_neural,  # noqa: F401
    samples_rearrange,  # noqa: F401
    samples_scan,  # noqa: F401
    samples_signals,  # noqa: F401
    samples_sorting,  # noqa: F401
    samples_special,  # noqa: F401
    samples_transcendental,  # noqa: F401
)
