"""What MinPy covers of NumPy, for people: the page docs/operators.md and a count of names.

``python -m minpy.catalog > docs/operators.md`` writes the page, ``--count`` prints the numbers.
"""

from __future__ import annotations

from minpy.catalog.page import Count, count, page, versions
from minpy.catalog.rows import Names, Row, Section, other_names, sections

__all__ = ["Count", "Names", "Row", "Section", "count", "other_names", "page", "sections", "versions"]
