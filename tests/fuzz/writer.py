"""How programs are written: statement by statement, each run with NumPy as soon as it stands.

So the writer knows every shape, dtype and value, and can mostly write what makes sense: operands that
fit each other, indices within bounds, numbers of moderate size.
"""

from __future__ import annotations

import contextlib
import copy
import io
import random
import textwrap
import types
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable

import numpy

from tests.fuzz.program import Program, statements_of

#: Arrays with larger numbers or more elements are not worked with any further.
LARGE = 100.0
MANY = 60
DTYPES = ("float64", "float32", "int64", "int32", "bool", "float16", "complex128")


class Unfit(Exception):
    """A step has nothing to work on in this program."""


@dataclass(frozen=True)
class Step:
    """Something that a program can do.

    Attributes:
        write: ``Writer -> source`` of an expression, or of a statement.
        weight: how often it comes up.
        smooth: whether gradients go through it.
        is_statement: whether the source is a statement, not an expression that gets a name.
        in_function: it is for the body of a function alone.
    """

    write: Callable[[Writer], str]
    weight: int
    smooth: bool
    is_statement: bool
    in_function: bool = False


STEPS: list[Step] = []


def expression(weight: int = 4, smooth: bool = True) -> Callable:
    """Decorator: register what writes an expression."""
    return _registering(weight, smooth, False)


def statement(weight: int = 4, smooth: bool = True) -> Callable:
    """Decorator: register what writes a statement."""
    return _registering(weight, smooth, True)


def in_function(weight: int = 4) -> Callable:
    """Decorator: register what writes a statement for the body of a function."""
    return _registering(weight, False, True, True)


def _registering(weight: int, smooth: bool, is_statement: bool, in_function: bool = False) -> Callable:
    def register(write: Callable) -> Callable:
        STEPS.append(Step(write, weight, smooth, is_statement, in_function))
        return write

    return register


