"""How near two results have to be, in one table, and the two ways to compare."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy

import minpy


class Tolerance(NamedTuple):
    relative: float
    absolute: float


#: How far two libraries may be apart in a value of this dtype. Any other dtype has to be equal.
VALUE = {
    numpy.dtype("float16"): Tolerance(2e-3, 2e-3),
    numpy.dtype("float32"): Tolerance(3e-6, 3e-6),
    numpy.dtype("float64"): Tolerance(1e-12, 1e-12),
    numpy.dtype("complex64"): Tolerance(3e-6, 3e-6),
    numpy.dtype("complex128"): Tolerance(1e-12, 1e-12),
}
#: How far a gradient may be from a central difference, in float64.
DIFFERENCE = Tolerance(1e-6, 1e-7)
#: How far the gradient of a graph may be from that of the tape. Its rules run in another order.
GRADIENT = {
    numpy.dtype("float32"): Tolerance(2e-4, 2e-4),
    numpy.dtype("float64"): Tolerance(1e-10, 1e-10),
}


def plain(x: Any) -> Any:
    """NumPy's array of a result, or the list of them."""
    if isinstance(x, (list, tuple)):
        return [plain(item) for item in x]
    return x.raw() if isinstance(x, minpy.Array) else numpy.asarray(x)


def assert_same(got: Any, expected: Any, what: str, near: Tolerance | None = None) -> None:
    """Equal structure, shapes and dtypes; values as near as the dtype allows; nan equals nan."""
    got, expected = plain(got), plain(expected)
    if isinstance(expected, list) or isinstance(got, list):
        assert type(got) is type(expected) and len(got) == len(expected), f"{what}: {got} is not {expected}"
        for i, (one, other) in enumerate(zip(got, expected)):
            assert_same(one, other, f"{what}, part {i}", near)
        return
    assert got.dtype == expected.dtype, f"{what}: dtype {got.dtype}, should be {expected.dtype}"
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, should be {expected.shape}"
    near = near or VALUE.get(expected.dtype) or Tolerance(0, 0)
    same = got == expected
    if expected.dtype.kind in "fc":
        with numpy.errstate(all="ignore"):
            same |= numpy.isclose(got, expected, *near, equal_nan=True)
    assert same.all(), f"{what}:\n{got}\nshould be\n{expected}"
