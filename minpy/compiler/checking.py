"""``jit(check=True)``: compiled code is held against plain Python when it runs for the first time.

Two questions have two answers. Does the graph give what NumPy gives for its equations? If not, the equations
are compared one by one, and the first that differs names the line. And do the equations say what the source
says? For that the statements run as plain Python on copies; if the results differ, the first statement after
which they do names the line.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

import numpy

from minpy.compiler.driver import compile_graph
from minpy.compiler.graph_op import run_compiled
from minpy.compiler.ir import Graph, Loc
from minpy.compiler.paths import Path, local_path
from minpy.compiler.reference import Reference, differ
from minpy.errors import CheckError
from minpy.runtime.array import Array, Value
from minpy.runtime.location import place
from minpy.runtime.policy import OnlyNumPyPolicy
from minpy.runtime.tape import pausing

if TYPE_CHECKING:
    from minpy.compiler.plans import Runnable
    from minpy.compiler.regions import Block


class Outcome(NamedTuple):
    """What came of a call: a result or an error."""

    result: Any
    error: Exception | None = None


class Comparison:
    """One run of a compiled block, beside one in plain Python.

    Args:
        plain: does the same as the block, for values of its variables, in plain Python.
    """

    def __init__(
        self, block: Block, runnable: Runnable, plain: Callable[[tuple], Any], values: tuple, found: tuple
    ):
        self.block = block
        self.runnable = runnable
        self.values = values
        self.found = found
        self.inputs = [_content(x).copy() for x in found[: len(runnable.graph.inputs)]]
        self.unchanged = self._copies(values)
        self.copies = self._copies(values)
        self.expected = outcome(plain, self.copies) if self.copies is not None else None

    def finish(self, results: Sequence[Array]) -> Any:
        """The result of the block, given that of the graph. Raises CheckError where plain Python differs."""
        result, told = self.compare(results)
        if told:
            raise _differs(self._first_statement(), told)
        return result

    def compare(self, results: Sequence[Array]) -> tuple[Any, str]:
        """The result of the block, and how that of plain Python differs; empty where it does not.

        Raises CheckError where the graph differs from NumPy.
        """
        reference = check_graph(self.runnable.graph, self.inputs, results)
        runs = [self._finished(outputs) for outputs in reference.outputs()]
        result = self.runnable.finish(results, self.found)
        if self.expected is None:
            return result, ""
        return result, difference(self.expected, Outcome(result), runs) or self._arguments_differ()

    def _finished(self, outputs: Sequence[numpy.ndarray]) -> Any:
        """What the block would give for these outputs, without touching the user's arrays."""
        spare = tuple(copy.copy(x) if isinstance(x, (Array, numpy.ndarray)) else x for x in self.found)
        return self.runnable.preview([Array(Value(x.copy())) for x in outputs], spare)

    def _copies(self, values: tuple) -> tuple | None:
        """The values, as copies if any is written. None where something else than an argument is."""
        roots = {_root(path) for path in self.runnable.written}
        if not roots.issubset(map(local_path, self.block.inputs)):
            return None
        try:
            return copy.deepcopy(values) if roots else values  # in one, so that what is shared stays so
        except Exception:  # objects that cannot be copied
            return None

    def _arguments_differ(self) -> str:
        """How the arrays and objects differ that the block writes to."""
        plain, compiled = (dict(zip(self.block.inputs, x)) for x in (self.copies or (), self.values))
        for path in self.runnable.written:
            try:
                told = difference(path.resolve(plain, []), path.resolve(compiled, []))
            except (LookupError, AttributeError):  # it was taken out of the object that it was in
                continue
            if told:
                return f"{path}: {told}"
        return ""

    def _first_statement(self) -> Loc:
        """The first statement after which the variables differ."""
        block = self.block
        for count, statement in enumerate(block.statements[:-1], 1):
            names = tuple(sorted(block.program.local_names))
            start = block.child(block.statements[:count], block.inputs, names, block.around)
            values = self._copies(self.unchanged or ())
            if values is None:
                break
            plan = start.make_plan((), values)
            found = plan.guard(values)
            if plan.runnable is not None and found is not None:
                beginning = Comparison(start, plan.runnable, start.run_python, values, found)
                if beginning.compare(plan.runnable.execute(found))[1]:
                    return block.program.source.loc(statement)
        return block.program.source.loc(block.statements[-1])


def _content(x: Any) -> numpy.ndarray:
    """NumPy's array of a value, perhaps of one that a gradient is being taken of."""
    return x._current().numpy() if isinstance(x, Array) else numpy.asarray(x)


