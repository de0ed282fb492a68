"""A body's graph as a program: nests in their order, how they are shared out, where in memory values lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Callable, NamedTuple

import numpy

from minpy.compiler.codegen.components import taken_apart
from minpy.compiler.codegen.group import Group, groups_of
from minpy.compiler.codegen.grouping import Grouping
from minpy.compiler.codegen.lifting import NO_LIFTS, with_lifted_factors
from minpy.compiler.codegen.loops import turns, write
from minpy.compiler.codegen.nest import (
    Access,
    Apply,
    Constant,
    Gather,
    Load,
    Nest,
    Reduce,
    Store,
    dependences,
    part_size,
)
from minpy.compiler.codegen.nests import End, Planned, planned
from minpy.compiler.codegen.statements import Buffer, Home
from minpy.compiler.codegen.translation import Body
from minpy.compiler.codegen.views import View, contiguous
from minpy.compiler.ir import Eqn, Graph
from minpy.ops import Aval
from minpy.ops.aval import product
from minpy.ops.kernels import is_function
from minpy.runtime.kernels.program import ALIGNMENT, SUMS, Condition, Place, Product, Program, Step

if TYPE_CHECKING:
    from minpy.runtime.kernels.llvm import Making

#: What a chunk should take at least, in ns; threads wait for each other some hundreds at each step
_CHUNK = 6_000
#: what a byte, an operation on an element, and one within a product take, in ns
_BYTE, _OPERATION, _MULTIPLICATION = 0.02, 0.02, 0.01
#: what an element takes whose place an index says, or that is far from the one before
_ELSEWHERE = 0.5
#: a function such as an exponential, in operations
_FUNCTION = 15
#: chunks of a nest at most; what they add up in parts is a small part of all bytes
_MOST_CHUNKS, _PART = 512, 8


class Multiplication(NamedTuple):
    """A product by BLAS on buffers; attributes as those of the step that it becomes."""

    dtype: numpy.dtype
    m: int
    n: int
    k: int
    transpose_x: bool
    transpose_y: bool
    arguments: tuple[tuple[Buffer, int], ...]
    rows: tuple[int, int, int]
    eqns: tuple[Eqn, ...] = ()


class Check(NamedTuple):
    """A bool that has to hold, or nothing after it is done."""

    arguments: tuple[tuple[Buffer, int], ...]


class Work(NamedTuple):
    """A nest on buffers, in chunks of turns; ``eqns`` are what it computes, ``text`` and ``lifts`` are those
    of the step that it becomes."""

    nest: Nest
    arguments: tuple[tuple[Buffer, int], ...]
    size: int = 1
    chunk: int = 1
    eqns: tuple[Eqn, ...] = ()
    text: str = ""
    lifts: tuple[int, int, int] = NO_LIFTS


Constants = Mapping[int, numpy.ndarray]
_NONE: Constants = MappingProxyType({})


def program_of(body: Graph, constants: Constants = _NONE, code: Making | None = None) -> Program:
    """The program that computes a body's outputs from its inputs.

    Args:
        constants: the inputs that are known, by number.
        code: is given each text as soon as it is written, and compiles those that wait while one is written.

    Raises:
        UnsupportedError: for an equation that loops cannot do (``translation.takes``).
    """
    texts: dict[tuple, str] = {}

    def written(nest: Nest) -> str:
        key = nest, *_numbers(nest)
        if key not in texts:
            if code is not None:
                code.begin()
            texts[key] = write(nest)
            if code is not None:
                code.add(texts[key])
        return texts[key]

    work = planned_work(body, constants, written)
    places, scratch = located(work, len(body.inputs), len(body.outputs))
    steps: list[Step | Product | Condition] = []
    for step, told in zip(work, places):
        if isinstance(step, Check):
            steps.append(Condition(told))
            continue
        if isinstance(step, Multiplication):
            x, y, out = told
            steps.append(Product(*step[:6], (x, y, out), step.rows))
            continue
        steps.append(Step(step.text or written(step.nest), told, step.size, step.chunk, step.lifts))
    avals = [tuple(Aval(*atom.aval) for atom in atoms) for atoms in (body.inputs, body.outputs)]
    return Program(avals[0], avals[1], scratch, tuple(steps))


def _numbers(nest: Nest) -> Iterator[str]:
    """Those that a nest computes with: of numbers that are equal, as 0.0 and -0.0, each is another one."""
    for node in nest.nodes:
        if isinstance(node, Constant):
            yield repr(node.value)
        elif isinstance(node, Apply) and node.params:
            yield repr(node.params)


def planned_work(
    body: Graph, constants: Constants = _NONE, written: Callable[[Nest], str] = lambda nest: ""
) -> list[Work | Multiplication | Check]:
    """What there is to do for a body, in order. ``written`` gives the text of a nest."""
    found: list[Work | Multiplication | Check] = []
    translated = Body(taken_apart(body), constants)
    groups = Grouping(translated.roots).ordered()
    computed: dict[Group, list[Eqn]] = {group: [] for group in groups}
    for root in translated.roots:
        for group in groups_of(root) if root.eqn is not None else ():
            computed[group].append(root.eqn)  # type: ignore[arg-type]
    for group in groups:
        eqns = tuple(computed[group])
        if group.product is not None:
            found.append(_multiplication(*group.product)._replace(eqns=eqns))
            continue
        plan = planned(group)
        if plan is not None:
            found.extend(
                work._replace(eqns=eqns, text=work.text or written(work.nest)) for work in _work(plan)
            )
    checks = [Check(((root.homes[0].buffer, 0),)) for root in translated.checks]
    looked_at = {argument for check in checks for argument in check.arguments}
    first = max(
        (i + 1 for i, step in enumerate(found) if not looked_at.isdisjoint(step.arguments)), default=0
    )
    return list(_with_fillings([*found[:first], *checks, *found[first:]]))


def _with_fillings(work: list[Work | Multiplication | Check]) -> Iterable[Work | Multiplication | Check]:
    """Work with what fills memory, ahead of what writes there first."""
    done: set[Buffer] = set()
    for step in work:
        for buffer, _ in step.arguments:
            if buffer.filled is not None and buffer not in done:
                done.add(buffer)
                store = Store(Access(0, buffer.dtype, (1,)), 0)
                nest = Nest((buffer.size // buffer.dtype.itemsize,), 0, 0, (buffer.filled, store))
                yield from _work(Planned(nest, ((buffer, 0),), buffer.size))
        yield step


def _multiplication(x: View, y: View, out: Home) -> Multiplication:
    m, k = x.shape
    flags = [v.strides[1] != 1 for v in (x, y)]
    rows = max(x.strides), max(y.strides), y.shape[1]  # the other stride is 1
    dtype = numpy.dtype(out.buffer.dtype)
    arguments = [(v.root.buffer, v.offset * dtype.itemsize) for v in (x, y)] + [(out.buffer, out.offset)]
    return Multiplication(dtype, m, y.shape[1], k, flags[0], flags[1], tuple(arguments), rows)


def overwritable(body: Graph, constants: Constants = _NONE) -> set[tuple[int, int]]:
    """Pairs of an output and an input, by number, of which the output may lie in the input's memory.

    Each element is written there when nothing reads the one of the input any more, and nothing may fail.
    """
    readers: dict[int, list[int]] = {}
    writers: dict[int, list[int]] = {}
    work = planned_work(body, constants)
    for i, step in enumerate(work):
        for buffer in {buffer for buffer, _ in step.arguments}:
            if buffer.kind != "scratch":
                (readers if buffer.kind == "input" else writers).setdefault(buffer.number, []).append(i)
    checked = max((i for i, step in enumerate(work) if isinstance(step, Check)), default=-1)
    return {
        (output, number)
        for number, reads in readers.items()
        for output, (first, *more) in writers.items()
        if not more
        and first > checked
        and (reads[-1] < first or (reads[-1] == first and _is_in_step(work[first], output, number)))
    }


def _is_in_step(work: Work | Multiplication | Check, output: int, number: int) -> bool:
    """Whether a nest reads the elements of an input where it writes those of an output, and nowhere else."""
    if not isinstance(work, Work) or any(isinstance(node, Gather) for node in work.nest.nodes):
        return False
    nodes = work.nest.nodes
    stored = [nodes[node.value] for node in nodes if isinstance(node, Store)]
    if any(isinstance(node, Reduce) for node in nodes) and not (
        len(stored) == 1 and isinstance(stored[0], Apply)
    ):
        return False  # after a store it may go over its values again

    def places(kind: str, of: int) -> set:
        accesses = [node.access for node in nodes if isinstance(node, (Load, Store))]
        arguments = [work.arguments[access.argument] for access in accesses]
        return {
            (access.strides, access.offset, offset, access.dtype)
            for access, (buffer, offset) in zip(accesses, arguments)
            if buffer.kind == kind and buffer.number == of
        }

    read, written = places("input", number), places("output", output)
    return len(read) == 1 and read == written


def _work(plan: Planned) -> Iterable[Work]:
    """The nest, and for what it adds up in parts the nests that combine these."""
    plan, lifts = with_lifted_factors(plan)
    size = turns(plan.nest)
    ends = [buffer for buffer, _ in plan.arguments if isinstance(buffer, End)]
    chunk = _chunk(plan, size, ends)
    chunks = -(-size // chunk)
    combined: list[Work] = []
    arguments: list[tuple[Buffer, int]] = []
    for buffer, offset in plan.arguments:
        if isinstance(buffer, End):
            end, home = buffer, buffer.homes[0]
            if chunks == 1 and len(end.homes) == 1 and home.strides == contiguous(end.shape):
                buffer, offset = home.buffer, home.offset * end.dtype.itemsize
            else:
                buffer = Buffer("scratch", 0, Aval((chunks, _part(end)), end.dtype))
                combined.extend(_combining(end, buffer, chunks))
        arguments.append((buffer, offset))
    yield Work(plan.nest, tuple(arguments), size, chunk, lifts=lifts)
    yield from combined


def _chunk(plan: Planned, size: int, ends: list[End]) -> int:
    """How many turns are done at once. It depends on shapes alone."""
    nest = plan.nest
    if not nest.outer and any(isinstance(node, Reduce) for node in nest.nodes) and not ends:
        return size  # what is reduced is used, or stored as it is
    summed = range(nest.outer, nest.outer + nest.summed)
    time = plan.traffic * _BYTE
    for node, loops in zip(nest.nodes, dependences(nest)):
        if isinstance(node, Apply):
            weight = _MULTIPLICATION if loops.intersection(summed) else _OPERATION
            weight *= _FUNCTION if is_function(node.op) else 1
            time += weight * product(nest.extents[loop] for loop in loops)
        elif isinstance(node, Gather) or (isinstance(node, (Load, Store)) and _is_apart(node)):
            time += _ELSEWHERE * product(nest.extents[loop] for loop in loops)
        elif isinstance(node, Reduce):
            time += _MULTIPLICATION * product(nest.extents[loop] for loop in loops | set(node.over))
    most = min(_MOST_CHUNKS, int(time / _CHUNK), size)
    parts = sum(product(end.shape) * end.dtype.itemsize for end in ends)
    if parts:
        most = min(most, plan.traffic // (_PART * parts))
    return -(-size // max(most, 1))


def _is_apart(node: Load | Store) -> bool:
    """Whether its elements do not lie side by side in the last loop."""
    return bool(isinstance(node, Store) and node.indices) or node.access.strides[-1] not in (0, 1)


def _part(end: End) -> int:
    return part_size(product(end.shape), end.dtype)


def _combining(end: End, parts: Buffer, chunks: int) -> Iterator[Work]:
    """What makes a result of its parts: the library where it is a sum of numbers, else a nest."""
    extents = (chunks, *end.shape)
    first = Load(Access(0, end.dtype, (_part(end), *contiguous(end.shape))))
    reduced = Reduce(end.kind, end.dtype, 0, (0,))
    ready = SUMS.get(end.dtype, "") if end.kind == "add" and not end.shape else ""
    for homes in [[home] for home in end.homes] if ready else [end.homes]:
        nodes: list = [first, reduced]
        arguments = [(parts, 0)]
        for home in homes:
            nodes.append(Store(Access(len(arguments), end.dtype, (0, *home.strides)), 1))
            arguments.append((home.buffer, home.offset * end.dtype.itemsize))
        nest = Nest(extents, 0, 1 if end.shape else 0, tuple(nodes))
        size = chunks if ready else turns(nest)
        yield Work(nest, tuple(arguments), size, size, text=ready)


# Memory ---------------------------------------------------------------------------------------------


def located(
    work: list[Work | Multiplication | Check], inputs: int, outputs: int
) -> tuple[list[tuple[Place, ...]], int]:
    """Where the pointers of each step point, and how much scratch there is.

    Buffers that are not used at the same time may share it.
    """
    lives: dict[Buffer, list[int]] = {}
    for i, step in enumerate(work):
        for buffer, _ in step.arguments:
            if buffer.kind == "scratch":
                lives.setdefault(buffer, [i, i])[1] = i
    offsets: dict[Buffer, int] = {}
    taken: list[tuple[int, int, int]] = []  # begin, end, last step
    total = 0
    for buffer, (first, last) in lives.items():
        taken = [held for held in taken if held[2] >= first]
        size = -(-buffer.size // ALIGNMENT) * ALIGNMENT
        at = 0
        for begin, end, _ in sorted(taken):
            if begin - at >= size:
                break
            at = max(at, end)
        offsets[buffer] = at
        taken.append((at, at + size, last))
        total = max(total, at + size)

    def place(buffer: Buffer, offset: int) -> Place:
        if buffer.kind == "input":
            return Place(buffer.number, offset)
        if buffer.kind == "output":
            return Place(inputs + buffer.number, offset)
        return Place(inputs + outputs, offsets[buffer] + offset)

    return [tuple(place(*argument) for argument in step.arguments) for step in work], total
