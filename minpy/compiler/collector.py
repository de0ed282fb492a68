"""Python's garbage collector waits while a graph is made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """``with no_collection():`` puts off the collector of cycles.

    A compilation makes many objects and keeps them all. Their number lets the collector walk over everything
    that the program holds, MXNet's modules too, again and again: a third of the time of a long program.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
