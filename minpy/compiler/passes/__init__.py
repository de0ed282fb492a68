"""The passes: each is a function that takes a graph and gives one that computes the same.

``MINPY_PASSES=-algebra,-raising`` leaves passes out, to find the one that is to blame.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from minpy.errors import SettingError
from minpy.runtime import kernels
from minpy.runtime.context import Context


def is_on(name: str) -> bool:
    """Whether a pass is to run."""
    return f"-{name}" not in _left_out()


def makes_kernels(context: Context) -> bool:
    """Whether a graph on a device gets kernels: on the CPU, where there are any and ``fuse`` is to run."""
    return context.device_type == "cpu" and is_on("fuse") and not kernels.state()


def _left_out() -> list[str]:
    return os.environ.get("MINPY_PASSES", "").replace(" ", "").split(",")


def check_settings(names: Collection[str]) -> None:
    """Raise SettingError where an environment variable names a pass that is not among ``names``."""
    for text in filter(None, _left_out()):
        if text[0] != "-" or text[1:] not in names:
            raise SettingError(
                f"MINPY_PASSES={os.environ['MINPY_PASSES']}: {text!r} leaves no pass out. Write a minus and "
                f"the name of one, with commas between several. The passes are {', '.join(names)}."
            )
    dumped = os.environ.get("MINPY_DUMP") or "all"
    if dumped != "all" and dumped not in names:
        raise SettingError(f"MINPY_DUMP={dumped}: it is 'all' or one of the passes {', '.join(names)}.")
