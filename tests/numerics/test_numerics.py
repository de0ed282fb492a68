"""docs/numerics.md says how large errors are: the code keeps to it."""

from __future__ import annotations

import re

import pytest

from tests.numerics.cases import CASES, PASSED_ON, REWRITTEN
from tests.numerics.page import HEADING, PAGE, differences, errors, rewrites

#: name -> the bounds in its row
ROWS = {
    name.strip(): [
        {"none": 0.0, "all": float("inf")}.get(x.strip()) or float(x.replace("none", "0")) for x in cells
    ]
    for name, *cells in (
        line.strip("| ").split("|") for line in PAGE.read_text("utf-8").partition(HEADING)[2].splitlines()
    )
    if re.search(r", float(32|64) *$", name)
}
LARGE = "a million", "recurrent network", "product and a bias"  # left to the command


def test_every_case_has_its_row():
    names = {f"{case.name}, {dtype}" for case in CASES for dtype in case.dtypes}
    names |= {f"`{name}`: {case.name}, {dtype}" for name, case in REWRITTEN.items() for dtype in case.dtypes}
    assert ROWS.keys() == names


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_errors_are_not_larger_than_the_page_says(case):
    if not any(part in case.name for part in LARGE):
        for dtype in case.dtypes:
            pairs = zip(errors(case, dtype)[1:], ROWS[f"{case.name}, {dtype}"][1:])
            assert all(found <= limit for found, limit in pairs)


@pytest.mark.parametrize("name", REWRITTEN)
def test_errors_of_rewritten_programs_are_not_larger_than_the_page_says(name):
    case = REWRITTEN[name]
    assert rewrites(name)
    if not any(part in case.name for part in LARGE):
        for dtype in case.dtypes:
            pairs = zip(errors(case, dtype, name)[1:], ROWS[f"`{name}`: {case.name}, {dtype}"][1:])
            assert all(found <= limit for found, limit in pairs)


@pytest.mark.parametrize("kind", PASSED_ON)
def test_special_numbers_are_passed_on_as_by_numpy(kind):
    count, wrong, _ = differences(kind)
    assert count > 4000 and wrong == []
