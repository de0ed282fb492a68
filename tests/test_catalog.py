"""docs/operators.md says what the op table holds."""

from __future__ import annotations

from pathlib import Path

from minpy import catalog

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operators.md"


def test_page_is_up_to_date():
    assert PAGE.read_text() == catalog.page(), "run: python -m minpy.catalog > docs/operators.md"


def test_every_public_function_of_numpy_is_reachable():
    found = catalog.count()
    assert found["public"] > 300
    assert found["reachable"] == found["public"]


def test_rows_of_known_functions():
    rows = {row.name: row for row in catalog.rows()}
    assert rows["tanh"] == ("tanh", True, True)
    assert rows["floor_divide"] == ("floor_divide", False, False)
    assert rows["argmax"] == ("argmax", True, False)
    assert rows["zeros"] == ("zeros", True, False)
    assert rows["var"] == ("var", True, True)
