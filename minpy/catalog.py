"""What the op table covers, for people: the page docs/operators.md and a count of NumPy's names.

``python -m minpy.catalog > docs/operators.md`` writes the page, ``--count`` prints the numbers.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy

import minpy.numpy as np
from minpy.ops import FUNCTIONS
from minpy.ops.op import add_scipy

_HEADER = """# Operators

Generated from the op table: do not edit. `python -m minpy.catalog > docs/operators.md` writes it anew.

Every public name of NumPy is in `minpy.numpy`. The functions below are in MinPy's own table; any other
function runs NumPy's on the same memory and has no gradient.

- **MXNet**: has a rule for MXNet, so it can be part of a compiled graph (for the dtypes MXNet has).
- **Gradient**: *yes*; *zero* where the derivative is zero or the result does not depend on array data.
- **Fused**: can be part of a fused kernel.

| Function | MXNet | NumPy | Gradient | Fused |
| --- | --- | --- | --- | --- |
"""


class Row(NamedTuple):
    """One public function of the table."""

    name: str
    mxnet: bool
    gradient: bool


def rows() -> list[Row]:
    """The public functions of the table, by name."""
    add_scipy()
    return [Row(name, f.on_mxnet, f.is_differentiable) for name, f in sorted(FUNCTIONS.items())]


def page() -> str:
    """The text of docs/operators.md."""
    lines = []
    for row in rows():
        mxnet, gradient = "yes" if row.mxnet else "-", "yes" if row.gradient else "zero"
        lines.append(f"| `{row.name}` | {mxnet} | yes | {gradient} | - |\n")
    return _HEADER + "".join(lines)


def public_numpy_names() -> list[str]:
    """The public functions and ufuncs of NumPy's main namespace."""
    return [
        name
        for name in sorted(numpy.__all__)
        if callable(getattr(numpy, name)) and not isinstance(getattr(numpy, name), type)
    ]


def count() -> dict[str, int]:
    """How many of NumPy's public functions are reachable, in the table, differentiable, on MXNet."""
    names = public_numpy_names()
    table = {row.name: row for row in rows()}
    return {
        "public": len(names),
        "reachable": sum(hasattr(np, name) for name in names),
        "in the table": sum(name in table for name in names),
        "differentiable": sum(name in table and table[name].gradient for name in names),
        "on MXNet": sum(name in table and table[name].mxnet for name in names),
    }


if __name__ == "__main__":
    if "--count" in sys.argv[1:]:
        print("\n".join(f"{what:16}{number}" for what, number in count().items()))
    else:
        print(page(), end="")
