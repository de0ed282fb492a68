"""``minpy.numpy`` in the place of ``numpy``: classes, grids, other names, what ``import *`` brings."""

from __future__ import annotations

import io

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.errors import GradientWarning
from minpy.runtime.engine import mx
from tests.ops.checks import boxed, check_gradient
from tests.ops.tolerances import assert_same

DATA = numpy.array([[1.5, -0.5, 2.0], [0.25, 3.0, -1.0]])
WRAPS = pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "jit"])


def test_import_of_everything():
    ours, theirs = {}, {}
    exec("from minpy.numpy import *", ours)
    exec("from numpy import *", theirs)
    assert {name for name in theirs if not name.startswith("_")} <= set(ours)
    assert "max" not in ours and ours["relu"] is np.relu  # max would hide Python's


class TestNdarray:
    def test_arrays_are_instances(self):
        a = boxed(DATA)
        assert isinstance(a, np.ndarray) and isinstance(DATA, np.ndarray)
        for other in (a.sum(), DATA.sum(), 1.0, [1.0], None):
            assert not isinstance(other, np.ndarray)
        assert issubclass(np.ndarray, np.ndarray) and not issubclass(float, np.ndarray)

    @WRAPS
    def test_a_program_that_asks(self, wrap):
        function = wrap(lambda x: x * 2 if isinstance(x, np.ndarray) else x * 3)
        for given, expected in ((boxed(DATA), DATA * 2), (DATA, DATA * 2), (1.5, 4.5)):
            assert_same(function(given), expected, "twice an array, three times a number")

    def test_making_one(self):
        assert np.ndarray((2, 3)).dtype == minpy.default_dtype()
        made = np.ndarray((2, 2), "int16", bytearray(range(8)), 0, (2, 4))
        assert isinstance(made, minpy.Array)
        assert_same(made, numpy.ndarray((2, 2), "int16", bytearray(range(8)), 0, (2, 4)), "in a buffer")

    def test_its_methods_are_functions(self):
        assert_same(np.ndarray.sum(boxed(DATA), axis=0), DATA.sum(axis=0), "sum")
        with pytest.raises(AttributeError):
            np.ndarray.no_such  # noqa: B018

    def test_a_subclass_is_one_of_numpys(self):
        class Named(np.ndarray):
            name = "x"

        assert Named.__mro__[1] is numpy.ndarray
        assert isinstance(DATA.view(Named), np.ndarray)


def test_numbers():
    assert numpy.isscalar(boxed(DATA).sum()) and np.isscalar(boxed(DATA)[0, 0])
    assert not numpy.isscalar(boxed(DATA))


def test_another_name_is_the_same_function():
    assert_same(np.row_stack([boxed(DATA), DATA]), numpy.vstack([DATA, DATA]), "row_stack")
    check_gradient(lambda x: np.sum(np.row_stack([x, x]) ** 3), DATA, "row_stack")


NEW = {
    "tri": lambda np: np.tri(3, 4, 1),
    "hanning": lambda np: np.hanning(5),
    "kaiser": lambda np: np.kaiser(5, 2.0),
    "fftfreq": lambda np: np.fft.fftfreq(6, d=0.5),
    "mgrid": lambda np: np.mgrid[0:1:3j, 0:2:4j],
    "ogrid": lambda np: np.ogrid[0:1:3j, 0:2:4j],
}


@pytest.mark.parametrize("name", NEW)
def test_new_arrays_have_the_default_dtype(name):
    expected = NEW[name](numpy)
    minpy.set_default_dtype("float64")
    found = NEW[name](np)
    assert all(isinstance(array, minpy.Array) for array in found)
    assert_same(found, expected, name)
    minpy.set_default_dtype("float32")
    assert all(array.dtype == "float32" for array in NEW[name](np))


def test_a_window_of_one_point_has_no_slope():
    for n in (0, 1):
        assert_same(np.kaiser(n, np.array(2.5)), numpy.kaiser(n, 2.5), f"{n} points")


def test_dtypes_that_were_asked_for():
    assert np.tri(3, dtype="int8").dtype == "int8"
    assert np.kaiser(3, numpy.float64(2)).dtype == "float64"
    assert_same(np.mgrid[0:2, 1:3], numpy.mgrid[0:2, 1:3], "integers")


def test_dtypes_that_were_brought():
    """Not the default dtype, wherever the array comes from."""

    class Series:  # as of pandas, or of a library of tensors
        dtype = numpy.dtype("float64")

        def __array__(self, dtype=None, copy=None):
            return DATA.astype(dtype or self.dtype)

    for given in (
        Series(),
        [DATA, DATA],
        [DATA[0], [1.0, 2.0, 3.0]],
        (DATA.sum(), 2.0),
        boxed(DATA).asmxnet(),
    ):
        assert np.array(given).dtype == np.asarray(given).dtype == "float64"
        assert_same(np.array(given), numpy.array(given), "the numbers")
    assert np.array([1.0, [2.0]][0]).dtype == np.array([(1.0, 2), (3, 4)]).dtype == "float32"


def test_arrays_of_mxnet():
    array = boxed(DATA).asmxnet()
    assert isinstance(array, mx.nd.NDArray)
    assert_same(np.sin(array), numpy.sin(DATA), "as an operand")
    assert_same(minpy.Array(array), DATA, "as data")
    assert_same(boxed(DATA) * array, DATA * DATA, "beside an array")
    assert (boxed(DATA) == array).all()


