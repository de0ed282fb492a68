"""Functions compiled without one of the passes, or without any, beside plain ones, run by either library."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import minpy
from minpy.compiler.driver import PASSES
from tests.fuzz.functions import check_jit
from tests.fuzz.program import Program

#: what ``MINPY_PASSES`` may be
SETTINGS = (*[f"-{name}" for name in PASSES], ",".join(f"-{name}" for name in PASSES))


@contextmanager
def without(passes: str) -> Iterator[None]:
    """Compile without these passes, and look at the graph after each of the others."""
    with mock.patch.dict(os.environ, MINPY_PASSES=passes, MINPY_CHECK="1"):
        yield


def check_under_settings(program: Program) -> None:
    """``check_jit`` under one of the settings, which stays the same where statements are left out."""
    chosen = zlib.crc32("\n".join(program.inputs).encode())
    passes = SETTINGS[chosen % len(SETTINGS)]
    policy = minpy.OnlyNumPyPolicy() if chosen % 2 else minpy.PreferMXNetPolicy()
    with without(passes):
        try:
            check_jit(program, policy=policy)
        except AssertionError as error:
            raise AssertionError(f"MINPY_PASSES={passes}, plain under {policy}: {error}") from error
