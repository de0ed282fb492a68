"""Statements, parts of lines around what is left to Python, numbers and writes into arrays."""

from __future__ import annotations

import math
import operator
import random

import numpy
import scipy.linalg
import scipy.special

import minpy
import minpy.numpy as np
from tests.compiler.rare import PLAIN, Cases, X
from tests.compiler.rare.classes import Plain, Vector

cases = Cases()
case = cases.add
_count = 0


def unknown(x):
    return random.Random(1).random() + x


def gamma(n):
    return random.Random(n).random()


# Parts of lines --------------------------------------------------------------------------------


@case(X, {})
def two_targets(x, held):
    held["a"] = held["b"] = np.exp(x * 2) + np.log(unknown(x) + 1)
    return held


@case(X)
def a_name_updated(x):
    y = x * 2
    y += np.exp(x) * np.sum(unknown(x)) + np.tanh(x)
    return y


@case(X, Vector(1.0))
def an_attribute_updated(x, held):
    held.data += np.exp(x) * gamma(3) + np.tanh(x)
    return held.data


@case(X)
def a_loop_on_data(x):
    while float(np.sum(np.exp(x) * 2)) + gamma(1) > 20:
        x = x * 0.5
    return x


@case(X)
def a_loop_on_data_with_continue(x):
    n = 0
    while np.sum(np.exp(x) * 2 + np.tanh(x)) > 20:
        x = x * 0.5
        n += 1
        if n == 1:
            continue
        x = x - 0.1
    else:
        x = x + 1
    return x, n


@case(X)
def a_loop_left_as_it_is(x):
    while unknown(x[0]) > 1.5:
        x = x * 0.5
    return x


@case(X)
def options_before_what_is_left(x):
    named = {"b": np.exp(x) * 2}

    def take(*args, **kwargs):
        return args, sorted(kwargs), kwargs["b"]

    return take(*[np.tanh(x) * 2], **named, c=gamma(2))


@case(X)
def a_comprehension_within_a_call(x):
    return sum(np.exp(x) * k for k in range(2)) + gamma(len([k for k in range(3)])) * np.tanh(x)


@case(X)
def a_choice_around_what_is_left(x):
    return np.exp(x) + (gamma(2) if len(x) > 2 else 1.0) * np.tanh(x * 2)


@case(X)
def texts_around_what_is_left(x):
    return f"{len(np.exp(x) * 2)} {gamma(2):.3f} {np.tanh(x).shape}"


# Names and statements --------------------------------------------------------------------------


@case(X)
def annotations(x):
    y: object  # noqa: F842
    z: object = x * 2
    (z): object = z + 1
    return z


@case(X)
def names_unbound_again(x):
    y = x * 2
    try:
        y = y + [][0]
    except IndexError as error:
        kind = type(error).__name__
    try:
        return error, y  # noqa: F821
    except UnboundLocalError:
        return kind, y


@case(X)
def a_name_deleted(x):
    y = x * 2
    del y
    return y  # noqa: F821


@case(X)
def a_coroutine_is_not_run(x):
    async def f():
        return x

    made = f()
    made.close()
    return x * 2, type(made).__name__


@case(X)
def a_global_of_this_module(x):
    global _count
    _count = 1

    def inner():
        global _count
        _count += 1
        return x * _count

    return inner()


@case(X)
def lines_folded(x):
    y = (
        np.exp(x)
        + gamma(
            3,
        )
        + np.tanh(x)
    )
    return y


class Private:
    __factor = 2.0

    def __scaled(self, x):
        class Inner(Plain):
            __own = 3

        __local = x * self.__factor
        return __local * Inner._Inner__own

    def run(self, x):
        global _Private__shared

        def inner():
            nonlocal __n
            __n += 1

        __n = 1
        inner()
        _Private__shared = __n
        return self.__scaled(x) * __n


@case(X, Private())
def private_names(x, held):
    return held.run(x)


@case(X)
def a_long_loop(x):
    n = 0
    for k in range(60000):
        n += k
    return x * n


