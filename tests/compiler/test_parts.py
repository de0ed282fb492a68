"""One expression of a statement stays with Python; explain shows it, and what is around it is compiled."""

from __future__ import annotations

import inspect

import numpy
import pytest

import minpy
import minpy.numpy as np

X = np.array(numpy.arange(9, dtype="float32").reshape(3, 3) / 9)


@minpy.eager
def unknown(x):
    return x + 1


class Holder:
    values = property(unknown)


def sum_of_two(x):
    y = np.tanh(x) @ x + unknown(x) * 2  # ^unknown(x)^
    return y


def argument_of_a_call(x):
    return np.sum(np.exp(unknown(x @ x)) * x)  # ^unknown(x @ x)^


def mask(x):
    y = np.exp(x)[np.tanh(x) > 0.5] + 1  # ^np.exp(x)[np.tanh(x) > 0.5]^
    return y * 2


def method(x):
    return np.tanh(x) * len(np.exp(x).tobytes())  # ^np.exp(x).tobytes()^


def iterable(x):
    return [np.exp(row) * row for row in unknown(x)]  # ^unknown(x)^


def text(x):
    t = f"{np.sum(np.exp(x)):.1f}"  # ^f"{np.sum(np.exp(x)):.1f}"^
    return x * 2, t


def assignment(x):
    y = np.zeros(3)
    y[int(np.max(unknown(x)))] = np.sum(np.tanh(x) * x)  # ^int(np.max(unknown(x)))^
    return y


def attribute(x):
    h = Holder
    y = np.tanh(x) * 2 + np.exp(x) @ unknown(h.__name__ and x) - 1  # ^unknown(h.__name__ and x)^
    return y


ONE_EXPRESSION = [sum_of_two, argument_of_a_call, method, iterable, attribute, text, mask]


def marked(function):
    """(line, text of the expression) that the comment of a line names."""
    lines, first = inspect.getsourcelines(function)
    return next((first + i, line.split("^")[1]) for i, line in enumerate(lines) if "^" in line)


@pytest.mark.parametrize("function", ONE_EXPRESSION)
@pytest.mark.parametrize("runs", [True, False], ids=["after calls", "before any call"])
def test_explain_shows_the_expression(function, runs):
    compiled = minpy.jit(function)
    for _ in range(3 if runs else 0):
        compiled(X)
    found = minpy.explain(compiled) if runs else minpy.explain(compiled, X)
    left = [item for item in found.leftovers if not item.is_unforeseen]
    number, text = marked(function)
    line = next(line for line in found.lines if line.number == number)
    assert [(item.line, line.text[slice(*item.columns)]) for item in left] == [(number, text)]
    assert line.kind == "leftover" and (line.regions or not runs)
    shown = str(found).splitlines()
    at = next(i for i, row in enumerate(shown) if row.startswith(f"{number:5} "))
    carets = shown[at + 1]
    if text != line.text.strip():
        assert carets.strip(" |") == "^" * len(text)
        assert shown[at][carets.index("^") :].startswith(text)


def test_everything_but_the_expression_is_compiled(monkeypatch):
    monkeypatch.setenv("MINPY_PASSES", "-fuse")
    compiled = minpy.jit(sum_of_two)
    compiled(X)
    operators = [
        version.operators for region in minpy.explain(compiled).regions for version in region.versions
    ]
    names = {name for found in operators for name in found}
    assert {"_npi_tanh", "dot", "_npi_multiply_scalar", "_npi_add"} <= names
    assert "unknown(x)" in minpy.explain(compiled).source and "tanh" not in minpy.explain(compiled).source


def test_recompilations_use_the_same_parts():
    compiled = minpy.jit(sum_of_two)
    for _ in range(2):
        for size in (2, 3, 4):
            x = np.ones((size, size))
            numpy.testing.assert_allclose(compiled(x).asnumpy(), sum_of_two(x).asnumpy(), rtol=1e-6)
    names = {
        v.name for r in minpy.explain(compiled).regions for version in r.versions for v in version.outputs
    }
    assert names == {"part_1", "result"} or names == {"part_1", "y"}, names


def test_the_users_variables_keep_their_names():
    def f(x, part_1):
        part_2 = np.tanh(x) + unknown(x) * part_1
        return part_2 * part_1

    compiled = minpy.jit(f)
    numpy.testing.assert_allclose(compiled(X, X * 2).asnumpy(), f(X, X * 2).asnumpy(), rtol=1e-6)


def test_integers_of_a_region_are_not_under_a_gradient():
    def loss(x):
        y = np.exp(x)
        places = np.nonzero(numpy.asarray(np.argsort(y, axis=1) * 2 > 1))
        return np.sum(y[places])

    x = X.asnumpy().astype("float64")
    gradient = minpy.grad(minpy.jit(loss))(np.array(x))  # warnings are errors
    expected = numpy.where(numpy.argsort(x, axis=1) * 2 > 1, numpy.exp(x), 0)
    numpy.testing.assert_allclose(gradient.asnumpy(), expected, rtol=1e-6)


def test_the_page_names_the_expression():
    compiled = minpy.jit(sum_of_two)
    compiled(X)
    page = minpy.explain(compiled)._repr_html_()
    assert "<code>unknown(x)</code> is <b>left to Python:</b> unknown is under minpy.eager" in page
