"""Attributes and classes, and arrays changed in place."""

from __future__ import annotations

import numpy

import minpy.numpy as np
from tests.compiler.rare import PLAIN, Cases, X
from tests.compiler.rare.classes import (
    Abstract,
    Described,
    Initial,
    Loud,
    Own,
    Plain,
    Record,
    Scaled,
    Slots,
    Unset,
    Vector,
    WithMeta,
)

cases = Cases()
case = cases.add


# Attributes and classes ------------------------------------------------------------------------


@case(X)
def a_class_that_cannot_be_made(x):
    return Abstract()


@case(X)
def arguments_for_nothing(x):
    return Plain(x)


@case(X)
def fields_only_for_init(x):
    return Initial(x).x


@case(X)
def too_many_fields(x):
    return Record(x, 1, 2, 3)


@case(X)
def an_unknown_field(x):
    return Record(x, w=1)


@case(X)
def a_field_missing(x):
    return Record()


@case(X)
def fields_made(x):
    return Record(x).x * 2, Record(x).z, Unset(x).x


@case(X)
def the_class_of_an_object(x):
    return x * 2, Vector(x).__class__.__name__


@case(X)
def an_attribute_that_is_not_there(x):
    return Vector(x).nothing


@case(X)
def a_cached_property(x):
    return Vector(x).total * 2


@case(X, Loud())
def an_attribute_by_a_method(x, held):
    return x * held.four


@case(X)
def has_attributes(x):
    held = Vector(x)
    return x * 2, hasattr(held, "data"), hasattr(held, "nothing"), hasattr(held, "twice")


@case(X, Vector(2.0))
def has_a_property(x, held):
    return x * 2 if hasattr(held, "size") else x


@case(X)
def super_in_a_metaclass(x):
    return x * 2, WithMeta.name()


@case(X)
def super_of_all_kinds(x):
    held = Scaled(x)
    return held.data, held.twice_of(x), held.kind


@case(X)
def super_without_it(x):
    return Scaled(x).missing()


@case(X, Described())
def a_property_written(x, held):
    held.read_only = x * 2


@case(X, Described())
def a_property_deleted(x, held):
    del held.read_only


@case(X)
def attributes_of_an_object_deleted(x):
    held = Vector(x)
    held.more = x * 2
    del held.more
    del held.data
    return held.data


@case(X)
def an_attribute_deleted_twice(x):
    held = Vector(x)
    del held.data
    del held.data


@case(X, Vector(2.0))
def an_attribute_deleted_that_is_not_there(x, held):
    del held.nothing


@case(X, Vector(2.0))
def an_attribute_read_after_it_was_deleted(x, held):
    del held.data
    return held.data


@case(X, Vector(2.0))
def the_class_written(x, held):
    held.__class__ = Scaled
    return x * held.data


@case(X, Slots())
def slots_written(x, held):
    held.a = x * 2
    return held.a


@case(X, Vector(1))
def attributes_written_as_items(x, held):
    held.__dict__["data"] = x * 2
    return held.data


@case(X, Vector(1))
def attributes_updated_as_a_dict(x, held):
    variables = held.__dict__
    variables.update(data=x * 2)
    y = held.data
    held.data = y + 1
    return y * variables["data"]


@case(X, Vector(1))
def items_read_after_an_attribute_was_written(x, held):
    variables = vars(held)
    return written_both_ways(x, held, variables)


def written_both_ways(x, held, variables):
    y = np.exp(x)
    held.data = y
    z = variables["data"] * 2
    variables["data"] = z
    return held.data * y


@case(X)
def a_class_changed_and_read_by_its_objects(x):
    Plain.shared = x * 2
    held = Vector(x)
    Vector.kinds = "changed"
    y = Plain().shared, held.kinds, Scaled(x).kind
    Vector.kinds = "vector"
    return y


@case(X, Own(2.0))
def a_class_changed_below_an_attribute_of_its_object(x, held):
    Own.data = 5.0
    y = held.data * x
    return y


@case(X, Scaled(2.0))
def a_class_attribute_deleted_from_an_object(x, held):
    held.kinds = "own"
    del held.kinds
    return held.kinds, x * 2


# Arrays changed in place -----------------------------------------------------------------------


@case([1.0, 2.0])
def a_list_changed_as_an_array(held):
    numpy.put(held, [0], [2.0])


@case(PLAIN)
def memory_read_and_written(x):
    numpy.put(x, [0, 1], x[1:])
    return x


@case(PLAIN, numpy.zeros(3, "int64"))
def out_of_another_dtype(x, out):
    return numpy.sum(x, axis=0, out=out[0, ...])


@case(PLAIN)
def out_of_two(x):
    return numpy.modf(x, out=(numpy.zeros(3), numpy.zeros(3)))


@case(PLAIN, numpy.zeros(3, "float32"))
def out_of_another_float(x, out):
    numpy.cumsum(x * 1.1, out=out)
    return out * 2


@case(numpy.zeros(3, "int64"), numpy.array([0, 1, 1]))
def floats_added_to_integers(x, i):
    numpy.add.at(x, i, 1.5)
    return x


@case(numpy.zeros(3), numpy.array([0, 1, 1]))
def a_number_added_at_places(x, i):
    numpy.add.at(x, i, 1.5)
    return x


test_as_in_plain_python_and_as_foretold = cases.test()
