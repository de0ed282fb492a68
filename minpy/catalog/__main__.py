"""``python -m minpy.catalog``: the page, or with ``--count`` the numbers."""

from __future__ import annotations

import sys

from minpy.catalog.page import counts_text, page

print(counts_text() if "--count" in sys.argv[1:] else page(), end="")