class TestElementByElement:
    def test_ndenumerate(self):
        for data in (DATA, DATA[:0], DATA[0, 0, ...], numpy.arange(3)):
            assert list(np.ndenumerate(boxed(data))) == list(numpy.ndenumerate(data))
        flat, theirs = boxed(DATA).flat, DATA.flat
        for _ in range(7):
            assert flat.coords == theirs.coords
            next(flat, None), next(theirs, None)

    @WRAPS
    def test_ndenumerate_in_a_gradient(self, wrap):
        def loss(x):
            return sum(value**2 * (1 + i + 2 * j) for (i, j), value in np.ndenumerate(x))

        check_gradient(wrap(loss), DATA, "ndenumerate")

    def test_vectorize(self):
        def function(x, y):
            return x * y if x > y else x - y

        args = DATA, DATA[0] * 0.5
        assert_same(
            np.vectorize(function)(*map(boxed, args)), numpy.vectorize(function)(*args), "of two arrays"
        )
        assert isinstance(np.vectorize(function)(*args), minpy.Array)
        with minpy.OnlyNumPyPolicy() as policy:
            np.vectorize(function)(boxed(DATA), 1.0)
        assert policy.op_stat()["numpy"] == {"vectorize": 1}

    @WRAPS
    def test_vectorize_in_a_gradient(self, wrap):
        cube = np.vectorize(lambda x, y: x**3 * y)
        check_gradient(wrap(lambda x: np.sum(cube(x, x[0]))), DATA, "one result")
        both = np.vectorize(lambda x: (x**2, np.sin(x)), otypes=["float64", "float64"])
        check_gradient(wrap(lambda x: np.sum(both(x)[0] * both(x)[1])), DATA, "two results")
        power = np.vectorize(lambda x, p, scale=1: scale * x**p, excluded=[1, "scale"])
        check_gradient(wrap(lambda x: np.sum(power(x, 3) + power(x, 2, scale=2.5))), DATA, "excluded")
        named = np.vectorize(lambda x, y: x * y)
        check_gradient(wrap(lambda x: np.sum(named(x, y=x[0] + 1))), DATA, "by name")

    @WRAPS
    @pytest.mark.parametrize(
        "signature, function",
        [
            ("(n)->()", lambda x: np.sum(x**2)),
            ("(n),(n)->()", lambda x, y: np.dot(x, y)),
            ("(n),(n)->(n),()", lambda x, y: (x * y, np.sum(x))),
            ("()->(k)", lambda x: np.stack([x, x * x])),
        ],
    )
    def test_vectorize_with_a_signature_in_a_gradient(self, wrap, signature, function):
        of_rows = np.vectorize(function, signature=signature)

        def results(x):
            found = of_rows(x, x[0]) if "," in signature.split("->")[0] else of_rows(x)
            return found if isinstance(found, tuple) else (found,)

        check_gradient(wrap(lambda x: sum(np.sum(part * part) for part in results(x))), DATA, signature)
        seen = []
        minpy.grad(lambda x: (seen.extend(results(x)), np.sum(x))[1])(DATA)
        for under_a_gradient, found in zip(seen, results(boxed(DATA))):
            assert_same(under_a_gradient, found.asnumpy(), signature)

    def test_vectorize_finds_shapes_that_do_not_fit(self):
        for signature, message in (
            ("(n),(n)->()", "inconsistent size"),
            ("(a,b,c),(n)->()", "not have enough"),
        ):
            product = np.vectorize(np.dot, signature=signature)
            for x in (boxed(DATA), DATA):
                with pytest.raises(ValueError, match=message):
                    minpy.grad(lambda x: np.sum(product(x, x[0, 1:])))(x)  # noqa: B023
                with pytest.raises(ValueError, match=message):
                    product(x, x[0, 1:])

    def test_broadcast(self):
        assert np.broadcast(boxed(DATA), [[1], [2]]).shape == (2, 3)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_arrays_of_another_kind_stay_numpys():
    """Their operators mean something else."""
    square = DATA[:, :2]
    found = np.asmatrix(boxed(square))
    assert type(found) is numpy.matrix
    assert_same(found * found, numpy.asmatrix(square) ** 2, "a product of matrices")
    with pytest.warns(GradientWarning, match="making a matrix"):
        minpy.grad(lambda x: np.sum(np.asmatrix(x)) * np.sum(x))(square)


def test_a_file_in_memory_is_an_array(tmp_path):
    np.save(tmp_path / "x.npy", boxed(DATA))
    assert type(np.load(tmp_path / "x.npy", mmap_mode="r")) is minpy.Array
    file = io.BytesIO()
    np.savez(file, x=boxed(DATA))
    file.seek(0)
    assert_same(np.load(file)["x"], DATA, "from an archive")


LOST = {
    "asarray": lambda x: numpy.asarray(x),
    "nditer": lambda x: sum(value for value in np.nditer(x)),
    "polynomial": lambda x: np.polynomial.polynomial.polyval(2.0, x),
    "as_strided": lambda x: np.lib.stride_tricks.as_strided(x, (3,), (8,)),
}


@pytest.mark.parametrize("name", LOST)
def test_a_gradient_that_ends_in_numpy_warns(name):
    with pytest.warns(GradientWarning, match="making a NumPy array") as caught:
        minpy.grad(lambda x: np.sum(LOST[name](x)) * np.sum(x))(DATA)
    assert {warning.filename for warning in caught} == {__file__}


def test_integers_of_a_gradient_are_no_loss():
    def loss(x):
        places = np.digitize(x, [0.0, 1.0])
        return np.sum(x * numpy.asarray(places)) + x[0, int(places[0, 0])]

    expected = numpy.digitize(DATA, [0.0, 1.0]) + numpy.array([[0, 0, 1], [0, 0, 0]])
    assert_same(minpy.grad(loss)(DATA), expected.astype(float), "no warning, and no error")
