"""Random numbers in compiled code: Python draws them, in the order of the program, before the graph runs.

So they are those of the user's generators. They are drawn once all guards hold; where one of the draws fails,
or the graph on its data, the generators are set back before Python runs the lines instead.
"""

from __future__ import annotations

import ctypes
import random
import types
from collections.abc import Iterable, Sequence
from typing import Any, Callable, Protocol

import numpy

from minpy.compiler.aliasing import Origin
from minpy.compiler.guards import Guards
from minpy.compiler.lowering.reads import Ref, is_plain, kind_of, walk_values
from minpy.compiler.paths import Computation, Path, identifier
from minpy.compiler.reals import Number
from minpy.compiler.trace import Trace
from minpy.compiler.tracer import FLOAT, Tracer
from minpy.errors import UnsupportedError
from minpy.ops import aval_of
from minpy.ops.op import interpreting
from minpy.runtime.draws import FRESH, GENERATORS, draw

_OF_PYTHON = frozenset(("random", "uniform", "gauss", "normalvariate", "expovariate", "betavariate"))
#: They tell what a call gives, without touching the user's generators.
_STAND_INS = (numpy.random.Generator(numpy.random.PCG64(0)), numpy.random.RandomState(0), random.Random(0))


class Reader(Protocol):
    """What is needed of the lowering; ``reads.Reads``."""

    trace: Trace
    guards: Guards
    inputs: list[Tracer]
    states: dict[tuple, Path]  # see ``_add_state``

    def plain(self, x: Any) -> Any:
        """A value with what it refers to in place."""


class Draw(Computation):
    """Numbers that are drawn: others at each call, so they are drawn where the guards hold, and only once."""

    is_repeatable = False

    def resolve(self, local_values: dict[str, Any], fixed: list) -> Any:
        raise AssertionError("the guards draw, and nothing else")


def generator_of(function: Any) -> Any:
    """The generator of a function that does nothing but draw new numbers; None for other functions."""
    method = getattr(function, "__wrapped__", function)  # MinPy's functions wrap NumPy's
    owner = getattr(function, "__self__", getattr(method, "__self__", None))
    if not isinstance(owner, GENERATORS):
        return None
    if isinstance(owner, random.Random):
        is_own, names = (
            getattr(type(owner), function.__name__, None) is _method_of_python(function),
            _OF_PYTHON,
        )
    else:
        is_own, names = isinstance(function, types.BuiltinFunctionType), FRESH
        is_own = is_own or hasattr(function, "__minpy_opaque__")  # a class may have a method of its own
    return owner if is_own and function.__name__ in names else None


def _method_of_python(function: Any) -> Any:
    return getattr(random.Random, function.__name__, None)


def lower(reader: Reader, ref: Ref, args: list, kwargs: dict[str, Any]) -> Tracer:
    """A call of such a function: an input of the graph.

    Raises:
        UnsupportedError: an argument is known at run time only, or the result is nothing that a graph takes.
    """
    function, generator = ref.value, generator_of(ref.value)
    given = [_argument(reader, function, x) for x in (*args, *kwargs.values())]
    values = [x.value if isinstance(x, Number) else x for x in given]
    try:
        result = _sample(function, generator, values[: len(args)], dict(zip(kwargs, values[len(args) :])))
    except Exception as error:
        raise UnsupportedError(f"{function.__name__} raises {type(error).__name__}: {error}") from None
    kind = FLOAT if type(result) is float else kind_of(result)
    if kind is None:
        raise UnsupportedError(f"{function.__name__} draws new numbers on every call")
    operands = [x.path if isinstance(x, Number) else x for x in given]
    _add_state(reader, ref, generator)
    states = tuple(reader.states.values())
    draws = (_drawing(len(states), tuple(kwargs)), *states, ref.path, *operands)
    names = [*[""] * len(args), *[f"{name}=" for name in kwargs]]
    shown = ", ".join(f"{name}{x if isinstance(x, Path) else repr(x)}" for name, x in zip(names, operands))
    template = f"{{}}({', '.join(['{}'] * (len(draws) - 1))})"
    drawn = Draw(_call, template, draws).path()._replace(label=f"{ref.path}({shown})"[:60])
    tracer = reader.trace.input(aval_of(result), kind, identifier(function.__name__))
    tracer.origin = Origin(drawn, result, reader.guards.input(drawn))
    reader.inputs.append(tracer)
    return Tracer(reader.trace, tracer.atom, kind)  # nobody else has it, so it may be written


