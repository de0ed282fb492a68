"""docs/operators.md says what the op table holds, and everything public of NumPy is there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy
import pytest
import scipy.special

import minpy
import minpy.numpy as np
from minpy import catalog
from minpy.catalog.names import DISCRETE, WITHOUT_RULE, why_left_out
from minpy.catalog.page import counts_text
from minpy.catalog.rows import namespace
from minpy.errors import GradientError
from minpy.scipy import special

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operators.md"
SECTIONS = {section.title: {row.name: row for row in section.rows} for section in catalog.sections()}


def gradients(text):
    """(section, name) -> the column Gradient, of all rows on a page."""
    found, section = {}, ""
    for line in text.splitlines():
        section = line[3:] if line.startswith("## ") else section
        row = re.match(r"\| `(\w+)` \| [^|]* \| ([^|]*) \|", line)
        if row:
            found[section, row[1]] = row[2]
    return found


def test_page_is_up_to_date():
    """To the letter for the releases that it was made with; for others in what it says of gradients."""
    text, new = PAGE.read_text(), catalog.page()
    if "NumPy {numpy} and of `scipy.special` {scipy}.".format(**catalog.versions()) in text:
        assert text == new, "run: python -m minpy.catalog > docs/operators.md"
    old, now = gradients(text), gradients(new)
    common = old.keys() & now.keys()
    assert len(common) > 700
    assert {key: old[key] for key in common} == {key: now[key] for key in common}


def test_every_public_name_is_reachable():
    found = catalog.count()
    assert found["All"].public > 900
    assert found["All"].reachable == found["All"].public
    assert sum(found[title].public for title in found if title != "All") == found["All"].public


def test_the_catalog_holds_everything():
    listed = {*SECTIONS["Ufuncs"], *SECTIONS["Functions"]}
    listed.update(name for kind in catalog.other_names() for name in kind.names)
    public = {name for name in numpy.__all__ if not name.startswith("_")}
    assert public - listed == {name for name in public if why_left_out(name)}
    for title, space in (
        ("numpy.linalg", numpy.linalg),
        ("numpy.fft", numpy.fft),
        ("numpy.random", numpy.random),
    ):
        functions = {name for name in space.__all__ if not isinstance(getattr(space, name), type)}
        assert set(SECTIONS[title]) == functions
    assert set(SECTIONS["numpy.ndarray"]) == {name for name in dir(numpy.ndarray) if not name.startswith("_")}
    ufuncs = {name for name in dir(scipy.special) if isinstance(getattr(scipy.special, name), numpy.ufunc)}
    assert {name for name in ufuncs if name in scipy.special.__all__} <= set(SECTIONS["scipy.special"])


@pytest.mark.parametrize(
    "section, name, mxnet, gradient, fusible",
    [
        ("Ufuncs", "tanh", True, "yes", True),
        ("Ufuncs", "floor_divide", False, "-", True),
        ("Ufuncs", "gcd", False, "-", False),
        ("Functions", "argmax", True, "-", False),
        ("Functions", "zeros", True, "-", False),
        ("Functions", "var", True, "yes", False),
        ("Functions", "where", True, "yes", True),
        ("Functions", "put", False, "yes", False),
        ("Functions", "setdiff1d", False, "yes", False),
        ("Functions", "row_stack", True, "yes", False),
        ("numpy.linalg", "matrix_rank", False, "-", False),
        ("numpy.random", "normal", False, "yes", False),
        ("numpy.random", "shuffle", False, "yes", False),
        ("numpy.random", "gamma", False, "in part", False),
        ("numpy.random", "beta", False, "no rule", False),
        ("numpy.random.Generator", "integers", False, "-", False),
        ("numpy.ndarray", "T", True, "yes", False),
        ("numpy.ndarray", "sort", False, "yes", False),
        ("numpy.ndarray", "tobytes", False, "-", False),
        ("scipy.special", "erf", True, "yes", True),
        ("scipy.special", "gammainc", False, "in part", False),
        ("scipy.special", "roots_legendre", False, "-", False),
    ],
)
def test_known_rows(section, name, mxnet, gradient, fusible):
    assert SECTIONS[section][name][:5] == (name, mxnet, gradient, fusible, True)


def test_methods_of_ufuncs():
    assert SECTIONS["Ufuncs"]["add"].methods == ("yes",) * 5
    assert SECTIONS["Ufuncs"]["tanh"].methods == ("", "", "", "", "yes")
    assert SECTIONS["Ufuncs"]["gcd"].methods == ("-",) * 5
    assert SECTIONS["Ufuncs"]["matmul"].methods == ("",) * 5


def test_what_is_missing_is_an_error_and_what_is_not_there_a_zero():
    x = numpy.array([0.5, 2.5, -1.0])
    with pytest.raises(GradientError, match="zetac"):
        minpy.grad(lambda x: np.sum(special.zetac(x)))(x)
    for function in (np.digitize, np.searchsorted):
        found = minpy.grad(lambda x, f=function: np.sum(x * f(x, np.array([0.0, 1.0]))[:1]))(x)
        assert found.shape == x.shape


def test_what_has_no_derivative_has_no_rule():
    """The lists of names beside the table do not contradict it."""
    for title, rows in SECTIONS.items():
        space = namespace(title)
        without = " ".join(names.get(space, "") for names in WITHOUT_RULE.values()).split()
        for row in rows.values():
            if row.name in DISCRETE.get(space, "").split():
                assert row.gradient == "-", (title, row.name)
            assert (row.gradient == "no rule") == (row.name in without), (title, row.name)
            assert row.gradient != "missing", (
                f"{title}.{row.name}: write a rule, or in names.py why there is none"
            )


def test_counts_are_printed():
    lines = counts_text().splitlines()
    assert " ".join(lines[0].split()) == "Public Reachable Have a derivative Differentiable On MXNet"
    assert [int(n) for n in lines[-1].split()[1:]] == list(catalog.count()["All"])
