"""The place for something that looks at every op: a debugging aid sets ``current``, else it is None."""

from __future__ import annotations

from typing import Any

#: has ``after(op, operands, results)``, ``place()`` and ``walk(records, cotangents)``; see ``nans.Watch``
current: Any = None