class Writer:
    """Writes one program.

    Attributes:
        smooth: only what gradients go through, on arrays of float64.
        finite: arrays with nan and inf are not worked with.
        in_function: the statements are going to be the body of a function.
        outside: the names that were there at the start.
    """

    def __init__(self, rng: random.Random, smooth: bool, around: str = ""):
        self._rng = rng
        self.smooth = smooth
        self.in_function = bool(around)
        self.finite = smooth or self.chance(60)
        self.namespace: dict[str, Any] = {"np": numpy, "numpy": numpy}
        self.inputs: list[str] = []
        self.body: list[str] = []
        self._usable: dict[str, Any] = {}
        self.depth = 0
        if around:
            exec(around, self.namespace)
        self.outside = set(self.namespace)

    # Choices ----------------------------------------------------------------------------------

    def integer(self, low: int, high: int) -> int:
        """A number from ``low`` to ``high``, both included."""
        return self._rng.randint(low, high)

    def pick(self, options: Sequence) -> Any:
        """One of the options."""
        if not options:
            raise Unfit
        return options[self.integer(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        """True in so many cases of a hundred."""
        return self.integer(1, 100) > 100 - percent

    # Variables --------------------------------------------------------------------------------

    def arrays(self, fits: Callable[[Any], bool] = lambda x: True) -> list[str]:
        """The names of the arrays, and of NumPy's numbers, that fit."""
        return [name for name, value in self._usable.items() if fits(value)]

    def array(self, fits: Callable[[Any], bool] = lambda x: True) -> str:
        """The name of an array that fits; of the later ones more often."""
        names = self.arrays(fits)
        return self.pick(names[-3:] if len(names) > 3 and self.chance(40) else names)

    def value(self, source: str) -> Any:
        """What an expression is, with NumPy."""
        with warnings.catch_warnings(), numpy.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return eval(source, self.namespace)

    def is_usable(self, x: Any) -> bool:
        if not isinstance(x, (numpy.ndarray, numpy.generic)) or x.dtype.kind not in "biufc" or x.size > MANY:
            return False
        if self.smooth and x.dtype == numpy.float16:
            return False  # numeric derivatives are lost in its rounding
        if x.dtype.kind in "fc" and not numpy.isfinite(x).all():
            return not self.finite
        return not x.size or x.dtype.kind == "b" or bool(numpy.abs(x).max() <= LARGE)

    # Statements -------------------------------------------------------------------------------

    def input(self, source: str) -> None:
        """One more array to start from."""
        self.parameter("abcdefgh"[len(self.inputs)], source)

    def parameter(self, name: str, source: str) -> None:
        """Something else to start from."""
        self.inputs.append(f"{name} = {source}")
        self._run(self.inputs[-1])

    def step(self, step: Step) -> None:
        """Write one more statement. Raises Unfit where there is nothing that the step could do."""
        source = step.write(self)
        if not step.is_statement:
            fresh = f"v{len(self.body)}"
            names = [name for name in self._usable if name not in "abcdefgh"] if self.chance(10) else []
            source = f"{self.pick([fresh, *names])} = {source}"
        for part in statements_of(source):
            error = self._run(part)
            if not (error and (self.smooth or (self.in_function and self.chance(97)))):
                self.body.append(part)

    def fill(self, steps: Sequence[Step], count: int) -> None:
        """Write so many statements."""
        self.steps = steps
        for _ in range(count):
            for _ in range(5):
                try:
                    self.step(self.pick(steps))
                    break
                except Unfit:
                    continue

    def block(self, most: int = 2, first: str = "") -> str:
        """The indented source of some statements, which are tried out but not yet done."""
        if self.depth == 2:
            raise Unfit
        saved = self.namespace, self._usable, self.body
        kept = [x for name, x in self.namespace.items() if isinstance(x, types.ModuleType) or "__" in name]
        self.namespace = copy.deepcopy(self.namespace, {id(x): x for x in kept})
        self.body = list(self.body)
        self.depth += 1
        try:
            start = len(self.body)
            if first:
                self._run(first)
            self._usable = self._find_usable()
            self.fill(self.steps, self.integer(1, most))
            return textwrap.indent("\n".join(self.body[start:]) or "pass", "    ")
        finally:
            self.depth -= 1
            self.namespace, self._usable, self.body = saved

    def _find_usable(self) -> dict[str, Any]:
        return {name: value for name, value in self.namespace.items() if self.is_usable(value)}

    def _run(self, source: str) -> Exception | None:
        error = None
        try:
            with warnings.catch_warnings(), numpy.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(source.replace("nonlocal", "global"), self.namespace)
        except Exception as raised:
            error = raised
        self._usable = self._find_usable()
        return error

    @property
    def program(self) -> Program:
        return Program(tuple(self.inputs), tuple(self.body))

    # Small pieces of source -------------------------------------------------------------------

    def shape(self) -> tuple[int, ...]:
        """A shape with up to three axes; now and then an empty one."""
        sizes = (1, 2, 3, 4) if self.smooth or not self.chance(8) else (0, 1, 2, 3)
        return tuple(self.pick(sizes) for _ in range(self.pick((1, 2, 2, 3, 0))))

    def data(self, shape: tuple[int, ...], dtype: str = "float64") -> str:
        """Source of a NumPy array with random numbers."""
        rng = f"numpy.random.RandomState({self.integer(0, 99)})"
        if dtype == "bool":
            return f"{rng}.rand{shape} > 0.5" if shape else f"numpy.array({self.chance(50)})"
        if dtype.startswith("int"):
            return f"numpy.array({rng}.randint(-4, 5, {shape}), '{dtype}')"
        numbers = f"{rng}.uniform(-2, 2, {shape})"
        if not self.smooth and self.chance(30):
            numbers = f"numpy.round({numbers})"  # equal numbers
        if dtype == "complex128":
            return f"numpy.array({numbers} + 1j * {rng}.uniform(-2, 2, {shape}))"
        return f"numpy.array({numbers})" if dtype == "float64" else f"numpy.array({numbers}, '{dtype}')"

    def number(self) -> str:
        """Source of a number: Python's or NumPy's."""
        kinds = ("int", "float", "float", "numpy.float64", "numpy.int64", "bool", "numpy.float32", "1j")
        kind = self.pick(kinds[: 5 if self.smooth else len(kinds)])
        if kind == "1j":
            return self.pick(("1j", "(0.5 - 1j)"))
        if kind == "bool":
            return self.pick(("True", "False", "numpy.bool_(True)"))
        whole = self.integer(-3, 3)
        if kind == "int":
            return str(whole)
        fraction = whole + self.pick((0.0, 0.25, 0.5))
        return str(fraction) if kind == "float" else f"{kind}({whole if 'int' in kind else fraction})"

    def axis(self, ndim: int) -> int:
        """An axis, from either end; now and then one that is not there."""
        if not self.smooth and self.chance(2):
            return ndim
        if not ndim:
            raise Unfit
        return self.integer(-ndim, ndim - 1)

    def operand(self, shape: tuple[int, ...], within: bool = False) -> str:
        """Something that fits an array of this shape; ``within``: without making it larger."""

        def fits(x: Any) -> bool:
            try:
                common = numpy.broadcast_shapes(shape, x.shape)
            except ValueError:
                return False
            return common == shape if within else numpy.prod(common, dtype=int) <= MANY

        chosen = self.integer(0, 9)
        names = self.arrays(fits)
        if chosen < 6 and names:
            return self.pick(names)
        if chosen == 9:
            ndim = self.integer(0, len(shape))
            part = tuple(self.pick((size, size, 1)) for size in shape[len(shape) - ndim :])
            made = self.data(part, self.pick(DTYPES[: 1 if self.smooth else len(DTYPES)]))
            return made if self.chance(50) else f"np.array({made})"
        if chosen == 8 and not self.smooth:
            if self.chance(50) and shape:
                return repr([self.integer(-2, 2) / 2 for _ in range(shape[-1])])
            return self.array()  # perhaps one that does not fit
        return self.number()

    def laid_out(self, x: str) -> str:
        """An array in C order. Of another order NumPy's ``reshape`` makes a copy, which may be a view here:
        MXNet's results are always in C order."""
        return x if self.value(x).flags.c_contiguous else f"{x}.copy()"

    def module(self) -> str:
        """Where a function is called from: mostly ``np``; NumPy's own work on MinPy's arrays too."""
        return "numpy" if self.chance(15) else "np"
