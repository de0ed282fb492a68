"""The place for a profile: while one is open it is ``current``, else that is None."""

from __future__ import annotations

from typing import Any

#: has ``add``, ``nested``, ``run_python`` and ``look_inside``; see ``minpy/profiling/recorder.py``
current: Any = None
