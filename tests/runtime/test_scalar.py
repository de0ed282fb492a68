"""Scalars: what NumPy gives as a number, and not as an array, is one here too."""

from __future__ import annotations

import pickle

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.runtime.scalar import Scalar

EXPRESSIONS = (
    *("np.sum(x)", "x.mean()", "x[1]", "x[()][0]", "x[1] + x[0]", "-x[2]", "x[0] > x[1]", "x.argmax()"),
    *("x @ x", "np.dot(x, x)", "np.linalg.norm(x)", "x.sum().astype('int64')", "x.sum().T", "x.sum().copy()"),
    *(
        "np.einsum('i,i', x, x)",
        "np.clip(x[0], 0, 1)",
        "np.exp(zero)",
        "zero + 1",
        "zero[()]",
        "np.copy(x)[0]",
    ),
    *(
        "zero",
        "zero.copy()",
        "zero.astype('float32')",
        "zero.reshape(())",
        "zero.T",
        "x[0, ...]",
        "zero[...]",
    ),
    *(
        "x[0].reshape(())",
        "x[0][...]",
        "np.array(x[0])",
        "np.where(x[0] > 0, x[0], 1.0)",
        "x[:1].reshape(())",
    ),
    *("np.broadcast_to(x[0], ())", "np.zeros(())", "np.full((), 2.0)", "np.copy(x[0])", "np.unique(x)[0]"),
)


def variables(module):
    return {"np": module, "x": module.array([0.5, 2.0, -1.0]), "zero": module.array(0.25)}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_a_scalar_for_numpy(expression):
    theirs, ours = (eval(expression, variables(module)) for module in (numpy, np))
    assert isinstance(ours, Scalar) == isinstance(theirs, numpy.generic)
    compiled = minpy.jit(eval(f"lambda x, zero: {expression}", {"np": np}))
    named = variables(np)
    assert type(compiled(named["x"], named["zero"])) is type(ours)


def test_a_changed_name_leaves_the_scalar_alone():
    x = np.array([1.0, 2.0])
    best = total = x.sum()
    total += 1
    total *= 2
    total **= 2
    assert (float(best), float(total), x.tolist()) == (3, 64, [1, 2])
    number = np.arange(3)[2]
    number += 0.5  # NumPy's numbers take another dtype
    assert number.dtype == "float64" and number == 2.5
    swapped = x[0]
    swapped += 10
    assert x.tolist() == [1, 2]


def test_a_gradient_through_changed_names():
    def function(x):
        best = total = x.sum()
        total += best * best
        return total * best

    assert minpy.grad(function)(np.array([1.0, 2.0])).tolist() == [2 * 3 + 3 * 9] * 2  # of s**2 + s**3
    assert minpy.grad(function)(np.array([1.0, 2.0])[:1]).tolist() == [2 + 3]


def test_a_number_stays_a_number_inside_a_gradient():
    def function(x):
        y = x
        y += 1.0
        return x * y

    for number in (3.0, numpy.float64(3.0), np.array([3.0])[0]):
        assert minpy.grad(function)(number) == 7  # of x**2 + x
    assert minpy.grad(function)(np.array(3.0)) == 8  # x too was changed: of (x + 1)**2


def test_no_write_reaches_a_scalar():
    x = np.array([1.0, 2.0])
    total = x.sum()
    with pytest.raises(TypeError, match="does not support item assignment"):
        total[...] = 1
    for view in (total[None], total.reshape(1), total.ravel(), total[...]):
        view[...] = 7
    assert total == 3


def test_a_scalar_between_brackets_is_an_integer():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    row = x[np.argmax(x[:, 0])]
    row[0] = 9
    assert x.tolist() == [[1, 2], [9, 4]]
    copied = x[np.array(1)]
    copied[0] = 5
    assert x.tolist() == [[1, 2], [9, 4]]
    assert [10, 20, 30][np.argmin(x[0])] == 10


def test_a_scalar_is_a_key_and_reads_as_a_number():
    total = np.array([1.0, 2.0]).sum()
    assert {total: "three"}[np.array([3.0])[0]] == "three"
    assert repr(total) == "3.0"
    assert type(pickle.loads(pickle.dumps(total))) is Scalar
    with pytest.raises(TypeError):
        hash(np.array(3.0))


def test_nobody_changes_a_number_through_an_array_made_of_it():
    for number in (np.array([1.5, 2.0])[0], np.array([1.5]).sum()):
        numpy.asarray(number)[...] = 7
        assert number == 1.5


def test_a_sequence_times_an_integer_is_repeated():
    three, half = np.sum(np.array([1, 2])), np.sum(np.array([0.5]))
    assert three * [1, 2] == [1, 2] * three == [1, 2] * 3
    assert three * "ab" == "ab" * three == "ababab"
    with pytest.raises(TypeError, match="can't multiply sequence by non-int"):
        [1, 2] * half
