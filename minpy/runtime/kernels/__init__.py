"""Fused kernels for the CPU: programs, their machine code, and what runs them."""

from __future__ import annotations

import functools
import os
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minpy.runtime.kernels.llvm import Making

#: The operator of MXNet that runs a program, whose address is its attribute ``program``.
OPERATOR = "_minpy_program"


@functools.cache
def state() -> str:
    """Why there are no fused kernels, in words; empty where there are."""
    if os.environ.get("MINPY_FUSION") == "0":
        return "MINPY_FUSION=0 is set"
    from minpy.runtime.kernels import llvm

    if llvm.missing is not None:
        return llvm.missing
    from minpy.runtime.kernels import library

    return library.missing() or ""


def code_made_ahead() -> AbstractContextManager[Making]:
    """A block in which texts are written, and compiled meanwhile; where there are kernels."""
    from minpy.runtime.kernels import llvm

    return llvm.making(ahead=True)


# What every kernel needs is loaded with all else, not within the first call.
if os.environ.get("MINPY_FUSION") != "0" and not state():
    from minpy.runtime.kernels import llvm as _llvm

    _llvm.warm_up()
