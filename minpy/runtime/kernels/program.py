"""What a fused group of equations does, as data: loops and matrix products over buffers, one after the other.

    program(float32[1000,784]) -> float32[1000], with 4000 bytes of scratch
      nest   in0 scratch+0        1000 turns, 125 to a chunk
      nest   scratch+0 out0       1 turn

A buffer is a C-contiguous array from its first element on, aligned to its dtype; bools are bytes of 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy

from minpy.ops.aval import Aval, product

#: Bytes at whose multiples scratch begins.
ALIGNMENT = 64

#: Functions of ``library.c`` that add up so many numbers of a dtype as there are turns; a text may be one of
#: these names.
SUMS = {numpy.dtype("float32"): "minpy_add_floats", numpy.dtype("float64"): "minpy_add_doubles"}


class Place(NamedTuple):
    """Where a pointer points.

    Attributes:
        buffer: a number among the inputs, then the outputs, then the one block of scratch.
        offset: in bytes.
    """

    buffer: int
    offset: int = 0


class Step(NamedTuple):
    """A function over a number of turns, which are shared out in chunks.

    Chunk c runs the turns from ``c * chunk`` to ``min(size, (c + 1) * chunk)``, on any thread, in any order.
    Which chunks there are never depends on the number of threads, so results do not either.

    Attributes:
        text: a module in LLVM's language that defines
            ``void @nest(ptr %arguments, i64 %begin, i64 %end, i64 %chunk)``: an array of pointers, the turns,
            and the number of the chunk. Or the name of such a function in ``SUMS``.
        arguments: where the pointers point.
        lifts: of a product of matrices whose factors may be multiplied by powers of two ahead of the nest
            (``lift.h``) the bytes of a number and how many numbers are in each factor; else zeros. The last
            five arguments are then: the number by which the nest multiplies sums, which the library brings;
            the factors; and memory for as many numbers.
    """

    text: str
    arguments: tuple[Place, ...]
    size: int = 1
    chunk: int = 1
    lifts: tuple[int, int, int] = (0, 0, 0)

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.size // self.chunk)


class Product(NamedTuple):
    """Matrix products: ``out = alpha * op(x) @ op(y) + beta * out``, row by row in memory.

    Attributes:
        dtype: float32 or float64.
        m, n, k: op(x) is (m, k), op(y) is (k, n), out is (m, n).
        transpose_x: op(x) is the transpose of what is in memory, which is (k, m).
        arguments: where x, y and out begin.
        rows: the distance in elements from one row in memory to the next, of x, y and out.
        batch: how many products of this kind there are, one behind the other.
        strides: the distance in elements from one product to the next, of x, y and out.
    """

    dtype: numpy.dtype
    m: int
    n: int
    k: int
    transpose_x: bool
    transpose_y: bool
    arguments: tuple[Place, Place, Place]
    rows: tuple[int, int, int]
    batch: int = 1
    strides: tuple[int, int, int] = (0, 0, 0)
    alpha: float = 1.0
    beta: float = 0.0


class Condition(NamedTuple):
    """A byte that is not 0, or the program fails: its inputs are not such as it can compute with."""

    arguments: tuple[Place, ...]


def product_of(
    dtype: Any,
    m: int,
    n: int,
    k: int,
    transpose_x: bool,
    transpose_y: bool,
    arguments: tuple[Place, Place, Place],
    **others: Any,
) -> Product:
    """A ``Product`` of matrices that lie in memory without gaps."""
    rows = (m if transpose_x else k), (k if transpose_y else n), n
    return Product(numpy.dtype(dtype), m, n, k, transpose_x, transpose_y, arguments, rows, **others)


class Program(NamedTuple):
    """Steps in their order.

    Attributes:
        inputs, outputs: the arrays that it is called with. Outputs hold anything before it has run.
        scratch: the bytes of memory for what lies between the steps.
    """

    inputs: tuple[Aval, ...]
    outputs: tuple[Aval, ...]
    scratch: int
    steps: tuple[Step | Product | Condition, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The different texts of its steps."""
        return tuple(dict.fromkeys(step.text for step in self.steps if isinstance(step, Step)))

    @property
    def modules(self) -> tuple[str, ...]:
        """The texts that have to be compiled."""
        return tuple(text for text in self.texts if text not in SUMS.values())


def check(program: Program) -> None:
    """Verify that places are in the buffers.

    Raises:
        AssertionError: what is wrong.
    """
    buffers = [*program.inputs, *program.outputs]
    sizes = [product(aval.shape) * aval.dtype.itemsize for aval in buffers] + [program.scratch]
    for step in program.steps:
        for place in step.arguments:
            assert 0 <= place.buffer < len(sizes), f"there is no buffer {place.buffer}"
            assert 0 <= place.offset <= sizes[place.buffer], f"{place} is behind its buffer"
        if isinstance(step, Step):
            assert step.size >= 0 and step.chunk > 0, f"{step.size} turns in chunks of {step.chunk}"


# As JSON ----------------------------------------------------------------------------------------------


def packed(program: Program) -> dict[str, Any]:
    """A program as what JSON can hold; each module is in it once."""
    texts = {text: i for i, text in enumerate(program.texts)}
    return {
        "inputs": [[aval.shape, aval.dtype.str] for aval in program.inputs],
        "outputs": [[aval.shape, aval.dtype.str] for aval in program.outputs],
        "scratch": program.scratch,
        "texts": list(texts),
        "steps": [_packed(step, texts) for step in program.steps],
    }


def _packed(step: Step | Product | Condition, texts: dict[str, int]) -> list:
    if isinstance(step, Condition):
        return [None, *step]
    return [texts[step.text], *step[1:]] if isinstance(step, Step) else [step.dtype.str, *step[1:]]


def unpacked(found: dict[str, Any]) -> Program:
    """The program again. Raises KeyError, IndexError, TypeError or ValueError where it is none."""
    avals = [_avals(found[which]) for which in ("inputs", "outputs")]
    return Program(avals[0], avals[1], int(found["scratch"]), tuple(_steps(found["steps"], found["texts"])))


def _avals(told: list) -> tuple[Aval, ...]:
    return tuple(Aval(tuple(shape), numpy.dtype(dtype)) for shape, dtype in told)


def _steps(told: list, texts: list[str]) -> Iterator[Step | Product | Condition]:
    for first, *rest in told:
        if first is None:
            yield Condition(*map(_places, rest))
        elif isinstance(first, int):
            arguments, size, chunk, lifts = rest
            yield Step(texts[first], _places(arguments), size, chunk, tuple(lifts))
        else:
            m, n, k, transpose_x, transpose_y, arguments, rows, batch, strides, alpha, beta = rest
            x, y, out = _places(arguments)
            yield Product(
                *(numpy.dtype(first), m, n, k, transpose_x, transpose_y, (x, y, out)),
                *(tuple(rows), batch, tuple(strides), alpha, beta),
            )


def _places(told: list) -> tuple[Place, ...]:
    return tuple(Place(buffer, offset) for buffer, offset in told)
