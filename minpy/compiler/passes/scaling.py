"""Scaling: a number times a product of matrices scales the smaller matrix instead.

In a training step, ``p - rate * (x.T @ g)``, the gradient is as large as the parameters, and ``g`` is small.
The result is rounded otherwise.

    a = gemm transpose_x=True transpose_y=False x g     ->  b = multiply rate g
    c = multiply rate a                                     c = gemm transpose_x=True transpose_y=False x b
"""

from __future__ import annotations

from collections import Counter

from minpy.compiler.ir import Atom, Eqn, Graph, Var, infer

#: What is linear in each of its first two operands.
_PRODUCTS = frozenset(("gemm", "matmul", "narrow_gradient"))


def scale_factors(graph: Graph) -> Graph:
    """Accepts any graph; afterwards a product of matrices that is only multiplied with a number is no larger
    than its factors. What it was made of is left as dead code."""
    uses = Counter(atom for eqn in graph.eqns for atom in eqn.inputs)
    uses.update(graph.outputs)
    products: dict[Atom, Eqn] = {
        eqn.outputs[0]: eqn for eqn in graph.eqns if eqn.op.name in _PRODUCTS and uses[eqn.outputs[0]] == 1
    }
    eqns: list[Eqn] = []
    for eqn in graph.eqns:
        eqns.extend(_scaled(eqn, products) if eqn.op.name == "multiply" else (eqn,))
    return Graph(graph.inputs, tuple(eqns), graph.outputs)


def _scaled(eqn: Eqn, products: dict[Atom, Eqn]) -> tuple[Eqn, ...]:
    """What stands for a multiplication."""
    for number, result in (eqn.inputs, eqn.inputs[::-1]):
        product = products.get(result)
        if product is None or number.aval.shape:
            continue
        place = min((0, 1), key=lambda i: product.inputs[i].aval.size)
        factor = product.inputs[place]
        avals = infer(eqn.op, (number, factor), {})
        if (
            2 * factor.aval.size > result.aval.size
            or avals != (factor.aval,)
            or eqn.outputs[0].aval != result.aval
        ):
            return (eqn,)
        smaller = Eqn(eqn.op, (number, factor), {}, (Var(factor.aval),), eqn.loc)
        operands = (*product.inputs[:place], *smaller.outputs, *product.inputs[place + 1 :])
        return smaller, Eqn(product.op, operands, product.params, eqn.outputs, eqn.loc)
    return (eqn,)
