"""What a peer makes of a piece of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy


@dataclass
class Task:
    """``step()`` does the work once, to its end; ``read`` makes a list of NumPy's arrays of what it returned.

    The list: the value or values, then the gradients, or the new parameters.
    """

    step: Callable[[], Any]
    read: Callable[[Any], list[numpy.ndarray]]