def _root(path: Path) -> Path:
    return path if path.parent is None else _root(path.parent)


def outcome(function: Callable[[tuple], Any], values: tuple) -> Outcome:
    """What a function gives in plain Python, by NumPy alone and without a trace of it."""
    states = numpy.random.get_state(), random.getstate()
    try:
        with OnlyNumPyPolicy(), pausing(), numpy.errstate(all="ignore"):
            return Outcome(function(values))
    except Exception as error:
        return Outcome(None, error)
    finally:
        numpy.random.set_state(states[0])
        random.setstate(states[1])


# The graph against NumPy -----------------------------------------------------------------------


def check_graph(graph: Graph, inputs: Sequence[numpy.ndarray], results: Sequence[Any]) -> Reference:
    """Raise CheckError where the results of a compiled graph are not those of NumPy."""
    reference = Reference(graph, inputs)
    runs = list(zip(*reference.outputs()))
    given = [_content(Array(result)) for result in results]
    wrong = [i for i, x in enumerate(given) if differ(runs[i][0], x, runs[i]).any()]
    if not wrong:
        return reference
    everything = tuple(var for eqn in graph.eqns for var in eqn.outputs)
    found = run_compiled(compile_graph(graph._replace(outputs=everything)), [Value(x) for x in inputs])
    by_var = {var: value.numpy() for var, value in zip(everything, found)}
    for eqn in graph.eqns:
        for var in eqn.outputs:
            if reference.differs(var, by_var[var]):
                values = [run[var] for run in reference.runs]
                told = f"{eqn.op.name} gives {_values_text(values[0], by_var[var], values)}"
                raise _differs(eqn.loc, told)
    # No equation by itself is wrong: the passes made something else of them together.
    makers: dict[Any, Any] = {var: eqn.loc for eqn in graph.eqns for var in eqn.outputs}
    first = wrong[0]
    raise _differs(makers.get(graph.outputs[first]), _values_text(runs[first][0], given[first], runs[first]))


# Comparing --------------------------------------------------------------------------------------


def difference(expected: Any, found: Any, runs: Sequence[Any] = ()) -> str:
    """How two results differ, in words; empty where they are the same but for rounding.

    Args:
        runs: the result of a run, and of runs that round otherwise (see ``reference.differ``).
    """
    if isinstance(expected, Outcome):
        if expected.error is not None:
            return f"plain Python raises {type(expected.error).__name__}: {expected.error}"
        return difference(expected.result, found.result, runs)
    if type(expected) is not type(found):
        return f"plain Python gives a {type(expected).__name__}, compiled code a {type(found).__name__}"
    if isinstance(expected, (tuple, list)):
        return _difference_of_items(_numbered(expected), _numbered(found), list(map(_numbered, runs)))
    if isinstance(expected, dict):
        return _difference_of_items(expected, found, runs)
    if isinstance(expected, (Array, numpy.ndarray, numpy.generic, float, complex)):
        a, b, *others = map(_content, (expected, found, *runs))
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            return f"plain Python gives {a.dtype}{list(a.shape)}, compiled code {b.dtype}{list(b.shape)}"
        return _values_text(a, b, others) if differ(a, b, others).any() else ""
    if isinstance(expected, (int, str, bytes, type(None))) and expected != found:
        return f"plain Python gives {expected!r}, compiled code {found!r}"
    return ""


def _numbered(x: Any) -> dict:
    return dict(enumerate(x))


def _difference_of_items(expected: dict, found: dict, runs: Sequence[dict]) -> str:
    if list(expected) != list(found):
        return f"plain Python gives {list(expected)}, compiled code {list(found)}"
    for key, value in expected.items():
        told = difference(value, found[key], [run[key] for run in runs if key in run])
        if told:
            return told
    return ""


def _values_text(expected: numpy.ndarray, found: numpy.ndarray, runs: Sequence[numpy.ndarray]) -> str:
    """The first element that differs most."""
    with numpy.errstate(all="ignore"):
        away = numpy.nan_to_num(abs(expected.astype(complex) - found.astype(complex)), nan=numpy.inf)
    away = numpy.where(differ(expected, found, runs), away, -1)
    at = numpy.unravel_index(int(numpy.argmax(away)), expected.shape)
    index = f" at {tuple(map(int, at))}" if at else ""
    return f"{found[at]} compiled, {expected[at]} by NumPy{index}"


def _differs(loc: Loc | None, told: str) -> CheckError:
    what = "its gradient: " if loc is not None and loc.is_backward else ""
    where = f"\n  at {place(*loc[:3])}" if loc is not None else ""
    return CheckError(f"compiled code differs from plain Python: {what}{told}{where}")
