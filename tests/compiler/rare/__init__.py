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
            for _ in range(2):
                plain, found = run(function, copy.deepcopy(args)), run(compiled, copy.deepcopy(args))
                assert_same(plain._asdict(), found._asdict())
            shown = minpy.explain(compiled)
            if not unforeseen(foretold):
                assert left(shown) <= left(foretold)
            page = Checker(shown._repr_html_()).text
            assert all(line.text in page and line.text in str(shown) for line in shown.lines)

        return test_as_in_plain_python_and_as_foretold
