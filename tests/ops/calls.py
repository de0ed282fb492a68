"""Calls of the public functions, by name: in any namespace, with operands to draw.

``function(np, *arrays)`` runs with NumPy, with MinPy, and compiled. Every public function is here,
but for ufuncs, whose samples are made by themselves, and for functions that make arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable, NamedTuple

import numpy

from tests.ops.samples import Draw


class Call(NamedTuple):
    """One call.

    The tests also make it with operands that are empty, numbers, stacked, complex; see ``in_other_shapes``.

    ``compiles`` is False where it stays eager; it has no gradient then, since NumPy runs it, unless
    ``differentiable`` says that the table does. With ``kernels`` it compiles where there are any.
    """

    function: Callable[..., Any]
    operands: tuple[Draw, ...]
    compiles: bool = True
    differentiable: bool = False
    kernels: bool = False


def in_other_shapes(name: str, call: Call) -> Iterator[Call]:
    """The call with numbers for all operands, with two more axes in front of all of them, and with each
    size, wherever it occurs, replaced by 0."""
    shapes = [operand.shape for operand in call.operands]
    sizes = sorted({size for shape in shapes for size in shape if size})
    others = [[tuple(0 if n == size else n for n in shape) for shape in shapes] for size in sizes]
    others.append([()] * len(shapes))
    if name not in _FLAT:
        others.append([(2, 1, *shape) for shape in shapes])
    for other in others:
        if other != shapes:
            operands = zip(call.operands, other)
            yield call._replace(operands=tuple(operand._replace(shape=shape) for operand, shape in operands))


#: With more axes these stay with NumPy, without gradients; or NumPy fails by accident.
_FLAT = ("nanpercentile", "special.logsumexp", "polyder")


def _calls(*functions: Callable, on: tuple, compiles: bool = True) -> list[Call]:
    return [Call(function, tuple(map(Draw, on)), compiles) for function in functions]


def _eagerly(*functions: Callable, on: tuple) -> list[Call]:
    """Calls that stay eager, with a gradient."""
    return [Call(function, tuple(map(Draw, on)), False, True) for function in functions]


def _reduction(name: str, *more: Call) -> list[Call]:
    """The forms that ``axis`` can have, with and without keepdims, as a function and as a method."""
    calls = []
    for axis in (None, 0, 2, -1, -3, (0, 2), (-1, 0), (1,), (0, 1, 2), ()):
        calls.append(lambda np, x, axis=axis: getattr(np, name)(x, axis=axis))
        calls.append(lambda np, x, axis=axis: getattr(np, name)(x, axis, keepdims=True))
    calls.append(lambda np, x: getattr(np, name)(x))
    if name not in ("amax", "amin"):
        calls.append(lambda np, x: getattr(x, name)(1))
    return [*_calls(*calls, on=((2, 3, 4),)), *_calls(*calls[-1:], on=((2, 3),)), *more]


def _typed(name: str) -> list[Call]:
    return [
        *_calls(lambda np, x: getattr(np, name)(x, 0, dtype="float64"), on=((2, 3),)),
        *_calls(
            lambda np, x: getattr(np, name)(x, where=x > 0),
            lambda np, x: getattr(np, name)(x, 1, where=x > -1.9, keepdims=True),
            lambda np, x: getattr(np, name)(x, axis=0, where=numpy.array([[True], [False]])),
            on=((2, 3),),
        ),
    ]


def _masked(name: str) -> list[Call]:
    return _calls(lambda np, x: getattr(np, name)(x > 0, 1, where=x > -1), on=((2, 3),))


def _with_initial(name: str) -> list[Call]:
    return _calls(
        lambda np, x: getattr(np, name)(x, initial=1),
        lambda np, x: getattr(np, name)(x, 0, initial=-1, where=x > 0),
        on=((2, 3),),
    )


def _position(name: str) -> list[Call]:
    return _calls(
        lambda np, x: getattr(np, name)(x),
        lambda np, x: getattr(np, name)(x, 0),
        lambda np, x: getattr(np, name)(x, axis=-1),
        lambda np, x: getattr(x, name)(1),
        on=((3, 4),),
    )


def _spread(name: str) -> list[Call]:
    return [
        *_calls(
            lambda np, x: getattr(np, name)(x, ddof=1),
            lambda np, x: getattr(np, name)(x, 0, ddof=2.5),
            on=((5, 3),),
        ),
        *_calls(lambda np, x: getattr(np, name)(x, dtype="float64"), on=((5, 3),)),
        *_calls(lambda np, x: getattr(np, name)(x, 0, where=x > -1.5, ddof=1), on=((5, 3),)),
    ]


_RANKS = ((), (3,), (2, 3), (4, 2, 3))


def _ranks(function: Callable, fits: Callable) -> list[Call]:
    """Products for operands of every rank; ``fits`` gives the shape of the second to match 3."""
    return [Call(function, (Draw(a), Draw(fits(b)))) for a in _RANKS for b in _RANKS]


def _columns(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with 3 as the last axis but one, which a dot sums over."""
    return (*shape[:-2], *reversed(shape[-2:]))


