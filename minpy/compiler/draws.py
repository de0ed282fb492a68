"""Random numbers in compiled code: Python draws them, in the order of the program, before the graph runs.

So they are those of the user's generators. They are drawn once all guards hold; where the graph fails on its
data after that, the generators are set back before Python runs the lines instead.
"""

from __future__ import annotations

import random
import types
from collections.abc import Sequence
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
    states: dict[Path, Path]  # path of a generator -> path of the state that it was in

    def plain(self, x: Any) -> Any:
        """A value with what it refers to in place."""


class Draw(Computation):
    """Numbers that are drawn: others at each call, so they are drawn where the guards hold, and only once."""

    def path(self) -> Path:
        label = self.source(str, repr).partition(", ")[2]
        return Path(None, "number", self, label[: -len(")[1]")][:60])


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
    state = _state(reader, ref, generator)
    places = ["{}"] * len(args) + [f"{name}={{}}" for name in kwargs]
    # The state is read before: it has to be that from before the draw.
    drawn = Draw(_drawn, f"({{}}, {{}}({', '.join(places)}))[1]", (state, ref.path, *operands)).path()
    tracer = reader.trace.input(aval_of(result), kind, identifier(function.__name__))
    tracer.origin = Origin(drawn, result, reader.guards.input(drawn))
    reader.inputs.append(tracer)
    return Tracer(reader.trace, tracer.atom, kind)  # nobody else has it, so it may be written


def rewind(found: Sequence[Any], states: Sequence[int]) -> None:
    """Set all generators back to where they stood before a call: ``states`` are places in ``found``."""
    for place in reversed(states):  # the first is the oldest, where one generator is there twice
        restore, state = found[place]
        restore(state)


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


def _state(reader: Reader, ref: Ref, generator: Any) -> Path:
    """Where the state of a generator is found that it had before the first draw from it."""
    if hasattr(ref.value, "__self__"):
        path = ref.path.attribute("__self__")
    else:
        path = reader.guards.fixed_path(generator, "numpy.random")
    if path not in reader.states:
        reader.states[path] = Computation(_call, "{}({})", (_state_of, path)).path()
    return reader.states[path]


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


def _drawn(*operands: Any) -> Any:
    raise AssertionError("the guards draw, and nothing else")
