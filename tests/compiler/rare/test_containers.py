"""Containers, names, statements and arguments."""

from __future__ import annotations

import collections
import copy
import dataclasses

import numpy

from tests.compiler.rare import Cases, X, classes
from tests.compiler.rare.classes import Longer, Missing, Odd, Record, Same, Unset, Vector

cases = Cases()
case = cases.add


# Containers ------------------------------------------------------------------------------------


@case(X)
def an_element_of_a_tuple_written(x):
    held = (x, x)
    held[0] = x * 2


@case(X)
def an_element_of_a_tuple_deleted(x):
    held = (x, x)
    del held[0]


@case(X, collections.UserDict({"a": 1}))
def an_item_deleted_by_a_method(x, held):
    del held["a"]
    return x * 2


@case(X, Vector(1))
def attributes_read_after_one_was_written(x, held):
    held.data = x * 2
    return sorted(held.__dict__), held.data


@case(X, [3, 1, 2])
def sort_with_options(x, held):
    held.sort(reverse=True)
    return x * held[0]


@case(X, {"a": 1.0, "b": 2.0}, "b")
def dicts_copied_cleared_and_taken_from(x, held, key):
    other = held.copy()
    y = x * other[key]
    held.clear()
    held[key] = 4.0
    return y, held.popitem(), len(held)


@case(X, {})
def popitem_of_nothing(x, held):
    return held.popitem()


@case(X, {"a": 1})
def pop_of_a_missing_key(x, held):
    return held.pop("b")


@case(X, {"a": 1.0, 2: 3.0}, 2, "a")
def keys_of_different_types(x, held, n, text):
    held[n] = 5.0
    held[text] = 6.0
    return x * held["a"] + held[2], len(held)


@case(X, {(1, 2): 3.0}, 2)
def a_tuple_and_a_number_as_keys(x, held, n):
    held[n] = 5.0
    return x * held[1, 2]


@case(X, collections.defaultdict(None))
def a_default_dict_without_a_default(x, held):
    return held["a"]


@case(X, Missing())
def missing_keys_by_a_method(x, held):
    return x * held["a"]


@case(X, Odd(), collections.deque(), Same())
def truth_of_objects(x, odd, deque, same):
    return x * 2 if odd or deque else (x * 3 if same else x)


@case(X, [1.0, 2.0])
def the_last_twice(x, held):
    del held[-1]
    del held[-1]
    return x * len(held)


@case(X, [1.0, 2.0])
def an_element_set_by_its_place(x, held):
    held.insert(0, x)
    held[-1] = 3.0
    return held[2] * x, held[0]


@case(X, {"a": 1.0})
def a_key_deleted_and_read(x, held):
    del held["a"]
    return held["a"]


@case(X, 1)
def copies(x, n):
    pair, items, numbers = (x, x * 2), [x, n], {1, 2}
    return copy.copy(pair)[1], copy.copy(items)[1] * x, copy.copy(numbers) == numbers


@case(X, Vector(2.0))
def a_copy_of_an_object(x, held):
    return copy.copy(held).data * x


@case(numpy.arange(6.0).reshape(2, 3))
def a_copy_in_the_same_order(x):
    return copy.copy(x.T) * 2


@case(X)
def a_record_replaced(x):
    return dataclasses.replace(Record(x), y=3.0).y * x


@case(X)
def a_record_replaced_that_cannot_be(x):
    record = Unset(x)
    record.later = 2.0
    return dataclasses.replace(record, x=x * 2).x


@case(X, [1.0])
def too_few_to_unpack(x, held):
    _, _, *_ = held
    return x


@case(X, {"a": 1.0, "b": 2.0, "c": 3.0})
def several_deleted(x, held):
    del (held["a"], held["b"]), held["c"]
    return x * len(held)


@case(X, {"n": 1})
def a_counter_changed_while_it_counts(x, held):
    held["n"] += held.setdefault("m", 2)
    return x * held["n"]


@case(X, {"n": 1})
def a_counter_that_becomes_a_float(x, held):
    held["n"] += 0.5
    return x * held["n"]