_PAIR = ((2, 3), (2, 3))
_ONE = ((3, 4),)

CALLS: dict[str, list[Call]] = {
    "where": [
        *_calls(
            lambda np, x, y: np.where(x > 0, x, y),
            lambda np, x, y: np.where(x > y, x, 0),
            lambda np, x, y: np.where(x, 1.0, y),
            on=_PAIR,
        ),
        *_calls(lambda np, x: np.where(x > 0), on=_ONE, compiles=False),
    ],
    "clip": [
        *_calls(
            lambda np, x: np.clip(x, -0.5, 0.5),
            lambda np, x: np.clip(x, None, 0.5),
            lambda np, x: np.clip(x, 1, a_max=None),
            lambda np, x: np.clip(x, 1, -1),
            lambda np, x: x.clip(-1, 1),
            on=_ONE,
        ),
        *_calls(lambda np, x, low: np.clip(x, low, 1.5), on=((3, 4), (4,))),
    ],
    "copy": _calls(lambda np, x: np.copy(x), lambda np, x: x.copy(), on=_ONE),
    "ascontiguousarray": _eagerly(
        lambda np, x: np.ascontiguousarray(x), lambda np, x: np.ascontiguousarray(x.T), on=_ONE
    ),
    "around": [
        *_calls(lambda np, x: np.around(x), lambda np, x: x.round(), on=_ONE),
        *_calls(lambda np, x: np.around(x, 1), lambda np, x: np.around(x * 100, -2), on=_ONE),
    ],
    "round": _calls(lambda np, x: np.round(x), on=_ONE),
    "reshape": [
        *_calls(
            lambda np, x: np.reshape(x, (2, 6)),
            lambda np, x: np.reshape(x, (2, -1, 3)),
            lambda np, x: np.reshape(x, -1),
            lambda np, x: x.reshape(4, 3),
            lambda np, x: x.reshape((-1, 2)),
            on=_ONE,
        ),
        *_calls(lambda np, x: np.reshape(x, (0, -1)) if x.size else np.reshape(x, (5, 0)), on=((0, 3),)),
        *_calls(lambda np, x: np.reshape(x, (2, 6), order="F"), on=_ONE),
    ],
    "ravel": [
        *_calls(lambda np, x: np.ravel(x), lambda np, x: x.ravel(), lambda np, x: x.flatten(), on=_ONE),
        *_calls(lambda np, x: np.ravel(x, "F"), on=_ONE),
    ],
    "transpose": _calls(
        lambda np, x: np.transpose(x),
        lambda np, x: np.transpose(x, (2, 0, 1)),
        lambda np, x: np.transpose(x, [-1, 0, 1]),
        lambda np, x: x.transpose(1, 0, 2),
        lambda np, x: x.transpose((1, 2, 0)),
        lambda np, x: x.T,
        on=((2, 3, 4),),
    ),
    "swapaxes": _calls(lambda np, x: np.swapaxes(x, 0, 2), lambda np, x: x.swapaxes(-1, 1), on=((2, 3, 4),)),
    "moveaxis": _calls(
        lambda np, x: np.moveaxis(x, 0, -1),
        lambda np, x: np.moveaxis(x, [0, 1], [-1, 0]),
        lambda np, x: np.moveaxis(x, (-1,), (0,)),
        on=((2, 3, 4),),
    ),
    "expand_dims": _calls(
        lambda np, x: np.expand_dims(x, 0),
        lambda np, x: np.expand_dims(x, -1),
        lambda np, x: np.expand_dims(x, (0, 3)),
        on=_ONE,
    ),
    "squeeze": _calls(
        lambda np, x: np.squeeze(x),
        lambda np, x: np.squeeze(x, 0),
        lambda np, x: np.squeeze(x, axis=(0, -1)),
        lambda np, x: x.squeeze(-1),
        on=((1, 3, 1),),
    ),
    "broadcast_to": _calls(
        lambda np, x: np.broadcast_to(x, (2, 3, 4)), lambda np, x: np.broadcast_to(x, [3, 4]), on=((3, 1),)
    ),
    "concatenate": [
        *_calls(
            lambda np, x, y: np.concatenate([x, y]),
            lambda np, x, y: np.concatenate((x, y), axis=1),
            lambda np, x, y: np.concatenate((x, y, x), -1),
            lambda np, x, y: np.concatenate((x, y), None),
            on=_PAIR,
        ),
        *_calls(lambda np, x, y: np.concatenate((x, y), dtype="float64"), on=_PAIR),
        *_calls(lambda np, x: np.concatenate(x), lambda np, x: np.concatenate(x[None], 1), on=_ONE),
    ],
    "stack": _calls(
        lambda np, x, y: np.stack([x, y]),
        lambda np, x, y: np.stack(x),
        lambda np, x, y: np.stack((x, y), axis=-1),
        lambda np, x, y: np.stack((x, y), 1),
        on=_PAIR,
    ),
    "vstack": [
        *_calls(lambda np, x, y: np.vstack((x, y)), on=_PAIR),
        *_calls(lambda np, x, y: np.vstack([x, y]), on=((3,), (3,))),
    ],
    "hstack": [
        *_calls(lambda np, x, y: np.hstack((x, y)), on=_PAIR),
        *_calls(lambda np, x, y: np.hstack([x, y]), on=((3,), (2,))),
        *_calls(lambda np, x, y: np.hstack([x, y]), on=((), ())),
        *_calls(lambda np, x: np.hstack([x, 2.5]), on=((3,),)),
    ],
    "append": [
        *_calls(lambda np, x, y: np.append(x, y), lambda np, x, y: np.append(x, y, 1), on=_PAIR),
        *_calls(lambda np, x: np.append(x, 2.5), on=((3,),)),
    ],
    "split": _calls(
        lambda np, x: np.split(x, 3),
        lambda np, x: np.split(x, 2, axis=1),
        lambda np, x: np.split(x, [1, 4]),
        lambda np, x: np.split(x, [4, 1], 0),
        lambda np, x: np.split(x, (-1, 10), -1),
        lambda np, x: np.split(x, numpy.array([2, 3])),
        on=((6, 4),),
    ),
    "array_split": _calls(
        lambda np, x: np.array_split(x, 4), lambda np, x: np.array_split(x, 3, axis=-1), on=((6, 4),)
    ),
    "flip": _calls(
        lambda np, x: np.flip(x),
        lambda np, x: np.flip(x, 0),
        lambda np, x: np.flip(x, (0, -1)),
        lambda np, x: np.flip(x, axis=()),
        lambda np, x: np.flip(2.5) * x,
        on=_ONE,
    ),
    "take": [
        *_calls(
            lambda np, x: np.take(x, [0, -1, 11]),
            lambda np, x: np.take(x, numpy.array([[1, 0], [2, -3]]), axis=0),
            lambda np, x: np.take(x, 2, axis=1),
            lambda np, x: x.take([1, 1], -1),
            on=_ONE,
        ),
        *_calls(
            lambda np, x: np.take(x, [20, -20], mode="clip"),
            lambda np, x: np.take(x, [[5, -7]], 1, mode="wrap"),
            on=_ONE,
        ),
    ],
    "matmul": [
        *_calls(lambda np, x, y: np.matmul(x, y), on=((2, 3), (3, 4))),
        *_calls(lambda np, x, y: x @ y, on=((5, 2, 3), (3, 4))),
    ],
    "dot": [
        *_ranks(lambda np, x, y: np.dot(x, y), _columns),
        *_calls(lambda np, x, y: x.dot(y), on=((2, 3), (3,))),
        *_calls(lambda np, x: np.dot(x, 2.5), lambda np, x: np.dot(3, x), on=_ONE),
    ],
    "inner": [
        *_ranks(lambda np, x, y: np.inner(x, y), tuple),
        *_calls(lambda np, x: np.inner(x, 2.5), on=_ONE),
    ],
    "outer": [
        *_ranks(lambda np, x, y: np.outer(x, y), tuple),
        *_calls(lambda np, x: np.outer(x, 2.5), on=_ONE),
    ],
    "tensordot": [
        *_calls(lambda np, x, y: np.tensordot(x, y), on=((2, 3, 4), (3, 4, 5))),
        *_calls(
            lambda np, x, y: np.tensordot(x, y, 1),
            lambda np, x, y: np.tensordot(x, y, axes=0),
            lambda np, x, y: np.tensordot(x, y, ([0, 2], [2, 0])),
            lambda np, x, y: np.tensordot(x, y, axes=(-1, 0)),
            on=((2, 3, 4), (4, 3, 2)),
        ),
    ],
    "sum": _reduction("sum", *_typed("sum"), *_with_initial("sum")),
    "prod": _reduction("prod", *_typed("prod"), *_with_initial("prod")),
    "mean": _reduction("mean", *_typed("mean")),
    "max": _reduction("max", *_with_initial("max")),
    "min": _reduction("min", *_with_initial("min")),
    "amax": _reduction("amax"),
    "amin": _reduction("amin"),
    "any": _reduction("any", *_masked("any")),
    "all": _reduction("all", *_masked("all")),
    "argmax": _position("argmax"),
    "argmin": _position("argmin"),
    "var": _reduction("var", *_spread("var")),
    "std": _reduction("std", *_spread("std")),
}

# The rest is in a file for each family, which adds to CALLS.
from tests.ops import (  # noqa: E402
    calls_assembling,  # noqa: F401
    calls_contraction,  # noqa: F401
    calls_counting,  # noqa: F401
    calls_folding,  # noqa: F401
    calls_fourier,  # noqa: F401
    calls_functional,  # noqa: F401
    calls_matrix,  # noqa: F401
    calls_moments,  # noqa: F401
    calls_rearrange,  # noqa: F401
    calls_scan,  # noqa: F401
    calls_signals,  # noqa: F401
    calls_sorting,  # noqa: F401
    calls_special,  # noqa: F401
    calls_transcendental,  # noqa: F401
)
