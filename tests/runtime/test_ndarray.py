"""Arrays have what ``numpy.ndarray`` has."""

from __future__ import annotations

import copy
import pickle

import numpy
import pytest

import minpy.numpy as np
from minpy.core import grad
from minpy.errors import GradientError

DATA = numpy.array([[3.0, -1.0, 2.0], [0.5, 4.0, -2.5]])
LEFT_OUT = {"resize", "newbyteorder"}


def test_every_public_attribute_is_there():
    missing = [
        name
        for name in dir(numpy.ndarray)
        if not name.startswith("_") and name not in LEFT_OUT and not hasattr(np.array(DATA), name)
    ]
    assert missing == []


CALLS = {
    "cumsum": lambda a: a.cumsum(axis=1),
    "cumprod": lambda a: a.cumprod(),
    "argsort": lambda a: a.argsort(axis=0),
    "trace": lambda a: a.trace(),
    "diagonal": lambda a: a.diagonal(),
    "repeat": lambda a: a.repeat(2, axis=0),
    "nonzero": lambda a: a.nonzero()[1],
    "searchsorted": lambda a: a[0].searchsorted([0.0, 5.0]),
    "real": lambda a: a.real,
    "strides": lambda a: a.strides,
    "nbytes": lambda a: a.nbytes,
    "tobytes": lambda a: a.tobytes(),
    "tolist": lambda a: a.tolist(),
    "item": lambda a: a.item(1, 2),
    "divmod": lambda a: divmod(a, 2)[1],
    "rdivmod": lambda a: divmod(7, a)[0],
    "shift": lambda a: (a.astype("int64") << 2) >> 1,
    "round": lambda a: a.round(),
    "view": lambda a: a.view("int64"),
    "ptp": lambda a: numpy.ptp(a, axis=0),
    "flat": lambda a: [float(x) for x in a.flat],
    "conj": lambda a: a.conj(),
    "compress": lambda a: a.compress([False, True], axis=0),
    "choose": lambda a: (a > 0).astype("int64").choose([a, -a]),
    "dot": lambda a: a.dot(a.T),
    "contains": lambda a: 4.0 in a,
    "format": lambda a: f"{a[0, 0]:.3f} {a[0]}",
    "compare": lambda a: (a == a.copy()).all() and (a != 3).any(),
}


@pytest.mark.parametrize("name", CALLS)
def test_same_as_numpy(name):
    expected, found = CALLS[name](DATA.copy()), CALLS[name](np.array(DATA))
    if isinstance(expected, (numpy.ndarray, numpy.generic)):
        assert found.dtype == expected.dtype
        numpy.testing.assert_array_equal(numpy.asarray(found), expected)
    else:
        assert found == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.fill(2.5),
        lambda a: a.sort(),
        lambda a: a.sort(axis=0),
        lambda a: a.partition(1),
        lambda a: a.put([0, 5], [9.0, 8.0]),
    ],
)
def test_methods_that_change_the_array(change):
    expected, found = DATA.copy(), np.array(DATA)
    view = found[1]
    change(expected)
    assert change(found) is None
    numpy.testing.assert_array_equal(found.asnumpy(), expected)
    numpy.testing.assert_array_equal(view.asnumpy(), expected[1])


def test_in_a_gradient_they_follow_or_refuse():
    def filled(x):
        y = x * 2
        y.fill(np.sum(x))
        return np.sum(y * x)

    expected = numpy.full((2, 3), 2 * DATA.sum())
    numpy.testing.assert_allclose(grad(filled)(DATA).asnumpy(), expected)

    def in_bytes(x):
        y = x * 2
        y.setfield(1, "int8")
        return np.sum(y)

    with pytest.raises(GradientError, match="setfield in place"):
        grad(in_bytes)(DATA)


def test_unknown_and_refused_names():
    with pytest.raises(AttributeError, match="no_such"):
        np.array(DATA).no_such  # noqa: B018
    with pytest.raises(AttributeError, match="resize"):
        np.array(DATA).resize((3, 2))
    with pytest.raises(TypeError, match="unhashable"):
        hash(np.array(DATA))


def test_pickle_and_copies():
    a = np.array(DATA)
    for made in (pickle.loads(pickle.dumps(a)), copy.copy(a), copy.deepcopy(a), a.copy()):
        made[0, 0] = 100
        assert float(a[0, 0]) == 3
        numpy.testing.assert_array_equal(made.asnumpy()[1], DATA[1])


def test_numpy_takes_arrays():
    a = np.array(DATA)
    assert numpy.shares_memory(numpy.asarray(a), a.asmxnet().asnumpy()) is False
    assert numpy.shares_memory(numpy.asarray(a), numpy.asarray(a))
    assert type(numpy.add(a, DATA)) is type(a)
    out = numpy.zeros((2, 3))
    numpy.multiply(a, 2, out=out)
    numpy.testing.assert_array_equal(out, DATA * 2)
    numpy.testing.assert_array_equal(numpy.from_dlpack(a) if hasattr(numpy, "from_dlpack") else a, DATA)
