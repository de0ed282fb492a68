"""Rare Python and mistakes, one function each: jitted, it does and raises what it does in plain Python."""

from __future__ import annotations

import copy

import numpy
import pytest

import minpy
import minpy.numpy as np
from tests.compiler.test_explain_foresee import left, unforeseen
from tests.compiler.test_explain_html import Checker
from tests.corpus.outcome import assert_same, run

X = np.array([1.0, 2.0, 3.0])
PLAIN = numpy.array([1.0, 2.0, 3.0])


class Cases(list):
    """Functions, each with the arguments of which it is called with copies."""

    def add(self, *args):
        """Decorate a function, to add it."""
        return lambda function: self.append((function, args)) or function

    def test(self):
        """The test of them all."""

        @pytest.mark.parametrize("function, args", self, ids=[function.__name__ for function, _ in self])
        @pytest.mark.filterwarnings("ignore::minpy.errors.GradientWarning")
        def test_as_in_plain_python_and_as_foretold(function, args):
            compiled = minpy.jit(function)
            foretold = minpy.explain(compiled, *copy.deepcopy(args))
            compare(function, compiled, args)
            compare(function, compiled, args)
            shown = minpy.explain(compiled)
            if not unforeseen(foretold):
                assert left(shown) <= left(foretold)
            page = Checker(shown._repr_html_()).text
            assert all(line.text in page and line.text in str(shown) for line in shown.lines)
            if any(type(x) is int for x in args):  # which compiled code takes for constants until they change
                for more in (1, 2, -1):
                    compare(function, compiled, [x + more if type(x) is int else x for x in args])

        return test_as_in_plain_python_and_as_foretold


def compare(function, compiled, args):
    """Both do the same to copies of the arguments."""
    plain, found = run(function, copy.deepcopy(tuple(args))), run(compiled, copy.deepcopy(tuple(args)))
    assert_same(plain._asdict(), found._asdict())
