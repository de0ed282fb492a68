"""Conversions, keys, copies and new arrays: the very same as NumPy's, each time that they are asked for."""

from __future__ import annotations

import warnings

import numpy
import pytest

import minpy
import minpy.numpy as np


@pytest.fixture(params=["only_numpy", "prefer_mxnet"])
def policy(request):
    minpy.set_global_policy(request.param)


def assert_same(found, expected):
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    numpy.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["?", "b", "Q", "e", "f", "d", "F"])
@pytest.mark.parametrize("convert", [float, int, bool, complex, lambda x: [1, 2, 3][x], len])
def test_what_python_makes_of_an_array_is_what_it_makes_of_numpys(policy, dtype, convert):
    data = numpy.array([1, 2]).astype(dtype)
    for mine, numpys in (
        (np.array(data)[0], data[0]),
        (np.array(data)[:1], data[:1]),
        (np.array(data), data),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the imaginary part
            try:
                expected = convert(numpys)
            except (TypeError, ValueError) as error:
                with pytest.raises((TypeError, ValueError)) as caught:
                    convert(mine)
                assert isinstance(error, caught.type)
            else:
                assert convert(mine) == expected and type(convert(mine)) is type(expected)


@pytest.mark.parametrize("to", ["?", "B", "q", "e", "f", "d", "F"])
@pytest.mark.parametrize("dtype", ["?", "b", "Q", "e", "f", "d", "D"])
def test_astype_keeps_the_order_of_the_elements(dtype, to):
    minpy.set_global_policy("only_numpy")
    data = numpy.array([[1.5, 0, 20], [3, 4, 5]]).astype(dtype)
    for numpys in (data, data.T, data[:, ::2], data[:0], data[0, 0]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, expected = minpy.Array(numpys).astype(to).raw(), numpys.astype(to)
        assert_same(found, expected)
        assert found.flags.f_contiguous == numpy.asarray(expected).flags.f_contiguous


@pytest.mark.parametrize(
    "key",
    [[1, 2], [True, False, True], numpy.array([0, -1]), (slice(None), [0, 1]), ([0, 1], 1, None)],
    ids=str,
)
def test_arrays_in_keys(policy, key):
    data = numpy.arange(12.0).reshape(3, 4)
    x = np.array(data)
    for _ in range(2):
        found = x[key]
        assert (found.shape, found.dtype) == (data[key].shape, data[key].dtype)
        numpy.testing.assert_array_equal(found, data[key])
        found[...] = -1.0
    assert x.tolist() == data.tolist()  # no view
    with pytest.raises(IndexError, match="out of bounds"):
        x[[5]]
    gradient = minpy.grad(lambda x: np.sum(x[key] * 2.0))(x)
    expected = numpy.zeros((3, 4))
    expected[key] = 2.0
    assert gradient.tolist() == expected.tolist()


def test_new_arrays_depend_on_the_settings(policy):
    def make():
        return (
            np.zeros(3),
            np.full((2, 1), 0.5),
            np.arange(3.0),
            np.linspace(0, 1, 5),
            np.eye(2, dtype="int8"),
        )

    def numpys(dtype):
        made = (numpy.zeros(3), numpy.full((2, 1), 0.5), numpy.arange(3.0), numpy.linspace(0, 1, 5))
        return (*(x.astype(dtype) for x in made), numpy.eye(2, dtype="int8"))

    for dtype in ("float32", "float64", "float32"):
        minpy.set_default_dtype(dtype)
        for _ in range(3):
            for found, expected in zip(make(), numpys(dtype)):
                assert_same(found, expected)
                found += 1  # the next one is new
    with minpy.cpu(1):
        assert {x.context for x in make()} == {minpy.cpu(1)}
    assert {x.context for x in make()} == {minpy.cpu(0)}
    compiled = minpy.jit(lambda x: x + np.zeros(3) + np.ones(3))
    assert compiled(np.zeros(3)).tolist() == [1.0, 1.0, 1.0]
