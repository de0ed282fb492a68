"""The page docs/operators.md, and the counts that stand on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy
import scipy

from minpy.catalog.names import LEFT_OUT, why_left_out, why_without_rule
from minpy.catalog.rows import METHODS, MISSING, NO_RULE, NONE, Row, Section, namespace, other_names, sections

_HEADER = """# Operators

What MinPy does with every public name of NumPy {numpy} and of `scipy.special` {scipy}. Do not edit: the page
is generated from the op table. `python -m minpy.catalog > docs/operators.md` writes it anew, `--count` prints
the numbers.

- **Runs on**: the libraries that can run it. With MXNet it can be part of a compiled graph, for the dtypes
  that MXNet has. What the op table lacks runs NumPy's function on the same memory.
- **Gradient**: *yes*; *in part*, by some of the arguments; *no rule*: none that is of use, for a reason that
  stands [below](#without-a-gradient); asking for it is an error that names the function, or warns where the
  array becomes something else; *-*: there is no derivative, because the result is no number, jumps, or
  depends on no array. What holds at kinks: [Gradients](gradients.md).
- **Fusible**: works element by element, and on the CPU a kernel of the compiler computes it together with its
  neighbours in a compiled graph, also where MXNet lacks it.

"""
_WITHOUT = """
## Without a gradient

A function that has a gradient *in part* lacks it by parameters for which one of these reasons holds, such as
the order of a Bessel function or the shape of a gamma distribution.

"""
_NO_FUNCTIONS = """
`ndarray`, `ndenumerate`, `vectorize`, `broadcast`, `mgrid`, `ogrid`, `r_`, `c_`, `random.Generator` and
`random.RandomState` work with MinPy's arrays. Everything else is NumPy's own; the functions in the modules
other than `fft`, `linalg` and `random` give NumPy's arrays.

## Left out

"""


class Count(NamedTuple):
    """How many names of a namespace are public, and in MinPy's too; how many of the functions are ..."""

    public: int
    reachable: int
    have_a_derivative: int = 0
    differentiable: int = 0
    on_mxnet: int = 0


def versions() -> dict[str, str]:
    """The releases that the page is about."""
    return {module.__name__: ".".join(module.__version__.split(".")[:2]) for module in (numpy, scipy)}


def count() -> dict[str, Count]:
    """The numbers for each namespace, and for all of them."""
    counts = {section.title: _count(section.rows) for section in sections()}
    for kind in other_names():
        counts[kind.title] = Count(len(kind.names), len(kind.names) - len(kind.missing))
    counts["All"] = Count(*map(sum, zip(*counts.values())))
    return counts


def _count(rows: Sequence[Row]) -> Count:
    return Count(
        len(rows),
        sum(row.reachable for row in rows),
        sum(row.gradient != NONE for row in rows),
        sum(row.gradient not in (NONE, NO_RULE, MISSING) for row in rows),
        sum(row.mxnet for row in rows),
    )


def page() -> str:
    """The text of docs/operators.md."""
    parts = [_HEADER.format(**versions())]
    parts += _table(("", *map(_words, Count._fields)), [(title, *c) for title, c in count().items()])
    for section in sections():
        parts += [f"\n## {section.title}\n\n", *_section(section)]
    parts.append(_WITHOUT)
    parts += [f"- {why}: {_listed(names)}\n" for why, names in _without_rule().items()]
    parts.append("\n## Names that are no functions\n\n")
    parts += [f"- {kind.title}: {_listed(kind.names)}\n" for kind in other_names()]
    parts.append(_NO_FUNCTIONS)
    for why in LEFT_OUT:
        names = [name for name in sorted(numpy.__all__) if why_left_out(name) == why]
        parts += [f"- {why}: {_listed(names)}\n"] if names else []
    return "".join(parts)


def _without_rule() -> dict[str, list[str]]:
    """Names by the reason why no rule gives their gradient."""
    found: dict[str, list[str]] = {}
    for section in sections():
        space = namespace(section.title)
        for row in section.rows:
            why = why_without_rule(space, row.name) if row.gradient == NO_RULE else None
            names = found.setdefault(why, []) if why else []
            if f"{space}.{row.name}" not in names:  # generators have it too
                names.append(f"{space}.{row.name}")
    return found


def counts_text() -> str:
    """The numbers as a table for a terminal."""
    lines = [("", *map(_words, Count._fields)), *((title, *map(str, c)) for title, c in count().items())]
    return "".join(f"{line[0]:26}" + "".join(f"{cell:>19}" for cell in line[1:]) + "\n" for line in lines)


def _words(name: str) -> str:
    return name.capitalize().replace("_", " ").replace("mxnet", "MXNet")


def _section(section: Section) -> Iterable[str]:
    has_methods = any(row.methods for row in section.rows)
    titles = ("Name", "Runs on", "Gradient", "Fusible")
    more = tuple(f"`.{method}`" for method in METHODS) if has_methods else ()
    return _table(titles + more, [_cells(row) for row in section.rows])


def _cells(row: Row) -> tuple[str, ...]:
    library = "MXNet, NumPy" if row.mxnet else "NumPy"
    return f"`{row.name}`", library, row.gradient, "yes" if row.fusible else "-", *row.methods


def _table(titles: tuple[str, ...], rows: Iterable[tuple]) -> Iterable[str]:
    yield f"| {' | '.join(titles)} |\n| {' | '.join('---' for _ in titles)} |\n"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |\n"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
