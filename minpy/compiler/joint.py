"""Forward and backward of a jitted function as one graph."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from time import perf_counter as now
from typing import Any, Callable, NamedTuple

import numpy

from minpy.compiler import driver
from minpy.compiler.driver import Refused
from minpy.compiler.graph_op import run_compiled
from minpy.compiler.guards import Guards
from minpy.compiler.outputs import Epilogue
from minpy.compiler.paths import Path, local_path
from minpy.compiler.plans import Plan, Runnable
from minpy.compiler.regions import Block
from minpy.compiler.trace import ARRAY, OperandError, Tracer, flows
from minpy.errors import GradientError, UnsupportedError
from minpy.ops import creation
from minpy.runtime import stopwatch
from minpy.runtime.array import Array, Value
from minpy.runtime.routes import Output
from minpy.runtime.tape import live_tape, recording
from minpy.runtime.tree import leaves, rebuild

#: (parameter name, steps into it, the array that is found there)
Wanted = Sequence[tuple[str, tuple, Array]]


class Found(NamedTuple):
    """What one graph gives, and the plan that it belongs to. A gradient is None where nothing flows."""

    value: Any
    gradients: list[Array | None]
    plan: Plan


def value_and_gradients(block: Block, values: tuple, wanted: Wanted) -> Found | None:
    """The value of a whole function and its gradients by one graph.

    None where not all of the function compiles, inside another gradient, whose tape has to see it, and
    where the graph fails on its data: Python then raises what the user's own line raises.
    """
    if live_tape([array._current() for _, _, array in wanted]) is not None:
        return None
    if stopwatch.current is not None:
        return stopwatch.current.nested(_value_and_gradients, block, values, wanted)
    return _value_and_gradients(block, values, wanted)


def _value_and_gradients(block: Block, values: tuple, wanted: Wanted) -> Found | None:
    started, compiling = now(), block.meter.compile_seconds
    plan, found = plan_for(block, values, wanted)
    if plan.run is _nothing:
        return None
    result = plan.run(values, found)
    block.add_time(started, compiling)
    return None if result is None else Found(result[0], result[1], plan)


def plan_for(block: Block, values: tuple, wanted: Wanted) -> tuple[Plan, tuple]:
    """The plan of value and gradients for a call, and its guarded inputs; see ``Block.plan_for``."""
    places = tuple((name, steps) for name, steps, _ in wanted)
    signature = block.signature(values, ("gradient", places))

    def give_up(reason: str) -> Plan:
        return Plan(signature, lambda values: (), _nothing, purpose="value and gradient", refused=reason)

    return block.plan_for(signature, values, lambda: _plan(block, signature, places, values), give_up)


def _plan(block: Block, signature: tuple, wanted: tuple, values: tuple) -> Plan:
    """Lower a whole function, differentiate it, and compile value and gradients as one graph.

    Where not all of it can be lowered the plan has no graph, and says why.
    """
    try:
        lowered = block.lower(values)
    except Refused as refused:
        return _no_graph(block, signature, refused.guards, "")  # run by Python, the block notes why
    result = lowered.returned.value if lowered.returned else None
    if not isinstance(result, Tracer) or not flows(result):
        return _no_graph(block, signature, lowered.guards, "the result is not an array of floats")
    trace, effects = lowered.trace, lowered.effects
    places = {tracer.origin.path: position for position, tracer in enumerate(lowered.inputs)}
    positions = [places.get(_path(name, steps)) for name, steps in wanted]
    sources = [Tracer(trace, trace.inputs[i], ARRAY) for i in positions if i is not None]
    end = Epilogue(lowered, frozenset(positions))  # what is differentiated is a copy, as on the tape
    end.foresee([*[arg for effect in effects for arg in effect.args], result])
    try:
        end.store_arrays()
        for effect in effects:
            end.repeat(effect)
        end.give(result)
        with trace.interpreting():
            seed = trace.constant(numpy.ones(result.shape, result.dtype))
            found = iter(trace.gradients([(result, seed)], sources))
        grads = [None if i is None else next(found) for i in positions]
        given = [*end.atoms, *(grad.atom for grad in grads if grad is not None)]
        graph = trace.graph(given, end.parts)
        compiled = driver.compile_graph(graph, context=trace.context)
    except (UnsupportedError, GradientError, OperandError) as error:
        plan = _no_graph(block, signature, lowered.guards, str(error))
        if isinstance(error, UnsupportedError) and block.program.refuse is not None:
            plan.run = block.program.refuse
        return plan
    flowing = [path for path, grad in zip(starmap(_path, wanted), grads) if grad is not None]
    count, taken = len(end.atoms), len(graph.inputs)
    outputs = [("value", str(result.aval))]
    outputs.extend(
        (f"gradient of {path}", str(atom.aval)) for path, atom in zip(flowing, graph.outputs[count:])
    )

    def execute(found: tuple) -> list[Array]:
        return [Array(value) for value in run_compiled(compiled, found[:taken])]

    def finishing(end_of_value: Callable) -> Callable[[Sequence[Array], tuple], tuple]:
        def finish(results: Sequence[Array], found: tuple) -> tuple:
            rest = iter(results[count:])
            return *end_of_value(results, found), [None if grad is None else next(rest) for grad in grads]

        return finish

    states = [lowered.guards.input(path) for path in lowered.states]
    value_form, is_complete = end.form(), len(flowing) == len(grads)
    lowered.forget_values()
    plan = Plan(
        signature,
        lowered.guards.compile(block.inputs),
        _nothing,
        conditions=lowered.guards,
        lowered=lowered,
        compiled=compiled,
        purpose="value and gradient",
        outputs=outputs,
        form=value_form
        and is_complete
        and (*value_form, [Output(count + i, ARRAY) for i in range(len(grads))]),
    )
    written = [array.origin.path for array in lowered.written if array.origin.position not in positions]
    written.extend(effect.target.path for effect in effects)
    finish, preview = finishing(end.compile()), finishing(end.compile(effects=False))
    runnable = Runnable(graph, execute, finish, preview, written, states)
    has_gradient = [grad is not None for grad in grads]
    block.use(
        plan, runnable, lambda values: None, lambda values: _by_tape(block, wanted, values, has_gradient)
    )
    return plan


def _by_tape(block: Block, wanted: tuple, values: tuple, has_gradient: list[bool]) -> tuple:
    """The value and the gradients in plain Python, for ``jit(check=True)``."""
    named = dict(zip(block.inputs, values))
    with recording() as tape:
        boxes: dict[tuple, Array] = {}
        for name in dict.fromkeys(name for name, _ in wanted):
            found = {(name, steps): x for steps, x in leaves(named[name])}
            boxes.update({place: tape.leaf(found[place]) for place in wanted if place[0] == name})
            filled = iter([boxes.get(place, x) for place, x in found.items()])
            named[name] = rebuild(lambda _: next(filled), named[name])  # noqa: B023  # it is called at once
        value = block.run_python(tuple(named.values()))[1]
        seed = Array(Value(numpy.ones(value.shape, value.dtype)))
        gradients = tape.gradients([(value, seed)], [boxes[place] for place in wanted])
    filled = iter(creation.zeros_like(boxes[p]) if g is None else g for p, g in zip(wanted, gradients))
    return value, [Array(g) if has else None for g, has in zip(filled, has_gradient)]


def _path(name: str, steps: tuple) -> Path:
    path = local_path(name)
    for step in steps:
        path = path.item(step)
    return path


def _no_graph(block: Block, signature: tuple, guards: Guards, reason: str) -> Plan:
    guard, purpose = guards.compile(block.inputs, inputs=False), "value and gradient"
    return Plan(signature, guard, _nothing, guards, purpose=purpose, refused=reason)


def _nothing(values: tuple, found: tuple) -> None:
    """There is no graph."""
