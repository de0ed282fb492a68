"""The value and the gradient of a function as a program of NumPy that people read, run and step through."""

from __future__ import annotations

from collections.abc import Sequence

from minpy.compiler.explain.numpy_program import Joint, NumPyProgram
from minpy.compiler.ir import Graph
from minpy.compiler.passes.cse import merge_common_subexpressions
from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.compiler.paths import identifier
from minpy.compiler.plans import Plan
from minpy.compiler.program import Program
from minpy.compiler.trace import ARRAY, Trace, flows, replay
from minpy.errors import UnsupportedError


def gradient_source(program: Program, plan: Plan) -> str:
    """The program of a function that was compiled as a whole.

    Args:
        plan: with the gradients that were asked for; of a plan without any, those of all float arguments.

    Raises:
        UnsupportedError: the function does not give an array of floats, or an op cannot be written in NumPy.
        GradientError: an op has no gradient.
    """
    lowered = plan.lowered
    assert lowered is not None
    if lowered.result is None or not flows(lowered.result):
        raise UnsupportedError(f"{program.source.name} does not return an array of floats")
    inputs, paths = lowered.trace.inputs, plan.input_paths
    wanted = [
        i for i, path in enumerate(paths) if (f"gradient of {path}", str(inputs[i].aval)) in plan.outputs
    ]
    if not wanted:
        wanted = [i for i, path in enumerate(paths) if flows(inputs[i]) and path.root.step == "local"]
    forward = _simple(Graph(tuple(inputs), tuple(lowered.trace.eqns), (lowered.result,)))
    joint = _differentiated(forward, wanted)
    floats = [var in lowered.float_inputs for var in inputs]
    return NumPyProgram(program.source, joint, paths, floats).text()


def _simple(graph: Graph) -> Graph:
    """The graph as it was written, without what is done twice or for nothing."""
    return eliminate_dead_code(merge_common_subexpressions(graph))


def _differentiated(forward: Graph, wanted: Sequence[int]) -> Joint:
    """Forward and backward as one graph. What the user did not name is named after its op, so that its
    cotangent has a name too."""
    trace = Trace()
    trace.namespace, trace.raises = ARRAY, False
    with trace.interpreting():
        inputs = [trace.input(var.aval, ARRAY, var.name) for var in forward.inputs]
        (value,) = replay(trace, forward, inputs)
        unnamed = {var: eqn.op.name for eqn in trace.eqns for var in eqn.outputs if not var.name}
        value.suggest_name("value")
        for var, name in unnamed.items():
            var.name = var.name or identifier(name.rpartition(".")[2])
        trace.loc = None
        seed = trace.input(value.aval, ARRAY, f"{getattr(value.atom, 'name', 'value')}_bar")
        grads = trace.gradients([(value, seed)], [inputs[i] for i in wanted])
    flowing = [(trace.inputs[i], grad.atom) for i, grad in zip(wanted, grads) if grad is not None]
    graph = trace.graph([value.atom, *(grad for _, grad in flowing)])
    return Joint(_simple(graph), trace.inputs[-1], [var for var, _ in flowing], set(unnamed))
