"""Dense layers: a product of matrices and the bias behind it in one pass, which MXNet's layer makes.

    a = gemm transpose_x=False transpose_y=True x w      ->  c = dense x w b
    c = add a b

    a = matmul x w                                       ->  v = transpose axes=(1, 0) w
    c = add a b                                              c = dense x v b

Of float32, and not in small graphs: these run on memory of their own, which layers cannot. The second only
where x has at least twice as many rows as w, so that turning w costs less than going over the result once
more. It takes 5 to 25 percent less. The backward stays as it is: one product for each factor and one with
ones for the bias, for which nothing is turned.
"""

from __future__ import annotations

from collections import Counter

import numpy

from minpy.compiler.ir import Atom, Eqn, Graph, Var
from minpy.compiler.passes.patterns import applied
from minpy.runtime.bound import MOST_BYTES


def add_biases(graph: Graph) -> Graph:
    """Accepts any graph; afterwards no bias is added to a product that nobody else needs, where the layer is
    faster. The products are left as dead code."""
    ends = {atom for atom in (*graph.inputs, *graph.outputs) if isinstance(atom, Var)}
    if sum(var.aval.size * var.aval.dtype.itemsize for var in ends) <= MOST_BYTES:
        return graph
    uses = Counter(atom for eqn in graph.eqns for atom in eqn.inputs if isinstance(atom, Var))
    uses.update(atom for atom in graph.outputs if isinstance(atom, Var))
    products: dict[Atom, Eqn] = {}
    eqns: list[Eqn] = []
    for eqn in graph.eqns:
        name, out = eqn.op.name, eqn.outputs[0]
        if name in ("gemm", "matmul") and uses[out] == 1 and out.aval.ndim == 2:
            products[out] = eqn
        eqns.extend(_layer(eqn, products) if name == "add" and products else (eqn,))
    return graph._replace(eqns=tuple(eqns))


def _layer(eqn: Eqn, products: dict[Atom, Eqn]) -> tuple[Eqn, ...]:
    """What stands for an addition."""
    for result, bias in (eqn.inputs, eqn.inputs[::-1]):
        product = products.get(result)
        if product is None or bias.aval.shape not in (result.aval.shape[1:], (1, *result.aval.shape[1:])):
            continue
        avals = [x.aval for x in (*product.inputs, bias, *eqn.outputs)]
        if any(aval.dtype != numpy.float32 for aval in avals) or any(aval.ndim != 2 for aval in avals[:2]):
            continue
        before = _with_rows(product, eqn)
        if before is None:
            continue
        x, w = product.inputs[0], before[-1].outputs[0] if before else product.inputs[1]
        if bias.aval.ndim == 2:
            before.append(applied("reshape", bias, like=eqn, shape=bias.aval.shape[1:]))
            bias = before[-1].outputs[0]
        return (*before, applied("dense", x, w, bias, like=eqn)._replace(outputs=eqn.outputs))
    return (eqn,)


def _with_rows(product: Eqn, eqn: Eqn) -> list[Eqn] | None:
    """What turns the right factor, so that its rows are those of the layer; None where it does not pay."""
    if product.op.name == "gemm":
        flags = product.params["transpose_x"], product.params["transpose_y"]
        return [] if flags == (False, True) else None
    rows, size = product.inputs[0].aval.shape
    if rows < 2 * size:
        return None
    return [applied("transpose", product.inputs[1], like=eqn, axes=(1, 0))]
