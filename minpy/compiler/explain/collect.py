"""From the blocks and plans of a jitted function to a report about it."""

from __future__ import annotations

import linecache
import operator
import types
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from minpy.compiler import notes
from minpy.compiler.cost import cost
from minpy.compiler.driver import Compiled
from minpy.compiler.explain.advice import advice, advice_on_change
from minpy.compiler.explain.report import Leftover, Place, Recompilation, Region, Shares, Variable, Version
from minpy.compiler.ir import Loc
from minpy.compiler.jit import JitFunction
from minpy.compiler.lowering.frames import UNBOUND, Unforeseen
from minpy.compiler.paths import Path
from minpy.compiler.plans import Plan
from minpy.compiler.regions import Block
from minpy.compiler.residual import end_line
from minpy.runtime.forking import compilation
from minpy.runtime.kernels import state


class Graphed(NamedTuple):
    """A version of a region and the graph that it tells about."""

    version: Version
    compiled: Compiled


class Collector:
    """Goes through the blocks of a function.

    Attributes:
        regions: in the order of their lines.
        graphs: the versions of each region with their graphs, by the region's number.
        lines: for each line that was lowered, the numbers of its regions.
        leftovers: in the order of their lines.
        residual: the programs that call the regions, as source.
        notes: what else there is to know, in sentences.
        shares: where the run time went.
        recompilations: in the order in which they happened.
    """

    def __init__(self, function: JitFunction):
        assert function.program is not None and function.root is not None
        self.program, self.root = function.program, function.root
        self.residual: list[str] = []
        self._places: dict[tuple[int, int], list[tuple[Block, Plan]]] = {}
        self._leftovers: list[Leftover] = []
        self.regions: list[Region] = []
        self.graphs: dict[int, list[Graphed]] = {}
        self.lines: dict[Loc, list[int]] = {}
        with compilation(), self.program.lock:  # else another thread compiles meanwhile
            self._collect()

    def _collect(self) -> None:
        """Read everything, while nothing is compiled."""
        self.notes: list[str] = list(self.program.notes)
        self._visit(self.root)
        self.shares = _shares(self.root)
        self.leftovers = _merged(self._leftovers)
        self.recompilations = [_recompilation(item) for item in self.program.recompilations]
        for number, place in enumerate(sorted(self._places), 1):
            self._add_region(number, *place, self._places[place])

    def _visit(self, block: Block) -> None:
        """Note regions, leftovers and residual programs of a block and those inside it."""
        for plan in block.plans:
            if plan.residual is not None and plan.residual.text not in self.residual:
                self.residual.append(plan.residual.text)
            if plan.refused:
                self._note(f"value and gradient are not one graph: {plan.refused}")
            if plan.op is not None and plan.op.refused:
                self._note(f"{_place_of(block)}: the gradient runs op by op: {plan.op.refused}")
            if plan.compiled is not None:
                lines = [line for s in block.statements for line in (s.lineno, end_line(s))]
                place = min(lines), max(lines)
                self._places.setdefault(place, []).append((block, plan))
            for item in plan.leftovers:
                reason = self.program.in_words(item.reason)
                self._leftovers.append(_leftover(item, reason, _seconds_outside(plan)))
            for child in plan.children:
                self._visit(child)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _add_region(self, number: int, first: int, last: int, plans: list[tuple[Block, Plan]]) -> None:
        found = [graphed for block, plan in plans for graphed in self._versions(block, plan)]
        self.graphs[number] = list(_without_repeats(found))
        self.regions.append(Region(number, first, last, [version for version, _ in self.graphs[number]]))
        for _, plan in plans:
            for loc in plan.lowered.lines if plan.lowered else ():
                numbers = self.lines.setdefault(loc, [])
                if number not in numbers:
                    numbers.append(number)

    def _versions(self, block: Block, plan: Plan) -> Iterator[Graphed]:
        """The graph of a plan, and those that were made for its gradient on a tape."""
        assert plan.compiled is not None and plan.lowered is not None
        values = plan.signature[-len(block.inputs) :] if block.inputs else ()
        signature = [
            f"{name}: {notes.describe(part)}"
            for name, part in zip(block.inputs, values)
            if part not in (type(UNBOUND), Unforeseen)
        ]
        graph_inputs = plan.compiled.graph.inputs
        inputs = [
            Variable(str(path), str(var.aval), self._origin(path, plan))
            for path, var in zip(plan.input_paths, graph_inputs)
        ]
        outputs = [Variable(*output) for output in plan.outputs]
        outputs.extend(
            Variable(str(tracer.origin.path), str(tracer.aval), "written in place")
            for tracer in plan.lowered.written
        )
        version = _version(plan.purpose, plan.compiled, signature, inputs, outputs)
        if plan.op is None:  # for a gradient another graph may have run in its place
            version.calls = plan.meter.calls
        version.failures = plan.failures
        version.compile_seconds = plan.compile_seconds
        yield Graphed(version, plan.compiled)
        for op in plan.op.derived() if plan.op is not None else ():
            if op.compiled is not None:
                names = op.graph.names()
                own = [Variable(names[var], str(var.aval)) for var in op.graph.inputs]
                made = [Variable(names[atom], str(atom.aval)) for atom in op.graph.outputs]
                yield Graphed(_version(op.purpose, op.compiled, signature, own, made), op.compiled)

    def _origin(self, path: Path, plan: Plan) -> str:
        """Where an input comes from, in words."""
        root, name = path.root, path.label.split(".")[0].split("[")[0]
        if root.step == "number":
            if root.is_drawn:
                return "drawn by Python"
            is_element = root.key.function is operator.getitem
            return f"in {root.key.operands[0]}" if is_element else "computed by Python"
        if root.step == "local":
            kind = "argument" if root.key in self.root.inputs else "variable"
        else:
            assert plan.conditions is not None
            owner = plan.conditions.fixed[root.key]
            kind = {types.CellType: "closure variable", dict: "global"}.get(type(owner), "constant")
        return kind if name == path.label else f"in {kind} {name}"


