"""The short table of the README, made from the page of benchmarks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- benchmarks: written by `make bench` -->\n", "<!-- end of benchmarks -->\n"

#: a column of the table, and those of the page of which the fastest counts
COLUMNS = {
    "MinPy eager": ("minpy eager",),
    "NumPy by hand": ("numpy by hand",),
    "autograd": ("autograd",),
    "JAX": ("jax jit", "jax scan"),
    "PyTorch": ("torch", "torch.compile"),
    "MXNet by hand": ("mx.sym", "gluon"),
}
CASES = (
    *("overhead gradient", "elementwise gradient", "logistic", "mlp", "cnn", "resnet20", "rnn 28x64"),
    *("lstm 28x64", "gru 28x64", "attention", "black_scholes", "gmm_em", "nbody", "chain"),
)


def summary(page: str) -> str:
    """How many times as long as MinPy's compiled code the others take, from the first table of the page."""
    head, _, *rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("|")]
    titles = dict(re.findall(r"^- \*\*(.+?)\*\*: (.+)\.$", page, re.MULTILINE))
    by_name: dict[str, dict[str, str]] = {}
    for name, *cells in rows:
        by_name.setdefault(name, dict(zip(head[-len(cells) :], (cell.strip("*") for cell in cells))))
    lines = ["| | MinPy, ms | " + " | ".join(COLUMNS) + " |", "| --- |" + " --: |" * (1 + len(COLUMNS))]
    for name in CASES:
        times = by_name[name]
        own = times["minpy compiled"]
        ratios = []
        for peers in COLUMNS.values():
            found = [float(times[peer]) / float(own) for peer in peers if times[peer] != "-"]
            ratios.append(_two_digits(min(found)) if found else "-")
        lines.append(f"| {titles[name]} | {own} | " + " | ".join(ratios) + " |")
    return "\n".join(lines) + "\n"


def _two_digits(number: float) -> str:
    return numpy.format_float_positional(number, precision=2, unique=False, fractional=False, trim="-")


def parts(readme: str) -> tuple[str, str, str]:
    """The README up to the table, the table, and the rest."""
    head, _, rest = readme.partition(BEGIN)
    table, _, rest = rest.partition(END)
    return head, table, rest


def write() -> None:
    """Put the table of today's page into the README."""
    head, _, rest = parts((ROOT / "README.md").read_text("utf-8"))
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    (ROOT / "README.md").write_text(f"{head}{BEGIN}{summary(page)}{END}{rest}", "utf-8")
