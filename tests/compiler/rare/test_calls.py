"""Operators and calls."""

from __future__ import annotations

import numpy

import minpy.numpy as np
from tests.compiler.rare import PLAIN, Cases, X
from tests.compiler.rare.classes import Iterated, Plain, Point, Same, Scaled, Vector

cases = Cases()
case = cases.add


# Operators -------------------------------------------------------------------------------------


@case(X)
def a_subclass_comes_first(x):
    return (Vector(x) + Scaled(x)).data


@case(X)
def minus_of_an_object_made_here(x):
    return (-Vector(x)).data


@case(X)
def minus_of_an_object_without_it(x):
    return -Plain()


@case(X, {"a": 1})
def truth_of_a_view(x, d):
    return x * 2 if d.keys() else x


@case(X, {})
def truth_of_an_empty_view(x, d):
    return x * 2 if d.values() else x


@case(X)
def an_array_compared_with_a_text(x):
    return x == "text"


@case(X, [Same()])
def an_object_in_a_list(x, held):
    return x * 2 if 3 in held else x


@case(X)
def objects_compared_by_their_class(x):
    return x * 2 if Same() == 3 else x


@case(X)
def objects_in_order(x):
    return x if Vector(x) < Vector(x) else x * 2


@case(X, [Plain()], [Plain()])
def lists_of_objects_compared(x, a, b):
    return x if a == b else x * 2


@case(X, [[1, "a"]])
def nested_lists_compared(x, a):
    return x if a == [[1, "a"]] else x * 2


@case(X, 2)
def a_number_in_a_list_of_arrays(x, n):
    return x * 2 if n in [1, 2.0, n] else x


@case(X)
def membership_in_an_array(x):
    return x * 2 if 1.0 in x else x


@case(X)
def a_key_of_array_data(x):
    return {x[0]: 1}


@case(X)
def an_attribute_of_a_function_made_here(x):
    def inner():
        return x

    return inner.__name__, inner() * 2


@case(X, 3)
def an_item_of_a_number(x, n):
    return x + n[0]


@case(X)
def an_item_of_an_object(x):
    return Vector(x)[0]


@case(X, numpy.array([1, 0]))
def a_list_indexed_by_array_data(x, i):
    return [x, x * 2][i[0]]


@case(X, [("a", 1)])
def a_list_unpacked_as_options(x, pairs):
    return dict(**pairs)


@case(X)
def elements_of_an_object(x):
    return [*Vector(x)]


@case(X)
def elements_of_an_iterator_from_outside(x):
    return [x * v for v in Iterated()]


@case(X)
def elements_of_a_number(x):
    return list(x[0])


@case(X, {"a": 1}, {"b": 2})
def views_added(x, a, b):
    return x * len(a.items() | b.items())


# Calls -----------------------------------------------------------------------------------------


@case(X)
def an_object_called(x):
    return Vector(x)(1)


@case(X)
def an_array_called(x):
    return x(1)


@case(PLAIN)
def numpy_casts(x):
    return numpy.float32(x) * 2, numpy.float64(x[0]) * 2


@case(X)
def numpy_casts_an_array_of_minpy(x):
    return numpy.float32(x) * 2


@case(PLAIN, X)
def a_method_of_numpy_gets_an_array_of_minpy(a, x):
    return a.dot(x)


@case(X)
def an_item_removed(x):
    held = [1, 2, 3]
    held.remove(2)
    return x * held[1]


@case(X)
def an_object_removed(x):
    held = [Plain(), 2]
    held.remove(2)
    return x * len(held)


@case(X)
def an_object_in_a_text(x):
    return x * 2, "{} {}".format(Point, [len])  # noqa: UP032


@case(X)
def sorted_functions(x):
    return x * 2, sorted([lambda: x, lambda: x])


@case(X)
def power_with_a_modulus(x):
    return x * pow(3, 4, 5)


@case(X)
def float_of_float(x):
    return x * float(float(x[0]))


@case(X)
def float_of_one_element(x):
    return x * float(x[:1])


@case(np.array([1, 2, 3]))
def item_of_integers(x):
    return x * x[1].item()


@case(X)
def the_largest_of_nothing(x):
    return max([])


@case(X)
def the_largest_of_floats(x):
    return x * max(float(x[0]), float(x[1])) + min(float(x[0]), float(x[1]))


@case(X)
def iter_with_a_sentinel(x):
    held = [1, 2, 3]
    return [x * v for v in iter(held.pop, 1)]


@case(X, [1, 2])
def next_of_a_list(x, held):
    return next(held)


@case(X, {1, 2})
def a_set_reversed(x, held):
    return list(reversed(held))


@case(X)
def filter_without_a_function(x):
    return [x * v for v in filter(None, [0, 1, 2])]


@case(X, {"a": 1})
def length_of_a_view(x, d):
    return x * len(d.items())


@case(X)
def length_of_an_object(x):
    return len(Vector(x))


@case(X)
def a_class_made(x):
    return x * 2, type("Made", (), {}).__name__


@case(X)
def types_of_functions(x):
    return x * 2, type(lambda: x).__name__, type(Vector(x).__neg__).__name__


@case(X, {"a": 1})
def type_of_a_view(x, d):
    return x * 2, type(d.keys()).__name__


@case(X)
def super_of_a_number(x):
    return super(int, 3).__str__()


@case(X)
def hashes(x):
    return x * 2, hash(3) + hash("a") - hash("a"), hash((1, 2.5))


@case(X, Same())
def hash_of_an_object(x, held):
    return x * 2 if hash(held) == hash(held) else x


@case(X)
def permutations_sets_and_not(x):
    import itertools
    import operator

    found = [a - b for a, b in itertools.permutations([1, 2], 2)]
    return x * found[0], set([1, 2]) == frozenset([2, 1]), operator.not_(found)


test_as_in_plain_python_and_as_foretold = cases.test()
