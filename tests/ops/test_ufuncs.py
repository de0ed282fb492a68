"""Ufuncs of ``minpy.numpy`` have what NumPy's have, each with NumPy's answer or its kind of error."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from tests.ops.checks import boxed
from tests.ops.tolerances import assert_same

UFUNCS = sorted(name for name in dir(numpy) if isinstance(getattr(numpy, name), numpy.ufunc))
FACTS = ("nin", "nout", "nargs", "ntypes", "types", "identity", "signature")
DATA = numpy.array([[1.5, 0.5, 2.0, 1.25], [0.75, 3.0, 1.0, 0.5], [2.0, 1.5, 0.25, 1.0]])
#: name -> the call of one method of a ufunc, on an array
METHODS = {
    "reduce": lambda ufunc, x: ufunc.reduce(x),
    "reduce over an axis": lambda ufunc, x: ufunc.reduce(x, axis=1, keepdims=True),
    "reduce over all": lambda ufunc, x: ufunc.reduce(x, axis=None),
    "reduce of a number": lambda ufunc, x: ufunc.reduce(x[0, 0, ...]),
    "reduce with a start": lambda ufunc, x: ufunc.reduce(x, initial=2),
    "reduce in another dtype": lambda ufunc, x: ufunc.reduce(x, dtype="float32"),
    "reduce nothing": lambda ufunc, x: ufunc.reduce(x[:0]),
    "accumulate": lambda ufunc, x: ufunc.accumulate(x, 1),
    "accumulate a number": lambda ufunc, x: ufunc.accumulate(x[0, 0, ...]),
    "reduceat": lambda ufunc, x: ufunc.reduceat(x, [0, 2, 1], axis=1),
    "reduceat out of range": lambda ufunc, x: ufunc.reduceat(x, [0, 7]),
    "outer": lambda ufunc, x: ufunc.outer(x, x[0]),
    "at": lambda ufunc, x: (ufunc.at(x, [0, 2, 0]) if ufunc.nin == 1 else ufunc.at(x, [0, 2, 0], x[1])) or x,
}

every_ufunc = pytest.mark.parametrize("name", UFUNCS)


@every_ufunc
def test_facts(name):
    ours, theirs = getattr(np, name), getattr(numpy, name)
    assert {fact: getattr(ours, fact) for fact in FACTS} == {fact: getattr(theirs, fact) for fact in FACTS}
    assert getattr(np, ours.__name__) is ours  # radians is deg2rad


def outcome(call, *args):
    """What a call gives, or the kind of error."""
    with numpy.errstate(all="ignore"):
        try:
            return call(*args)
        except (TypeError, ValueError, IndexError, RuntimeError) as error:
            kinds = (IndexError, TypeError, ValueError, RuntimeError)
            return next(kind for kind in kinds if isinstance(error, kind))


@every_ufunc
@pytest.mark.parametrize("method", METHODS)
def test_methods(name, method):
    """Of both namespaces, on floats and integers, given MinPy's array."""
    for dtype in ("float64", "int64"):
        data = DATA.astype(dtype)
        expected = outcome(METHODS[method], getattr(numpy, name), data.copy())
        for namespace in (np, numpy):
            found = outcome(METHODS[method], getattr(namespace, name), boxed(data.copy()))
            if isinstance(expected, type):
                assert found is expected, (dtype, namespace.__name__)
            else:
                assert_same(found, expected, f"{dtype} {namespace.__name__}")


def test_fix_is_trunc():
    assert_same(np.fix(boxed(DATA - 1.2)), numpy.fix(DATA - 1.2), "fix")
    assert minpy.grad(lambda x: np.sum(np.fix(x) + x))(DATA[0]).tolist() == [1, 1, 1, 1]