@case(X, {"s": {1, 2}})
def a_set_changed_in_place(x, held):
    held["s"] ^= {2, 3}
    return x * 2


@case(X, {"a": 1.0, "b": 2.0}, "a", "c")
def keys_set_deleted_and_counted(x, held, key, other):
    held[other] = 3.0
    held[key] = 4.0
    n = len(held)
    del held["b"]
    return x * held[key], n, len(held), list(held)


@case(X, {"a": 1.0})
def a_key_deleted_and_set_again(x, held):
    del held["a"]
    held["a"] = x
    return len(held), "a" in held


@case(X, [1.0, 2.0, 3.0], 1)
def an_element_set_by_a_number(x, held, n):
    held[n] = x
    held.append(4.0)
    last = held[-1]
    return held[n] * last, held[0], len(held)


@case(X, [1.0, 2.0, 3.0])
def elements_appended_and_taken(x, held):
    held.append(x)
    held[-1] = x * 2
    y = held.pop()
    return y, held.pop(), held.pop(), len(held)


@case(X, collections.OrderedDict(a=1.0))
def a_dict_of_another_class(x, held):
    held["b"] = 2.0
    return x * held["a"], list(held)


@case(X, {"a": 1.0, 1: 2.0, (1, 2): 3.0}, 1)
def keys_that_change(x, held, n):
    held[n] = 4.0
    held["b"] = 5.0
    held[2.5] = 6.0
    y = held["a"] + held["b"] + held[1, 2] + held[n]
    return x * y, len(held), held.get(7), "c" in held


@case(X, {3: 1.0}, 1)
def a_key_that_changes_and_is_not_there(x, held, n):
    held[n] = 4.0
    y = held[n + 5]
    return x * y


@case(X, [1.0, 2.0, 3.0, 4.0], 0)
def places_that_change(x, held, n):
    held[n] = x
    y = held[1]
    held[n + 1] = 7.0
    held.reverse()
    return y, held[0], len(held), held[n]


@case(X, [1.0, 2.0, 3.0, 4.0], 0)
def places_beyond_the_end(x, held, n):
    del held[-1]
    held[n + 2] = 5.0
    return x * held[n]


@case(X, Longer([1.0, 2.0]), 1)
def a_slice_of_a_list_of_ones_own(x, held, n):
    held[:n] = [3.0, 4.0]
    return x * held[0], len(held)


@case(X, 2)
def a_number_that_changes_in_a_list(x, n):
    return x * 2 if n in [1, 2.5, (3, 4)] else x, n in (x.shape, 2), [n][0]


@case(X, 2)
def numbers_that_change(x, n):
    return (
        x * n**2,
        n // 2,
        -n,
        divmod(n, 2),
        n in range(3),
        f"{n:03d}",
        round(n / 3, n),
        n[0] if n > 9 else n,
    )


@case(X)
def variables_of_a_module(x):
    classes.__dict__["added"] = x * 2
    classes.__dict__.update(other=3)
    return hasattr(classes, "added"), hasattr(classes, "nothing"), classes.added * classes.other


@case(X)
def a_module_changed(x):
    classes.changed = x * 2
    return hasattr(classes, "changed"), hasattr(classes, "nothing"), classes.changed


# Names, statements and arguments ---------------------------------------------------------------


@case(X)
def one_argument_twice(x):
    def inner(a, b=1):
        return a

    return inner(x, a=x)


@case(X)
def an_unknown_argument(x):
    def inner(a):
        return a

    return inner(x, c=x)


@case(X)
def names_of_frames_around(x):
    a = 1.0

    def outer():
        def inner():
            nonlocal a
            a = a + 1

        inner()

    outer()
    return x * a


@case(X)
def modules_imported(x):
    import os.path as path
    import xml.dom as dom

    return x * 2, path.basename("a/b"), dom.__name__


@case(X, numpy.array([0, 1]))
def a_slice_of_array_data(x, i):
    return x[i[0] : 2] * 2


test_as_in_plain_python_and_as_foretold = cases.test()
