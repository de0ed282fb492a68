"""Programs as data."""

from __future__ import annotations

import json

import numpy
import pytest

from minpy.ops import Aval
from minpy.runtime.kernels.program import Condition, Place, Program, Step, check, packed, product_of, unpacked

FLOATS = Aval((4, 6), numpy.dtype("float32"))
TEXT = "define void @nest(ptr %arguments, i64 %begin, i64 %end, i64 %chunk) { ret void }"
PROGRAM = Program(
    (FLOATS, FLOATS),
    (Aval((4, 4), numpy.dtype("float32")),),
    96,
    (
        Step(TEXT, (Place(0), Place(3)), 24, 5),
        product_of("float32", 4, 4, 6, False, True, (Place(3), Place(1), Place(2)), alpha=0.5),
        Step(TEXT, (Place(2), Place(2))),
        Condition((Place(3, 95),)),
    ),
)


def test_a_program_is_the_same_after_json():
    found = unpacked(json.loads(json.dumps(packed(PROGRAM))))
    assert found == PROGRAM and hash(found) == hash(PROGRAM)
    check(found)


def test_equal_modules_are_there_once():
    assert PROGRAM.texts == (TEXT,)


def test_the_last_chunk_may_be_shorter():
    assert [Step(TEXT, (), size, 5).chunks for size in (0, 1, 5, 6, 24)] == [0, 1, 1, 2, 5]


@pytest.mark.parametrize("place", [Place(4), Place(3, 97), Place(0, -1)])
def test_a_place_outside_of_the_buffers_is_found(place):
    with pytest.raises(AssertionError, match="buffer"):
        check(PROGRAM._replace(steps=(Step(TEXT, (place,)),)))
