"""How often each op ran, by library: the table that ``show_op_stat`` prints."""

from __future__ import annotations

import weakref
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Callable

import numpy

from minpy.runtime.objects import flush_counts
from minpy.runtime.routes import Meter

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


class _Graph:
    """A compiled graph; ``names`` gives its ops when they are asked for."""

    def __init__(self, meter: Meter, names: Callable[[], Iterable[str]]):
        self._meter, self._names = meter, names
        self._ops: Counter[str] | None = None

    def counts(self) -> Counter[str]:
        """How often each op ran."""
        calls = self._meter.calls
        if not calls:
            return Counter()
        if self._ops is None:
            self._ops = Counter(self._names())
        return Counter({name: calls * n for name, n in self._ops.items()})


class _Graphs:
    """What ran in compiled graphs. A call counts its graph only, and ops are counted when someone asks."""

    def __init__(self) -> None:
        self._graphs: dict[int, _Graph] = {}
        self._gone: Counter[str] = Counter()

    def add(self, owner: Any, meter: Meter, names: Callable[[], Iterable[str]]) -> None:
        self._graphs[id(owner)] = _Graph(meter, names)
        weakref.finalize(owner, self._forget, id(owner)).atexit = False

    def _forget(self, number: int) -> None:
        self._gone += self._graphs.pop(number).counts()

    def counts(self) -> Counter[str]:
        """How often each op ran since the process began."""
        return sum((graph.counts() for graph in list(self._graphs.values())), self._gone.copy())


_graphs = _Graphs()
#: (owner, meter, names): count the ops ``names()`` for each call that the meter has of the graph ``owner``.
count_graph = _graphs.add


class OpStatistics:
    """Counters; ``mxnet[name] += 1`` counts one run of an op.

    Threads may count at the same time. Nothing breaks then, but now and again one count is lost.

    Args:
        has_graphs: whether it tells of compiled graphs, all that ran since it was made or reset.
    """

    __slots__ = ("_before", "mxnet", "numpy")

    def __init__(self, has_graphs: bool = False) -> None:
        self.mxnet: defaultdict[str, int] = defaultdict(int)
        self.numpy: defaultdict[str, int] = defaultdict(int)
        self._before = _graphs.counts() if has_graphs else None

    def reset(self) -> None:
        """Start at zero again."""
        flush_counts()
        self.mxnet.clear()
        self.numpy.clear()
        self._before = _graphs.counts() if self._before is not None else None

    def counts(self) -> dict[str, dict[str, int]]:
        """``{'mxnet': {name: count}, 'numpy': {name: count}}``, the most frequent ops first.

        Where something ran compiled, the ops in those graphs stand under 'compiled'.
        """
        flush_counts()
        counts = {"mxnet": _shown(self.mxnet), "numpy": _shown(self.numpy)}
        compiled = _graphs.counts() - self._before if self._before is not None else None
        return {"compiled": _shown(compiled), **counts} if compiled else counts

    def table(self) -> str:
        """The counts as a table, and which part of all runs each library had."""
        counts = self.counts()
        lines = []
        for library, of_library in counts.items():
            lines.append(f"{library.upper()} op called times:")
            lines.extend(f" {name} : {count}" for name, count in of_library.items())
        runs = {library: sum(of_library.values()) for library, of_library in counts.items()}
        total = sum(runs.values())
        parts = {library: round(100 * n / total, 1) if total else 0.0 for library, n in runs.items()}
        parts["numpy"] = 100 - sum(parts.values()) + parts["numpy"] if total else 0.0
        compiled = f"{parts['compiled']:.1f}% compiled, " if "compiled" in parts else ""
        shares = f"{compiled}{parts['mxnet']:.1f}% in MXNet, {parts['numpy']:.1f}% in NumPy"
        lines.append(f"Total Dispatch Proportion: {shares}")
        return "\n".join(lines)


def _shown(counter: Mapping[str, int]) -> dict[str, int]:
    merged: dict[str, int] = {}
    for name, count in dict(counter).items():  # a copy, since other threads may count on
        shown = SHOWN_AS.get(name, name)
        merged[shown] = merged.get(shown, 0) + count
    return dict(sorted(merged.items(), key=lambda item: (-item[1], item[0])))
