"""Write ``docs/benchmarks.md`` and its picture from what was measured."""

from __future__ import annotations

import datetime
from pathlib import Path
from statistics import median

import numpy

from benchmarks import readme
from benchmarks.fresh import COMPILERS, TURNS, Fresh
from benchmarks.fresh import ratio as first_ratio
from benchmarks.measure import Line

DOCS = Path(__file__).resolve().parent.parent / "docs"
PICTURE = "images/benchmarks.png"

NOTHING = "-"
MXNET = ("mx.sym", "gluon")

PAGE = """# Benchmarks

MinPy beside what one would use instead. Written on {date} by `make bench`; the programs are in
`benchmarks/cases/`.

- **Machine**: {machine}.
- **Peers**: *minpy compiled* is `minpy.jit` of plain NumPy code, *minpy eager* the same without `jit`. *numpy
  by hand* has a gradient that a person derived. JAX, autograd and MinPy run the same NumPy program; *jax
  scan* has its loops as `jax.lax.scan`. *mx.sym* and *gluon* are what a person who knows MXNet writes: its
  fastest operators, in an executor and in a block hybridized with static memory. PyTorch uses its own
  operators, also for whole sequences.
- **Fair play**: the same mathematics, dtype and number of threads. Each peer has a process of its own; the
  peers take turns, and the numbers are medians of wall time over the turns. The first results of a peer are
  compared in full with the others' before it is timed. A *full step* is the gradient and the update of all
  parameters.
- `python -m benchmarks mlp lstm` measures some of the cases; `--help` says more.
- [Where the time goes](performance.md), and what was tried, where MinPy is not ahead.

## Time of a call

Milliseconds, the best peer in bold. In front MinPy's time, compiled, in relation to the best peer and to the
better of both forms of MXNet; below 1 MinPy is faster. Where nothing stands, the peer lacks what the case
needs, or the notes say why.

{times}

![MinPy's time beside that of the peers]({picture})

## First call

Milliseconds of the first call, compilation included, in a process that has measured other cases before.

{first}

Of those that compile, in fresh processes, which take turns: the median of up to {turns}, and the least.

{compilers}

## Alone: first call and memory

In a fresh process for each column: milliseconds of the first call after the import, and the peak of resident
memory over several calls, in MB beyond what the process has after the import.

{fresh}

## Kernels by themselves

What a kernel reads and writes on arrays of 128 MB, in one run and on as many threads as `memcpy`, and the
processor time in which one is written and compiled.

{kernels}

## Notes

{notes}

## The cases

{cases}
"""


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _digits(number: float) -> str:
    """Three digits, without an exponent."""
    if not number:
        return NOTHING
    return numpy.format_float_positional(
        number, precision=max(0, 2 - int(numpy.log10(number) // 1)), trim="-"
    )


def _milliseconds(seconds: float) -> str:
    return _digits(seconds * 1e3)


def _times(lines: list[Line], peers: list[str]) -> str:
    rows = []
    for line in lines:
        best = line.best()
        cells = []
        for peer in peers:
            result = line.results.get(peer)
            text = _milliseconds(result.seconds) if result else NOTHING
            cells.append(f"**{text}**" if peer == best else text)
        ratios = [line.ratio(), line.ratio(MXNET)]
        rows.append([line.name, *(f"{ratio:.2f}" if ratio else NOTHING for ratio in ratios), *cells])
    return _table(["", "to the best", "to MXNet", *peers], rows)


def _firsts(lines: list[Line], peers: list[str]) -> str:
    rows = []
    for line in lines:
        results = [line.results.get(peer) for peer in peers]
        rows.append([line.name, *(_milliseconds(r.first) if r else NOTHING for r in results)])
    return _table(["", *peers], rows)


def _compilers(found: dict[str, dict[str, list[float]]]) -> str:
    rows = []
    for name, by_peer in found.items():
        of = first_ratio(by_peer)
        times = [by_peer.get(peer) for peer in COMPILERS]
        cells = [f"{_milliseconds(median(x))} ({_milliseconds(min(x))})" if x else NOTHING for x in times]
        rows.append([name, f"{of:.2f}" if of else NOTHING, *cells])
    return _table(["", "MinPy to JAX", *COMPILERS], rows)


def _fresh(found: dict[str, dict[str, Fresh]], peers: list[str]) -> str:
    rows = []
    for name, by_peer in found.items():
        results = [by_peer.get(peer) for peer in peers]
        rows.append([f"{name}, first call, ms", *(_milliseconds(r.first) if r else NOTHING for r in results)])
        rows.append([f"{name}, memory, MB", *(_digits(r.memory) if r else NOTHING for r in results)])
    return _table(["", *peers], rows)


def _notes(lines: list[Line], missing: dict[str, str]) -> str:
    notes = [f"- *{peer}* is left out: {reason}." for peer, reason in missing.items()]
    names: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        for peer, result in line.results.items():
            if result.note:
                names.setdefault((peer, result.note), []).append(line.name)
    notes += [f"- *{peer}* {note}: {', '.join(works)}." for (peer, note), works in names.items()]
    return "\n".join(notes) or "None."


def plot(lines: list[Line], peers: list[str], path: Path) -> None:
    """How much longer than MinPy each peer takes, a row for each work."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [line for line in lines if line.ratio() is not None]
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 0.3 * len(shown)))
    others = [peer for peer in peers if not peer.startswith("minpy")]
    for peer, marker in zip(others, "os^vDPX*<>"):
        points = [
            (line.results[peer].seconds / line.results["minpy compiled"].seconds, row)
            for row, line in enumerate(shown)
            if peer in line.results and line.results[peer].seconds
        ]
        if points:
            axes.plot(*zip(*points), marker, label=peer, alpha=0.8)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yticks(range(len(shown)), [line.name for line in shown])
    axes.set_xlabel("time of the peer / time of MinPy compiled: right of the line MinPy is faster")
    axes.grid(axis="x", which="both", alpha=0.2)
    axes.invert_yaxis()
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    pyplot.close(figure)


def write(
    lines: list[Line],
    fresh: dict[str, dict[str, Fresh]],
    first_calls: dict[str, dict[str, list[float]]],
    kernels: str,
    peers: list[str],
    missing: dict[str, str],
    machine: str,
) -> None:
    """The page, the picture, and the table of the README."""
    (DOCS / PICTURE).parent.mkdir(exist_ok=True)
    plot(lines, peers, DOCS / PICTURE)
    text = PAGE.format(
        date=datetime.date.today().isoformat(),
        machine=machine,
        picture=PICTURE,
        times=_times(lines, peers),
        first=_firsts(lines, peers),
        turns=TURNS,
        compilers=_compilers(first_calls),
        fresh=_fresh(fresh, peers),
        kernels=kernels,
        notes=_notes(lines, missing),
        cases="\n".join(f"- **{line.name}**: {line.work.title}." for line in lines),
    )
    (DOCS / "benchmarks.md").write_text(text, encoding="utf-8")
    readme.write()