def _place_of(block: Block) -> str:
    return f"line {block.statements[0].lineno}"


def _without_repeats(graphs: Iterable[Graphed]) -> Iterator[Graphed]:
    """What differs in nothing but the leftovers around it counts as one version."""
    found: dict[str, Version] = {}
    for graphed in graphs:
        version = graphed.version
        key = repr((version.purpose, version.signature, version.inputs, version.outputs, version.operators))
        known = found.get(key)
        if known is None:
            found[key] = version
            yield graphed
            continue
        seconds = known.seconds_per_call * known.calls + version.seconds_per_call * version.calls
        known.calls += version.calls
        known.seconds_per_call = seconds / known.calls if known.calls else 0.0
        known.compile_seconds += version.compile_seconds
        known.failures += version.failures
        known.compilations += 1


def _version(
    purpose: str, compiled: Compiled, signature: list[str], inputs: list[Variable], outputs: list[Variable]
) -> Version:
    flops, traffic = cost(compiled.graph)
    meter = compiled.meter
    return Version(
        purpose=purpose,
        signature=signature,
        inputs=inputs,
        outputs=outputs,
        calls=meter.calls,
        seconds_per_call=meter.seconds / meter.calls if meter.calls else 0.0,
        compile_seconds=compiled.compile_seconds,
        graph_sizes={stage.name: stage.size for stage in compiled.stages},
        rewritten={stage.name: _lines(stage.rewritten) for stage in compiled.stages if stage.rewritten},
        backward_equations=sum(eqn.loc is not None and eqn.loc.is_backward for eqn in compiled.graph.flat),
        operators=compiled.executor.operators() if compiled.executor else {},
        flops=flops,
        bytes=traffic,
        kernels=compiled.executor.kernels() if compiled.executor else {},
        without_kernels=state(),
        was_kept=compiled.was_kept,
    )


def _lines(locs: Iterable[Loc]) -> list[int]:
    """The lines of the function itself, where those of others were inlined."""
    numbers = set()
    for loc in locs:
        while loc.caller is not None:
            loc = loc.caller
        numbers.add(loc.line)
    return sorted(numbers)


# Leftovers and recompilations ------------------------------------------------------------------


def _leftover(item: notes.Leftover, reason: str, seconds: float) -> Leftover:
    cause_text = linecache.getline(item.cause.file, item.cause.line).strip()
    return Leftover(
        line=item.line,
        last_line=item.last_line,
        reason=reason,
        fix="" if item.is_unforeseen else advice(item.reason, cause_text),
        cause=Place(item.cause.file, item.cause.line),
        cause_text=cause_text,
        columns=item.columns,
        is_control_flow=item.is_control_flow and not item.is_unforeseen,
        is_unforeseen=item.is_unforeseen,
        seconds=seconds,
    )


def _merged(leftovers: Iterable[Leftover]) -> list[Leftover]:
    """The same lines left over for the same reason, for several signatures, count once."""
    found: dict[tuple, Leftover] = {}
    for item in leftovers:
        key = (item.line, item.last_line, item.columns or (), item.reason)
        known = found.get(key)
        found[key] = item if known is None else replace(known, seconds=known.seconds + item.seconds)
    return [found[key] for key in sorted(found)]


def _recompilation(item: notes.Recompilation) -> Recompilation:
    fixes = [advice_on_change(change) for change in item.changes]
    return Recompilation(Place(item.loc.file, item.loc.line), str(item), next(filter(None, fixes), ""))


# Times -----------------------------------------------------------------------------------------


def _seconds_outside(plan: Plan) -> float:
    """What running a plan took in Python, outside of the blocks that it calls."""
    return max(
        0.0, plan.seconds - sum(child.meter.seconds + child.meter.compile_seconds for child in plan.children)
    )


def _shares(root: Block) -> Shares:
    """Where the run time went. What is called and compiled inside of a call is taken off."""
    compiled = forward = leftover = compiling = 0.0
    blocks = [root]
    while blocks:
        for plan in blocks.pop().plans:
            if plan.compiled is not None:
                forward += plan.compiled.meter.seconds
            if plan.op is not None:
                compiling += plan.op.split_seconds
                for op in plan.op.derived():
                    if op.compiled is None:
                        continue
                    if op.purpose.startswith("value"):  # it runs in place of the region itself
                        forward += op.compiled.meter.seconds
                        compiling += op.compiled.compile_seconds
                    else:
                        compiled += op.compiled.meter.seconds
            if plan.leftovers:
                leftover += _seconds_outside(plan)
            compiling += sum(child.meter.compile_seconds for child in plan.children)
            blocks.extend(plan.children)
    return Shares(forward + compiled, leftover, max(0.0, root.meter.seconds - forward - leftover - compiling))
