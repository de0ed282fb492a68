"""Which results show the memory of what they were made of: those that do in NumPy."""

from __future__ import annotations

import numpy
import pytest

import minpy.numpy as np
from tests.ops.calls import CALLS
from tests.ops.checks import boxed
from tests.ops.samples import Sample


def seen_in_results(function, namespace, operands):
    """For each result of a call whether it changes with the first operand."""
    results = function(namespace, *operands)
    results = results if isinstance(results, (list, tuple)) else [results]
    before = [numpy.array(result).tobytes() for result in results]
    operands[0][...] = 77
    return [numpy.array(result).tobytes() != old for result, old in zip(results, before)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's about its results
@pytest.mark.parametrize("name", CALLS)
def test_writes_are_seen_where_numpy_shows_them(name):
    for number, call in enumerate(CALLS[name]):
        for dtype in ("float64", "bool") if call.operands else ():
            args = Sample(call.operands).draw(dtype)
            try:
                expected = seen_in_results(call.function, numpy, [x.copy() for x in args])
            except (TypeError, ValueError, numpy.linalg.LinAlgError):
                continue  # not of bools
            found = seen_in_results(call.function, np, [boxed(x.copy()) for x in args])
            assert found == expected, f"call {number} of {dtype}"