# Numbers and arrays ----------------------------------------------------------------------------


@case(X)
def bools_with_numbers_of_data(x):
    a, b = bool(x[0] > 0), float(x[1])
    return x * (a + True), b % 2.0, divmod(b, 0.7), b // 0.5, x * (-a)


@case(X)
def floats_that_can_raise(x):
    return x * float(x[0]) ** -0.5, math.sqrt(float(x[1])), float(x[0]) / (float(x[1]) - 2.0)


@case(numpy.array([1, 2, 3], "int8"), 300)
def a_number_too_large(x, n):
    return x + n


@case(numpy.array([1, 2, 3], "int8"))
def a_constant_too_large(x):
    return x + 300


@case(PLAIN, 2j)
def a_complex_number_written(x, z):
    x[0] = z
    return x


@case(PLAIN)
def memory_written_as_it_is_read(x):
    x[[0, 1, 2]] = x[::-1]
    return x * 2


@case(numpy.arange(6.0).reshape(2, 3))
def a_mask_and_too_many_axes(x):
    x[x > 2] += numpy.ones((1, 3))
    return x


@case(X)
def an_item_of_a_number_written(x):
    y = float(x[0])
    y[0] = 1
    return y


@case(X)
def elements_of_an_array_without_axes(x):
    return [*np.sum(x)]


@case(X, [1.0, 2.0, 3.0])
def a_list_and_a_range_as_operands(x, held):
    return x + held, x * range(3), x > [1, 2, 2]


@case(X)
def several_results(x):
    a, b = np.divmod(x, 2.0)
    c, d = numpy.modf(numpy.asarray([1.5, 2.5]))
    return a * b, c + d, np.unique(x * 2)


@case(X)
def an_object_on_the_right(x):
    return x + Plain()


@case(PLAIN)
def an_object_on_the_right_of_numpy(x):
    return (x + Vector(2.0)).tolist()


@case(X, Plain())
def an_object_from_outside_on_the_right(x, held):
    return x + held


@case(X)
def truth_of_what_is_known(x):
    y = np.ones(1) > 0
    return x * 2 if numpy.all(numpy.ones(2) > 0) else y


@case(X, 3)
def places_in_lists_and_ranges(x, n):
    return x * 2 if n in range(4) and n in [1, 2, 3] and n not in [Plain, 1] else x


@case(X)
def scipy_with_arrays(x):
    return scipy.linalg.norm(x), scipy.special.gammaln(x) * 2


@case(X)
def functions_that_python_keeps(x):
    return x * operator.itemgetter(0)([2.0, 3.0]), operator.attrgetter("ndim")(x), math.gamma(4.0)


# Gradients and draws -----------------------------------------------------------------------------


@case(X)
def a_gradient_of_what_is_no_array(x):
    return x * 2, minpy.grad(lambda y: 3.0)(x)


@case(X)
def a_gradient_of_a_text(x):
    return x * 2, minpy.grad(lambda y: "text")(x)


@case(numpy.array([1, 2, 3]))
def a_gradient_by_integers(x):
    return minpy.grad(lambda y: np.sum(y * 2.0))(x)


@case(X)
def a_gradient_of_a_gradient_that_is_constant(x):
    return minpy.grad(lambda y: np.sum(minpy.grad(lambda z: np.sum(z * 3))(y) * y))(x)


@case(X)
def slopes_of_a_text(x):
    return minpy.vjp(lambda y: (y * 2, "text"), x)[0]


@case(X, numpy.random.RandomState(3))
def draws_by_arrays_and_in_place(x, generator):
    generator.shuffle(held := [1, 2, 3])
    return x * held[0], generator.normal(numpy.array([1.0, 2.0])), generator.permutation(3)


@case(X, numpy.random.RandomState(3), 2)
def draws_by_numbers(x, generator, n):
    return x * generator.normal(float(n), 0.5, n + 1), generator.randint(n, size=(n, n)), generator.bytes(n)


test_as_in_plain_python_and_as_foretold = cases.test()
