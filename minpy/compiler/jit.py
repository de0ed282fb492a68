"""``@minpy.jit``: a function that runs compiled where it can."""

from __future__ import annotations

import functools
import inspect
import threading
import types
from collections.abc import Sequence
from itertools import starmap
from time import perf_counter as now
from typing import Any, Callable, overload

import numpy

from minpy.compiler import driver
from minpy.compiler.driver import Refused
from minpy.compiler.graph_op import run_compiled
from minpy.compiler.guards import Path, local_path
from minpy.compiler.liveness import local_names
from minpy.compiler.outputs import present
from minpy.compiler.regions import Block, Plan, Program, graph_input, signature_of
from minpy.compiler.source import parameter_names, read_source
from minpy.compiler.trace import ARRAY, OperandError, Tracer, flows
from minpy.errors import ContextError, GradientError, UnsupportedError
from minpy.runtime.array import Array
from minpy.runtime.native import MXNetError
from minpy.runtime.policy import current_policy
from minpy.runtime.tape import live_tape

DEFAULT_CACHE_SIZE = 64


class JitFunction:
    """A function together with its compiled forms.

    Calling it gives what the plain function gives. ``minpy.explain`` shows what was compiled.
    """

    def __init__(self, function: Callable, cache_size: int = DEFAULT_CACHE_SIZE):
        functools.update_wrapper(self, function)
        self.function = function
        self.calls = 0
        self.program: Program | None = None
        self.root: Block | None = None
        self.reason = ""  # why there is no program
        self.lock = threading.RLock()
        self._prepare(cache_size)

    def _prepare(self, cache_size: int) -> None:
        if not isinstance(self.function, types.FunctionType):
            self.reason = f"{self.function!r} is not a Python function, so it has no source"
            return
        try:
            source = read_source(self.function)
        except UnsupportedError as error:
            self.reason = error.reason
            return
        names = tuple(parameter_names(source.node.args))
        self.program = Program(self.function, source, local_names(source), self.lock, cache_size)
        self.root = Block(self.program, source.body, names, ())
        self.root.as_python = self._run_plain
        self._signature = inspect.signature(self.function, follow_wrapped=False)
        self._parameters = self._signature.parameters
        self._positional = [
            p.name
            for p in self._parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        self._only_positional = len(self._positional) == len(self._parameters)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.root is None or not compiles_now():
            return self.function(*args, **kwargs)
        return self.root(*self._values(args, kwargs))[1]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def _values(self, args: tuple, kwargs: dict[str, Any]) -> tuple:
        """The arguments in the order of the parameters. Raises TypeError as the function would."""
        if not kwargs and self._only_positional and len(args) == len(self._positional):
            return args
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        assert self.root is not None
        return tuple(bound.arguments[name] for name in self.root.inputs)

    def place_of(self, argument: int | str) -> tuple[str, tuple] | None:
        """The parameter that receives an argument, and the steps to it within ``*args`` or ``**kwargs``."""
        if self.root is None:
            return None
        if isinstance(argument, int):
            if argument < len(self._positional):
                return self._positional[argument], ()
            kind: Any = inspect.Parameter.VAR_POSITIONAL
            step = argument - len(self._positional)
            return next(((p.name, (step,)) for p in self._parameters.values() if p.kind is kind), None)
        found = self._parameters.get(argument)
        if found is not None and found.kind in (found.POSITIONAL_OR_KEYWORD, found.KEYWORD_ONLY):
            return argument, ()
        kind = inspect.Parameter.VAR_KEYWORD
        return next(((p.name, (argument,)) for p in self._parameters.values() if p.kind is kind), None)

    def _run_plain(self, *values: Any) -> tuple:
        args, kwargs = self._call_arguments(values)
        return True, self.function(*args, **kwargs)

    def _call_arguments(self, values: tuple) -> tuple[list, dict[str, Any]]:
        assert self.root is not None
        named = dict(zip(self.root.inputs, values))
        args: list = []
        kwargs: dict[str, Any] = {}
        for name, parameter in self._parameters.items():
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                args.append(named[name])
            elif parameter.kind is parameter.VAR_POSITIONAL:
                args.extend(named[name])
            elif parameter.kind is parameter.KEYWORD_ONLY:
                kwargs[name] = named[name]
            else:
                kwargs.update(named[name])
        return args, kwargs

    def __minpy_lower__(self, lowering: Any, args: list, kwargs: dict[str, Any]) -> Any:
        """Inside another compiled function: inlined."""
        return lowering.inline(self.function, args, kwargs)

    # Forward and backward as one graph ----------------------------------------------------------

    def value_and_gradients(
        self, args: tuple, kwargs: dict[str, Any], wanted: Sequence[tuple[str, tuple, Array]]
    ) -> tuple[Any, list[Array | None]] | None:
        """The value and the gradients by one graph, or None where not all of the function compiles.

        Args:
            wanted: (parameter name, steps into it, the array that is found there).
        """
        if self.root is None or not compiles_now():
            return None
        if any(live_tape([array._current()]) for _, _, array in wanted):
            return None  # inside another gradient: the tape has to see it
        started = now()
        values = self._values(args, kwargs)
        places = tuple((name, steps) for name, steps, _ in wanted)
        signature = (("gradient", places), *signature_of(values))
        for plan in self.root.plans.get(signature, ()):
            found = plan.guard(values)
            if found is not None:
                break
        else:
            plan = self._gradient_plan(signature, places, values)
            started = now()  # what compiling took is noted elsewhere
            found = plan.guard(values)
            if found is None:
                return None
        if plan.compiled is None:
            return None
        self.calls += 1
        plan.calls += 1
        try:
            entered = now()
            result = plan.run(values, found)
            plan.seconds += now() - entered
            self.root.seconds += now() - started
            return result  # type: ignore[return-value]
        except (MXNetError, ContextError):
            plan.failures += 1
            return None  # Python raises what the user's own line raises

    def _gradient_plan(self, signature: tuple, wanted: tuple, values: tuple) -> Plan:
        assert self.root is not None
        with self.lock:
            self.root.program.note_compilation(self.root, signature, values)
            started = now()
            plan = gradient_plan(self.root, signature, wanted, values)
            self.root.keep(plan, now() - started)
            return plan


def gradient_plan(block: Block, signature: tuple, wanted: tuple, values: tuple) -> Plan:
    """Lower a whole function, differentiate it, and compile value and gradients as one graph.

    Where not all of it can be lowered the plan has no graph, and says why.
    """
    program = block.program
    named = dict(zip(block.inputs, values))
    try:
        lowered = driver.lower(program.source, program.function, block.statements, named)
    except Refused as refused:
        return _no_graph(signature, "", refused.guards, block)  # run by Python, the block notes why
    result = lowered.returned.value if lowered.returned else None
    if not isinstance(result, Tracer) or not flows(result):
        return _no_graph(signature, "the result is not an array of floats", lowered.guards, block)
    trace = lowered.trace
    places = {path: position for position, path in enumerate(lowered.inputs)}
    positions = [places.get(_path(name, steps)) for name, steps in wanted]
    sources = [Tracer(trace, trace.inputs[i], ARRAY) for i in positions if i is not None]
    try:
        with trace.interpreting():
            seed = trace.constant(numpy.ones(result.shape, result.dtype))
            found = iter(trace.gradients([(result, seed)], sources))
        grads = [None if i is None else next(found) for i in positions]
        graph = trace.graph([result.atom, *(grad.atom for grad in grads if grad is not None)])
        compiled = driver.compile_graph(graph)
    except (UnsupportedError, GradientError, OperandError) as error:
        return _no_graph(signature, str(error), lowered.guards, block)
    flowing = [path for path, grad in zip(starmap(_path, wanted), grads) if grad is not None]
    plan = Plan(
        signature,
        lowered.guards.compile(block.inputs),
        lambda values, found: (),
        conditions=lowered.guards,
        lowered=lowered,
        compiled=compiled,
        purpose="value and gradient",
        output_names=["value", *(f"gradient of {path}" for path in flowing)],
    )
    kind = result.kind

    def run(values: tuple, found: tuple) -> tuple:
        inputs = [graph_input(x)._current() for x in found[: len(graph.inputs)]]
        outputs = [Array(value) for value in run_compiled(compiled, inputs)]
        rest = iter(outputs[1:])
        return present(outputs[0], kind), [None if grad is None else next(rest) for grad in grads]

    plan.run = run
    return plan


def _path(name: str, steps: tuple) -> Path:
    path = local_path(name)
    for step in steps:
        path = path.item(step)
    return path


def _no_graph(signature: tuple, reason: str, guards: Any, block: Block) -> Plan:
    guard = guards.compile(block.inputs)
    return Plan(
        signature, guard, lambda values, found: (), guards, purpose="value and gradient", refused=reason
    )


def compiles_now() -> bool:
    """Whether the current policy lets compiled graphs run: they are MXNet's."""
    return current_policy().compiles


@overload
def jit(function: Callable, *, cache_size: int = ...) -> JitFunction: ...


@overload
def jit(function: None = None, *, cache_size: int = ...) -> Callable[[Callable], JitFunction]: ...


def jit(function: Callable | None = None, *, cache_size: int = DEFAULT_CACHE_SIZE) -> Any:
    """Compile a function of NumPy code to MXNet graphs; use as ``@jit`` or ``@jit(cache_size=...)``.

    Nothing happens at decoration. The first call with new shapes, dtypes or constants compiles; what
    cannot be compiled runs as Python. The result never differs from the plain function's.

    Args:
        function: a function or method whose source can be read.
        cache_size: how many compiled versions are kept.

    Raises:
        TypeError: where ``function`` is not callable.
        ValueError: where ``cache_size`` is not positive.
    """
    if not isinstance(cache_size, int) or cache_size < 1:
        raise ValueError(f"cache_size is a positive integer, not {cache_size!r}")
    if function is None:
        return functools.partial(jit, cache_size=cache_size)
    if isinstance(function, JitFunction):
        return function
    if not callable(function):
        raise TypeError(f"jit takes a function, not {function!r}")
    return JitFunction(function, cache_size)
