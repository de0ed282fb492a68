"""A graph as SVG: one row for each input and equation, arcs from what is computed to what uses it."""

from __future__ import annotations

from html import escape
from typing import Any

from minpy.compiler.ir import Eqn, Graph

WIDTH, ROW, LEFT, RADIUS = 860, 22, 120, 4.5  # pixels
LONGEST = 58  # characters of a row's text
MAX_ROWS = 400


def drawing(graph: Graph) -> str:
    """The picture of a graph. Of a very large one the first rows."""
    names = graph.names()
    places: dict[Any, int] = {}
    rows: list[str] = []
    for var in graph.inputs:
        places[var] = len(rows)
        rows.append(_row(len(rows), [], "input", names[var], "", str(var.aval)))
    for eqn in graph.eqns[: MAX_ROWS - len(rows)]:
        position = len(rows)
        sources = sorted({places[atom] for atom in eqn.inputs if atom in places})
        kind = "backward" if eqn.loc is not None and eqn.loc.is_backward else "forward"
        if any(var in graph.outputs for var in eqn.outputs):
            kind += " output"
        out = ", ".join(names[var] for var in eqn.outputs)
        types = ", ".join(str(var.aval) for var in eqn.outputs)
        where = f"line {eqn.loc.line}" if eqn.loc is not None else ""
        rows.append(_row(position, sources, kind, f"{out} = {_call(eqn, names)}", where, types))
        places.update(dict.fromkeys(eqn.outputs, position))
    missing = len(graph.inputs) + len(graph.eqns) - len(rows)
    more = (
        f'<text x="{LEFT + 14}" y="{len(rows) * ROW + 16}">and {missing} more</text>' if missing > 0 else ""
    )
    height = (len(rows) + bool(missing)) * ROW + 8
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return f'<svg {size} role="img">{"".join(rows)}{more}</svg>'


def _call(eqn: Eqn, names: dict[Any, str]) -> str:
    params = [f"{name}={value}" for name, value in eqn.params.items() if name != "body"]
    if eqn.body is not None:
        params = [f"of {', '.join(dict.fromkeys(inner.op.name for inner in eqn.body.eqns))}"]
    return f"{eqn.op.name}({', '.join([*[names[atom] for atom in eqn.inputs], *params])})"


def _row(position: int, sources: list[int], kind: str, text: str, where: str, types: str) -> str:
    """A row with the arcs that end in it: pointing at a row lights up what it is computed from."""
    y = position * ROW + ROW / 2
    text = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
    arcs = "".join(_arc(source * ROW + ROW / 2, y) for source in sources)
    return (
        f'<g class="{kind}">{arcs}<rect x="0" y="{y - ROW / 2}" width="{WIDTH}" height="{ROW}"/>'
        f'<circle cx="{LEFT}" cy="{y}" r="{RADIUS}"/>'
        f'<text x="{LEFT + 14}" y="{y + 4}">{escape(text)}</text>'
        f'<text class="type" x="{WIDTH - 150}" y="{y + 4}" text-anchor="end">{escape(types)}</text>'
        f'<text class="type" x="{WIDTH - 10}" y="{y + 4}" text-anchor="end">{escape(where)}</text></g>'
    )


def _arc(start: float, end: float) -> str:
    bulge = LEFT - RADIUS - min(LEFT - 10, 14 + 0.45 * (end - start))
    return f'<path d="M{LEFT} {start} C{bulge:.0f} {start} {bulge:.0f} {end} {LEFT} {end}"/>'