def rewind(found: Sequence[Any], states: Iterable[int]) -> None:
    """Set all generators back to where they stood before a call: ``states`` are places in ``found``."""
    for place in states:
        restore, state = found[place]
        restore(state)


def _drawing(count: int, names: Sequence[str]) -> Callable:
    """Calls a method: (states of generators, the method, its arguments) -> numbers.

    Args:
        count: of the states, to which the generators are set back where that fails, as Python does it then.
        names: of the last arguments.
    """

    def drawn(*operands: Any) -> Any:
        method, *given = operands[count:]
        positional = len(given) - len(names)
        try:
            return method(*given[:positional], **dict(zip(names, given[positional:])))
        except Exception:
            rewind(operands, range(count))
            raise

    return drawn


def _argument(reader: Reader, function: Any, x: Any) -> Any:
    plain = reader.plain(x)
    if isinstance(plain, Number) and plain.kind == FLOAT:
        return plain
    for item in walk_values(plain):
        if isinstance(item, Number):
            item.pin()
        is_known = is_plain(item) or type(item) in (float, list, tuple) or isinstance(item, type)
        if not is_known:
            raise UnsupportedError(f"{function.__name__} draws new numbers on every call, by arrays")
    return plain


def _sample(function: Any, generator: Any, args: list, kwargs: dict[str, Any]) -> Any:
    """What such a call gives, from another generator."""
    other = next(known for known, kind in zip(_STAND_INS, GENERATORS) if isinstance(generator, kind))
    method = getattr(other, function.__name__)
    if not hasattr(function, "__minpy_opaque__"):
        return method(*args, **kwargs)
    with interpreting(None):
        return draw(method, tuple(args), kwargs)


def _add_state(reader: Reader, ref: Ref, generator: Any) -> None:
    """Note where the state of a generator is found that it had before the first draw from it."""
    if hasattr(ref.value, "__self__"):
        path = ref.path.attribute("__self__")
    else:
        path = reader.guards.fixed_path(generator, "numpy.random")
    state_of = _bits_of if ref.value.__name__ in _OF_BITS else _state_of
    if (path, state_of) not in reader.states:
        reader.states[path, state_of] = Computation(_call, "{}({})", (state_of, path)).path()


def _call(function: Callable, *args: Any) -> Any:
    return function(*args)


def _state_of(generator: Any) -> tuple[Callable[[Any], None], Any]:
    """What sets a generator back to where it stands, and where that is."""
    if isinstance(generator, numpy.random.RandomState):
        return generator.set_state, generator.get_state(legacy=False)
    if isinstance(generator, numpy.random.Generator):
        bits = generator.bit_generator
        return lambda state: setattr(bits, "state", state), bits.state
    return generator.setstate, generator.getstate()


#: methods of a ``RandomState`` that leave alone what it keeps besides its bits
_OF_BITS = frozenset(("choice", "permutation", "rand", "randint", "random", "random_sample", "uniform"))


def _bits_of(generator: Any) -> tuple[Callable[[Any], None], Any]:
    """The same for draws that take nothing but bits. NumPy needs 80 us to tell those of a ``RandomState``."""
    bits = getattr(generator, "_bit_generator", None)
    if type(bits) is not numpy.random.MT19937 or not _MT19937_SIZE:
        return _state_of(generator)
    address = bits.ctypes.state_address
    with bits.lock:
        state = ctypes.string_at(address, _MT19937_SIZE)

    def restore(state: bytes) -> None:
        with bits.lock:
            ctypes.memmove(address, state, len(state))

    return restore, state


def _mt19937_size() -> int:
    """How many bytes a Mersenne twister's state has, its words and a position; 0 if it is not that."""
    bits = numpy.random.MT19937(0)
    words, position = bits.state["state"]["key"], bits.state["state"]["pos"]
    state = words.astype("uint32").tobytes() + numpy.intc(position).tobytes()
    return len(state) * (ctypes.string_at(bits.ctypes.state_address, len(state)) == state)


_MT19937_SIZE = _mt19937_size()
