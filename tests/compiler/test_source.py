"""Finding the source of a function: the right one, or none."""

from __future__ import annotations

import types

import numpy
import pytest

import minpy
from minpy.compiler.source import read_source
from minpy.errors import UnsupportedError

X = numpy.array([1.0, -2.0, 3.0])
shift = 10

PAIR = [lambda x: x + 1, lambda x: x * 2]
TABLE = {"a": lambda x: x - 1, "b": lambda x, k=3: x * k, "c": lambda x: x * x}
SPREAD = (
    lambda x: x + shift,
    lambda x: x * shift,
    (lambda x: (lambda x: x * 3)(x) + 1),
)


def pick(number, function):
    return function


# fmt: off
CONTINUED = pick(1,
    lambda x: x *
        x)
# fmt: on


def make(k):
    return [lambda x: x * k, lambda x: x + k]


LAMBDAS = [*PAIR, *TABLE.values(), *SPREAD, CONTINUED, *make(5), *make(7)]


@pytest.mark.parametrize("number", range(len(LAMBDAS)))
def test_each_lambda_is_itself(number):
    function = LAMBDAS[number]
    numpy.testing.assert_array_equal(minpy.jit(function)(X), function(X))


@pytest.mark.parametrize("function", [*PAIR, *TABLE.values(), *SPREAD[:2], *make(5)])
def test_lambdas_that_share_lines_compile(function):
    compiled = minpy.jit(function)
    compiled(X)
    assert minpy.explain(compiled).reason == "" and minpy.explain(compiled).leftovers == []


def test_a_lambda_cut_off_by_its_line_is_not_taken_for_another():
    with pytest.raises(UnsupportedError, match="lambda"):
        read_source(CONTINUED)


def test_lines_are_those_of_the_file():
    source = read_source(make)
    assert source.file == __file__
    assert source.text(source.body[0].lineno).strip() == "return [lambda x: x * k, lambda x: x + k]"


def test_no_source():
    made = types.FunctionType(compile("lambda x: x", "<nowhere>", "eval").co_consts[0], {})
    with pytest.raises(UnsupportedError, match="source"):
        read_source(made)

    def generator(x):
        yield x

    with pytest.raises(UnsupportedError, match="generator"):
        read_source(generator)
