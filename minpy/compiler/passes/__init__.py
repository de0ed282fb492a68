"""The passes: each is a function that takes a graph and gives one that computes the same.

``MINPY_PASSES=-algebra,-raising`` leaves passes out, to find the one that is to blame.
"""

from __future__ import annotations

import os


def is_on(name: str) -> bool:
    """Whether a pass is to run."""
    return f"-{name}" not in os.environ.get("MINPY_PASSES", "").replace(" ", "").split(",")
