"""Accumulation: BLAS adds a product of matrices to what is there, in one pass over the memory.

In a training step, ``p - x.T @ g``, the gradient is as large as the parameters, and is neither written nor
read any more. The result is rounded otherwise.

    a = gemm transpose_x=True transpose_y=False x g     ->  b = add_gemm ... sign=-1 p x g
    b = subtract p a                                        and sign=1 for add, of both orders
"""

from __future__ import annotations

from collections import Counter

import numpy

from minpy.compiler.ir import Atom, Eqn, Graph, Var
from minpy.ops import OPS

_SIGNS = {"add": 1, "subtract": -1}
_PLAIN = {"transpose_x": False, "transpose_y": False}


def accumulate_products(graph: Graph) -> Graph:
    """Accepts any graph; afterwards no product of two matrices of floats is only added to a matrix, or
    subtracted from one. What it was made of is left as dead code."""
    uses = Counter(atom for eqn in graph.eqns for atom in eqn.inputs)
    uses.update(graph.outputs)
    products: dict[Atom, Eqn] = {
        eqn.outputs[0]: eqn
        for eqn in graph.eqns
        if eqn.op.name in ("gemm", "matmul") and uses[eqn.outputs[0]] == 1 and _is_of_matrices(eqn)
    }
    eqns = [_accumulated(eqn, products) if eqn.op.name in _SIGNS else eqn for eqn in graph.eqns]
    return Graph(graph.inputs, tuple(eqns), graph.outputs)


def _is_of_matrices(eqn: Eqn) -> bool:
    avals = [x.aval for x in (*eqn.inputs, *eqn.outputs)]
    return all(
        aval.ndim == 2 and aval.size and aval.dtype in (numpy.float32, numpy.float64) for aval in avals
    )


def _accumulated(eqn: Eqn, products: dict[Atom, Eqn]) -> Eqn:
    """The equation that stands for an addition or a subtraction."""
    pairs = (eqn.inputs, eqn.inputs[::-1]) if eqn.op.name == "add" else (eqn.inputs,)
    for z, result in pairs:
        product = products.get(result)
        if product is not None and isinstance(z, Var) and z.aval == result.aval == eqn.outputs[0].aval:
            params = {**_PLAIN, **product.params, "sign": _SIGNS[eqn.op.name]}
            return Eqn(OPS["add_gemm"], (z, *product.inputs), params, eqn.outputs, eqn.loc)
    return eqn
