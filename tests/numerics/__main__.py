"""Prints the tables of cases for docs/numerics.md; with ``--write`` it writes them there."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("MINPY_CACHE_DIR", "")

from tests.numerics.page import HEADING, PAGE, section

if "--write" in sys.argv[1:]:
    PAGE.write_text(PAGE.read_text("utf-8").partition(HEADING)[0] + section(), "utf-8")
else:
    print(section())
