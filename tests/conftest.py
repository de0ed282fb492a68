"""What every test starts from: the same random numbers, and no setting left over from another test."""

from __future__ import annotations

import os
import random
import sys

import numpy
import pytest

os.environ.setdefault("MINPY_CACHE_DIR", "")  # what one test compiles is none of the others'

import minpy  # it reads that

if sys.version_info < (3, 10):  # llvmlite has no release for it that kernels could be made with
    collect_ignore = ["runtime/kernels", "compiler/codegen"]


@pytest.fixture(autouse=True)
def same_start():
    """Seed the generators; put back the settings of the process afterwards."""
    random.seed(0)
    numpy.random.seed(0)
    policy, dtype, context = minpy.get_global_policy(), minpy.default_dtype(), minpy.current_context()
    yield
    minpy.set_context(context)
    minpy.set_global_policy(policy)
    minpy.set_default_dtype(dtype)


@pytest.fixture
def untraced():
    """For what traces lines itself: until the test ends nothing else does, such as coverage."""
    trace = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(trace)
