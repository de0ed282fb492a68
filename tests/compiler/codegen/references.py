"""What the elementary functions are compared with."""

from __future__ import annotations

from typing import Callable

import numpy


def _sigmoid(x: numpy.ndarray) -> numpy.ndarray:
    e = numpy.exp(-abs(x))
    return numpy.where(x < 0, e, 1) / (1 + e)


def _softplus(x: numpy.ndarray) -> numpy.ndarray:
    return numpy.maximum(x, 0) + numpy.log1p(numpy.exp(-abs(x)))


def quiet(function: Callable) -> Callable:
    """Without NumPy's warnings of what is infinite or undefined."""

    def run(*operands: numpy.ndarray) -> numpy.ndarray:
        with numpy.errstate(all="ignore"):
            return function(*operands)

    return run


_NUMPY = (
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "tanh"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "cbrt"),
    *("sinh", "cosh", "arcsinh", "arccosh", "arctanh"),
)
UNARY: dict[str, Callable] = {name: quiet(getattr(numpy, name)) for name in _NUMPY}
UNARY.update(rsqrt=quiet(lambda x: 1 / numpy.sqrt(x)), sigmoid=quiet(_sigmoid), softplus=quiet(_softplus))
BINARY: dict[str, Callable] = {
    name: quiet(getattr(numpy, name)) for name in ("arctan2", "hypot", "logaddexp", "logaddexp2", "power")
}


def edges(dtype: str) -> numpy.ndarray:
    """Zeros, infinities, nan, the greatest and the least numbers, small integers and their halves."""
    info = numpy.finfo(dtype)
    ends = [
        0,
        numpy.inf,
        info.max,
        info.tiny,
        info.smallest_subnormal,
        1 - info.epsneg,
        1 + info.eps,
        numpy.nan,
    ]
    counted = numpy.arange(200) / 2
    one_sided = numpy.concatenate([ends, counted]).astype(dtype)
    return numpy.concatenate([one_sided, -one_sided])


def points(dtype: str, size: int, rng: numpy.random.Generator) -> numpy.ndarray:
    """The edges and ``size`` numbers of each kind: all bit patterns; magnitudes from 1e-10 to 1e10; near 0;
    near 1; those where exponentials neither over- nor underflow; and some next to multiples of pi/2."""
    whole = numpy.dtype(f"uint{numpy.dtype(dtype).itemsize * 8}")
    every = rng.integers(0, 2 ** (whole.itemsize * 8), size, dtype=whole).view(dtype)
    every[numpy.isnan(every)] = numpy.nan  # the others of its kind raise flags
    sign = rng.choice([-1, 1], size)
    drawn = [
        sign * 10.0 ** rng.uniform(-10, 10, size),
        rng.normal(size=size),
        1 + rng.normal(0, 0.1, size),
        rng.uniform(-110, 110, size),
        rng.uniform(-750, 750, size),
        numpy.arange(500) * numpy.pi / 2,
    ]
    return numpy.concatenate([every, *[x.astype(dtype) for x in drawn], edges(dtype)])


def ulps(got: numpy.ndarray, want: numpy.ndarray, *scales: numpy.ndarray) -> numpy.ndarray:
    """Errors in units in the last place of the rounded exact result, or of the greatest of ``scales`` if
    that is greater; inf where only one of the two is nan or infinite."""
    with numpy.errstate(all="ignore"):
        rounded = want.astype(got.dtype)
        size = abs(rounded)
        for scale in scales:
            size = numpy.maximum(size, abs(scale))
        unit = numpy.spacing(numpy.minimum(size, numpy.finfo(got.dtype).max)).astype(want.dtype)
        errors = numpy.asarray(abs(got.astype(want.dtype) - want) / unit, float)
    same = (got == rounded) | (numpy.isnan(got) & numpy.isnan(rounded))
    return numpy.where(numpy.isfinite(rounded) & numpy.isfinite(got), errors, numpy.where(same, 0, numpy.inf))


def pairs(dtype: str, size: int, rng: numpy.random.Generator) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Each edge with each, and ``size`` of all bit patterns and of each magnitude."""
    ends = edges(dtype)
    x, y = [side.ravel() for side in numpy.meshgrid(ends, ends)]
    drawn = [points(dtype, size, rng) for _ in range(2)]
    return tuple(numpy.concatenate(both) for both in zip((x, y), map(rng.permutation, drawn)))
