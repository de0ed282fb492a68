"""How often each op ran, by library: the table that ``show_op_stat`` prints."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy

from minpy.runtime.objects import flush_counts

#: Ops that are shown under the name that users write: one name for the division, one for every
#: product of matrices.
SHOWN_AS = {
    "true_divide": "divide",
    "matmul": "dot",
    "gemm": "dot",
    "add_gemm": "dot",
    "narrow_gradient": "dot",
}

_QUERIES = (
    *("shape", "ndim", "size", "result_type", "common_type", "min_scalar_type", "broadcast_shapes"),
    *("can_cast", "iscomplexobj", "isrealobj", "isscalar", "iterable", "may_share_memory", "shares_memory"),
)
_WRITERS = ("array2string", "array_repr", "array_str", "save", "savetxt", "savez", "savez_compressed")
_GENERATORS = ("default_rng", "get_state", "seed", "set_state")
#: Functions of NumPy that compute nothing. They are not counted, and no policy forbids them.
NO_OPS = frozenset((*_QUERIES, *_WRITERS, *_GENERATORS))


def name_of(function: Any) -> str:
    """The name under which a function of NumPy is counted, such as ``add.reduce``."""
    name = getattr(function, "__name__", str(function))
    owner = getattr(function, "__self__", None)
    return f"{owner.__name__}.{name}" if isinstance(owner, numpy.ufunc) else name


class OpStatistics:
    """Counters; ``mxnet[name] += 1`` counts one run of an op.

    Threads may count at the same time. Nothing breaks then, but now and again one count is lost.
    """

    __slots__ = ("mxnet", "numpy")

    def __init__(self) -> None:
        self.mxnet: defaultdict[str, int] = defaultdict(int)
        self.numpy: defaultdict[str, int] = defaultdict(int)

    def reset(self) -> None:
        """Start at zero again."""
        flush_counts()
        self.mxnet.clear()
        self.numpy.clear()

    def counts(self) -> dict[str, dict[str, int]]:
        """``{'mxnet': {name: count}, 'numpy': {name: count}}``, the most frequent ops first."""
        flush_counts()
        return {"mxnet": _shown(self.mxnet), "numpy": _shown(self.numpy)}

    def table(self) -> str:
        """The counts as a table, and which part of all runs each library had."""
        counts = self.counts()
        lines = []
        for library, of_library in counts.items():
            lines.append(f"{library.upper()} op called times:")
            lines.extend(f" {name} : {count}" for name, count in of_library.items())
        by_mxnet, by_numpy = (sum(of_library.values()) for of_library in counts.values())
        total = by_mxnet + by_numpy
        part = round(100 * by_mxnet / total, 1) if total else 0.0
        rest = 100 - part if total else 0.0
        lines.append(f"Total Dispatch Proportion: {part:.1f}% in MXNet, {rest:.1f}% in NumPy")
        return "\n".join(lines)


def _shown(counter: dict[str, int]) -> dict[str, int]:
    merged: dict[str, int] = {}
    for name, count in counter.copy().items():  # a copy, since other threads may count on
        shown = SHOWN_AS.get(name, name)
        merged[shown] = merged.get(shown, 0) + count
    return dict(sorted(merged.items(), key=lambda item: (-item[1], item[0])))
