"""Looking into a jitted function while it runs: print, breakpoint and pdb see real values, in order."""

from __future__ import annotations

import inspect
import io
import pdb
import sys

import numpy
import pytest

import minpy
import minpy.numpy as np

X = np.array(numpy.arange(6, dtype="float32").reshape(2, 3))


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


# print -----------------------------------------------------------------------------------------


def helper(x, k):
    print("helper", k, float(np.sum(x)))
    return x * k


def printing(x, n):
    print("start", x.shape, n)
    y = x * 2
    print(f"sum {float(np.sum(y)):.1f}")
    for i in range(n):
        y = helper(y, i + 1)
        if np.sum(y) > 50:
            print("large", y[0, 0])
        else:
            print("small", end=" ")
    print(y.tolist(), file=sys.stderr)
    return y


def test_prints_come_in_order_with_real_values(capsys):
    compiled = minpy.jit(printing)
    for args in ((X, 2), (X, 3), (X * 2, 2), (X.asnumpy(), 2)):
        printing(*args)
        expected = capsys.readouterr()
        assert "helper 1" in expected.out
        for _ in range(2):
            compiled(*args)
            assert capsys.readouterr() == expected


@pytest.mark.filterwarnings("ignore:float")  # which it prints
@pytest.mark.filterwarnings("ignore::minpy.errors.GradientWarning")
def test_prints_under_a_gradient(capsys):
    def total(x, n):
        return np.sum(printing(x, n))

    minpy.grad(total)(X, 2)
    expected = capsys.readouterr().out
    for _ in range(2):
        minpy.grad(minpy.jit(total))(X, 2)
        assert capsys.readouterr().out == expected


# breakpoint ------------------------------------------------------------------------------------


@pytest.fixture
def stops(monkeypatch):
    """What a debugger would see: the line and the variables at each breakpoint."""
    seen = []

    def hook(*args, **kwargs):
        frame = sys._getframe(1)
        variables = {
            name: x.tolist() if isinstance(x, (minpy.Array, numpy.ndarray)) else x
            for name, x in frame.f_locals.items()
        }
        seen.append((frame.f_code.co_name, frame.f_lineno, variables))

    monkeypatch.setattr(sys, "breakpointhook", hook)
    return seen


def stopping(x, n):
    y = x * 2
    unused = y + 1  # noqa: F841
    breakpoint()
    z = y - 1
    for _ in range(n):
        z = z * 0.5
        breakpoint()
    return z


def stopping_in_a_helper(x, n):
    y = x * 2
    return inner(y, n) + 1


def inner(x, n):
    doubled = x * n
    breakpoint()
    return doubled - 1


def stopping_on_data(x, n):
    y = x * n
    if np.sum(y) > 20:
        breakpoint()
    return y * 2


@pytest.mark.parametrize("function", [stopping, stopping_in_a_helper, stopping_on_data])
def test_breakpoints_see_all_variables(function, stops):
    compiled = minpy.jit(function)
    for n in (2, 1, 3):
        for x in (X, X.asnumpy(), X + 1):
            expected = function(x, n)
            plain = list(stops)
            stops.clear()
            for _ in range(2):
                result = compiled(x, n)
                assert stops == plain
                stops.clear()
                numpy.testing.assert_array_equal(numpy.asarray(result), numpy.asarray(expected))


def test_a_breakpoint_that_is_not_reached_costs_nothing(stops):
    @minpy.jit(strict=True)
    def f(x, debug=False):
        y = x * 2
        if debug:
            breakpoint()
        return y + 1

    f(X)
    assert not stops
    with pytest.raises(minpy.errors.NotCompiledError, match="breakpoint has to happen"):
        f(X, debug=True)
    assert not stops


def test_what_surrounds_a_helper_with_a_breakpoint_is_compiled(stops):
    compiled = minpy.jit(stopping_in_a_helper)
    compiled(X, 2)
    found = minpy.explain(compiled)
    lines = [line_of(stopping_in_a_helper, text) for text in ("y = x", "return inner")]
    assert [region.first_line for region in found.regions] == lines
    assert "breakpoint" in found.leftovers[0].reason


def test_explain_says_why_all_of_a_function_stays(stops):
    compiled = minpy.jit(stopping)
    compiled(X, 2)
    (leftover,) = minpy.explain(compiled).leftovers
    assert "breakpoint looks at all of its variables" in leftover.reason


def with_pdb(x, debugger):
    y = x * 2
    unused = y + 1  # noqa: F841
    debugger.set_trace()
    z = y - 1
    return z


def test_pdb(untraced):
    compiled = minpy.jit(with_pdb)
    for _ in range(2):
        output = io.StringIO()
        commands = io.StringIO("p float(unused[0, 1])\nnext\np float(z[0, 1])\nwhere\nc\n")
        result = compiled(X, pdb.Pdb(stdin=commands, stdout=output, nosigint=True))
        out = output.getvalue()
        numpy.testing.assert_array_equal(result.asnumpy(), X.asnumpy() * 2 - 1)
        assert f"({line_of(with_pdb, 'z = y')})with_pdb()" in out
        assert "(Pdb) 3.0" in out and "(Pdb) 1.0" in out
        assert f"({line_of(with_pdb, 'return z')})with_pdb()" in out


# Effects happen once ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.array, numpy.array], ids=["minpy", "numpy"])
def test_a_failing_graph_changes_arguments_once(kind):
    counts = {"calls": 0}

    def f(x, i):
        x += 1
        x[0] = x[0] * 2
        counts["calls"] += 1
        return x[i] * 2

    def g(x, i):
        x += 1
        x[0] = x[0] * 2
        return x[i] * 2

    for function in (f, g):
        compiled = minpy.jit(function)
        for indices in ([0, 1], [0, 5], [1, 1], [-4, 0]):
            a, b = kind([1.0, 2.0, 3.0]), kind([1.0, 2.0, 3.0])
            outcomes = []
            for call, x in ((function, a), (compiled, b)):
                before = counts["calls"]
                try:
                    outcomes.append(call(x, numpy.array(indices)).tolist())
                except IndexError as error:
                    outcomes.append(str(error).splitlines()[0])
                assert counts["calls"] - before == (function is f)
            assert outcomes[0] == outcomes[1]
            assert a.tolist() == b.tolist() == [4.0, 3.0, 4.0]
        gradient = minpy.grad(minpy.jit(lambda x, i, f=function: np.sum(f(x, i))))
        with pytest.raises(IndexError):
            gradient(kind([1.0, 2.0, 3.0]), numpy.array([0, 5]))
