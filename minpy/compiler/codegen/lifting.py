"""Products of matrices whose factors may hold very small numbers, for which some processors take a hundred
times as long. Ahead of the nest the program multiplies such factors by powers of two (``lift.h``), and the
nest multiplies the sums by their inverse.
"""

from __future__ import annotations

from minpy.compiler.codegen.nest import Access, Apply, Load, Nest, Node, Reduce, operands
from minpy.compiler.codegen.nests import Planned, Pointer
from minpy.compiler.codegen.statements import Buffer
from minpy.ops import Aval
from minpy.ops.aval import product

#: what a step has to say: bytes of a number, and the numbers in each factor
Lifts = tuple[int, int, int]
NO_LIFTS: Lifts = (0, 0, 0)
#: multiplications with each number from which on it takes hardly any time to look at some of them first
_OFTEN = 16
#: and in all, from which on small numbers take much time
_MANY = 1 << 14


def with_lifted_factors(plan: Planned) -> tuple[Planned, Lifts]:
    """A plan whose nest has pointers of their own to its factors, and what its step has to say of them."""
    nodes = list(plan.nest.nodes)
    total = _total(plan.nest)
    loads = _factors(nodes, total[1]) if total is not None else None
    if total is None or loads is None:
        return plan, NO_LIFTS
    accesses = [load.access for _, load in loads]
    x, y = (_size(access, plan.nest.extents) for access in accesses)
    if not x or not y or product(plan.nest.extents) < max(_MANY, _OFTEN * (x + y)):
        return plan, NO_LIFTS
    first, dtype = len(plan.arguments), accesses[0].dtype
    nodes[total[0]] = total[1]._replace(lower=first)
    for n, (i, load) in enumerate(loads):
        nodes[i] = Load(load.access._replace(argument=first + 1 + n))
    lower, *lifted = (Buffer("scratch", 0, Aval((size,), dtype)) for size in (1, x, y))
    factors = [plan.arguments[access.argument] for access in accesses]
    last: list[Pointer] = [(lower, 0), *factors, *((buffer, 0) for buffer in lifted)]
    nest = plan.nest._replace(nodes=tuple(nodes))
    return plan._replace(nest=nest, arguments=(*plan.arguments, *last)), (dtype.itemsize, x, y)


def _total(nest: Nest) -> tuple[int, Reduce] | None:
    """The only sum over the summed loops, and its number."""
    summed = range(nest.outer, nest.outer + nest.summed)
    found = [(i, x) for i, x in enumerate(nest.nodes) if isinstance(x, Reduce) and x.over[0] in summed]
    return found[0] if len(found) == 1 else None


def _factors(nodes: list[Node], total: Reduce) -> list[tuple[int, Load]] | None:
    """What is multiplied and added up, if that is read from memory and nothing else takes it."""
    multiplied = nodes[total.operand]
    if total.kind != "add" or total.dtype.kind != "f" or not isinstance(multiplied, Apply):
        return None
    if multiplied.op != "multiply":
        return None
    taken = [j for other in nodes for j in operands(other)]
    if any(taken.count(i) > 1 for i in (total.operand, *multiplied.operands)):
        return None
    factors = [(i, x) for i in multiplied.operands if isinstance(x := nodes[i], Load)]
    return factors if [x.dtype for _, x in factors] == [total.dtype] * 2 else None


def _size(access: Access, extents: tuple[int, ...]) -> int:
    """How many elements it reads, if these lie in memory one behind the other; else 0."""
    size = 1
    for stride, extent in sorted(zip(access.strides, extents)):
        if stride and extent > 1:
            if stride != size:
                return 0
            size *= extent
    return 0 if access.offset else size
