"""A graph of value and gradients, written as a function of NumPy.

Names are the user's. A name is used again when nothing needs its old value, so that the program reads
``x = x * 2`` where the user's does. What has no name and is used once becomes part of the expression that
uses it.
"""

from __future__ import annotations

import inspect
import linecache
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from minpy.compiler.explain.spelling import Text, is_used_once, spelled, spelled_atom
from minpy.compiler.explain.text import short_path
from minpy.compiler.ir import Eqn, Graph, Loc, Var
from minpy.compiler.paths import Path, identifier
from minpy.compiler.source import Source

WIDTH = 88  # of the lines


class Joint(NamedTuple):
    """A graph of value and gradients.

    Attributes:
        graph: its outputs are the value, then the gradients of ``wanted``.
        seed: the input that is the cotangent of the value: ones.
        wanted: those inputs whose gradient is not zero everywhere.
        unnamed: variables whose name is not the user's.
    """

    graph: Graph
    seed: Var
    wanted: list[Var]
    unnamed: set[Var]


class NumPyProgram:
    """Writes the function.

    Args:
        paths: of the inputs: how the user's program reaches them, or what Python computes them from.
        floats: which of the inputs are Python floats.
    """

    def __init__(self, source: Source, joint: Joint, paths: Sequence[Path], floats: Sequence[bool]):
        self.source, self.joint, self.graph = source, joint, joint.graph
        self.lines: list[str] = []
        self.names: dict[Any, str] = {}
        self._holders: dict[str, Any] = {}  # name -> the variable that has it now
        self._pending: dict[Any, Text] = {}  # what becomes a part of the expression that uses it
        self._last_use = _last_uses(self.graph)
        self.helpers = list(dict.fromkeys(helper for eqn in self.graph.eqns for helper in eqn.op.helpers))
        for helper in self.helpers:
            self._holders[helper.__name__] = helper
            self._last_use[helper] = self.graph.size
        self._inlined = set(self._find_inlined())
        self.inputs = [
            (var, path, is_float)
            for var, path, is_float in zip(self.graph.inputs, paths, floats)
            if var in self._last_use
        ]
        self.parameters: dict[Path, str] = {}

    def text(self) -> str:
        """The program."""
        self._add_inputs()
        heading: Any = None
        for position, eqn in enumerate(self.graph.eqns):
            if self.joint.seed in eqn.inputs and self.joint.seed not in self.names:
                self._add_seed(position)
                heading = None
            if eqn.loc is not None and _block(eqn) != heading:
                self.lines.extend(self._comment(eqn.loc))
                heading = _block(eqn)
            self._add_equation(eqn, position)
        self._add_results()
        name = f"{identifier(self.source.name)}_value_and_gradient"
        head = _wrapped(f"def {name}({', '.join(self.parameters.values())}):", indent=0)
        body = [f"    {line}" if line else "" for line in (*self._docstring(), *self.lines)]
        imports = ["import numpy as np"]
        if any("scipy.special." in line for line in body):
            imports.append("import scipy.special")
        if any("math." in line for line in self.lines):
            imports.insert(0, "import math\n")
        if self.helpers:
            imports[-1:] = ["import numpy", "import numpy as np"]
        printed = [f"\n\n{inspect.getsource(helper)}".rstrip() for helper in self.helpers]
        return "\n".join([*imports, *printed, "", "", *head, *body, ""])

    def _add_inputs(self) -> None:
        """Name the inputs, and compute those that Python computes from other numbers."""
        names = {path: self._bind(var, -1) for var, path, _ in self.inputs}
        done: set[Path] = set()
        for _, path, _ in self.inputs:
            if path.step != "number":
                self.parameters[path] = names[path]
                continue
            for part in (*path.key.before(done), path):
                for operand in part.key.numbers:
                    if operand not in names:
                        names[operand] = self._fresh(operand)
                        if operand.step != "number":
                            self.parameters[operand] = names[operand]
                name = names[part] = names.get(part) or self._fresh(part)
                self._add(f"{name} = {part.key.source(names.__getitem__, repr)}")
                done.add(part)
        for var, _, is_float in self.inputs:
            if is_float:
                self._add(f"{self.names[var]} = np.float64({self.names[var]})")

    def _fresh(self, path: Path) -> str:
        """A name for a number that only numbers are computed from."""
        name = next(name for name in _candidates(identifier(path.label)) if name not in self._holders)
        self._holders[name] = path
        return name

    def _find_inlined(self) -> Iterator[Any]:
        """Variables without a name of the user's that are used once, in the same block.

        What they are computed from is then used where they are.
        """
        uses = Counter(atom for eqn in self.graph.eqns for atom in eqn.inputs)
        user = {atom: position for position, eqn in enumerate(self.graph.eqns) for atom in eqn.inputs}
        for eqn in reversed(self.graph.eqns):
            var = eqn.outputs[0]
            has_name = var.name and var not in self.joint.unnamed
            if has_name or len(eqn.outputs) > 1 or uses[var] != 1 or var in self.graph.outputs:
                continue
            position = user[var]
            consumer = self.graph.eqns[position]
            if _block(consumer) == _block(eqn) and is_used_once(consumer.inputs.index(var), consumer):
                yield var
                position = max(position, self._last_use[var])
                for atom in eqn.inputs:
                    self._last_use[atom] = max(self._last_use[atom], position)

    def _add(self, line: str) -> None:
        self.lines.extend(_wrapped(line))

    def _bind(self, var: Any, position: int, is_read_later: bool = False) -> str:
        """A name for a variable that the equation at ``position`` binds.

        Args:
            is_read_later: the operands are still read after the name was assigned.
        """
        for name in _candidates(identifier(var.name or "t")):
            holder = self._holders.get(name)
            if holder is None or self._last_use.get(holder, -2) < position + (not is_read_later):
                break
        self._holders[name] = var
        self.names[var] = name
        return name

    def _add_seed(self, position: int) -> None:
        name = self._bind(self.joint.seed, position, is_read_later=True)
        shape, dtype = self.joint.seed.aval
        self.lines.extend(["", "# the gradient of the value with respect to itself"])
        self._add(f'{name} = np.ones({shape}, "{dtype.name}")')

    def _comment(self, loc: Loc) -> list[str]:
        """The forward line that the statements below it come from."""
        where = f"{'gradient of line' if loc.is_backward else 'line'} {loc.line}"
        if loc.file != self.source.file:
            where += f" of {short_path(loc.file)}"
        elif loc.function != self.source.name:
            where += f", in {loc.function}"
        text = f"# {where}: {linecache.getline(loc.file, loc.line).strip()}"
        return textwrap.wrap(text, WIDTH - 4, subsequent_indent="#     ", break_long_words=False)

    def _add_equation(self, eqn: Eqn, position: int) -> None:
        operands = [self._pending.pop(atom, None) for atom in eqn.inputs]
        text = spelled(eqn, [x or spelled_atom(atom, self.names) for x, atom in zip(operands, eqn.inputs)])
        room = WIDTH - 12 - max(len(eqn.outputs[0].name), 8)
        if any(operands) and len(text.text) > room:  # then its parts get names
            for atom, operand in zip(eqn.inputs, operands):
                if operand is not None:
                    self._add(f"{self._bind(atom, position, is_read_later=True)} = {operand.text}")
            text = spelled(eqn, [spelled_atom(atom, self.names) for atom in eqn.inputs])
        if eqn.outputs[0] in self._inlined and not text.is_statement:
            self._pending[eqn.outputs[0]] = text
            return
        out = ", ".join(self._bind(var, position, text.is_statement) for var in eqn.outputs)
        statements = text.text if text.is_statement else f"{{out}} = {text.text}"
        for line in statements.replace("{out}", out).split("\n"):
            self._add(line)

    def _add_results(self) -> None:
        value, *gradients = self.graph.outputs
        if self.joint.seed in gradients and self.joint.seed not in self.names:
            self._add_seed(len(self.graph.eqns))
        results = []
        for var, gradient in zip(self.joint.wanted, gradients):
            name, text = f"{self.names.get(var, var.name)}_bar", spelled_atom(gradient, self.names).text
            if text != name and name not in self._holders:
                self._add(f"{name} = {text}")
                text = name
            results.append(text)
        found = results[0] if len(results) == 1 else f"({', '.join(results)})"
        self._add(f"return {spelled_atom(value, self.names).text}, {found}")

    def _docstring(self) -> Iterator[str]:
        name, wanted = self.source.name, [str(x) for var, x, _ in self.inputs if var in self.joint.wanted]
        first = f"The value of {name} and its gradient with respect to {', '.join(wanted) or 'nothing'}."
        place = f"{name} stands in {short_path(self.source.file)}, line {self.source.first_line}."
        yield from textwrap.wrap(f'"""{first}', WIDTH - 4)
        yield ""
        yield from textwrap.wrap(place, WIDTH - 4)
        for var, path, _ in self.inputs:
            name = self.names[var]
            yield f"{name}: {var.aval}" + (f", which is {path}" if name != str(path) else "")
        yield '"""'


def _last_uses(graph: Graph) -> dict[Any, int]:
    """The position of the last equation that reads a variable; of outputs one behind the last."""
    found: dict[Any, int] = {}
    for position, eqn in enumerate(graph.eqns):
        found.update(dict.fromkeys(eqn.inputs, position))
    found.update(dict.fromkeys(graph.outputs, len(graph.eqns)))
    return found


def _block(eqn: Eqn) -> Any:
    """Equations of one block come from one line, forward or backward."""
    return eqn.loc and (eqn.loc.file, eqn.loc.line, eqn.loc.is_backward)


def _candidates(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield f"{name}_{number}"


# Line lengths ----------------------------------------------------------------------------------


def _wrapped(line: str, indent: int = 4) -> list[str]:
    """A statement, broken as black does where it is too long: at its outermost brackets."""
    width = WIDTH - indent
    if len(line) <= width:
        return [line]
    start, end = line.find("(") + 1, line.rfind(")")
    if not start or _closing(line, start) != end:  # no call, or several side by side
        target, _, value = line.partition(" = ")
        return [f"{target} = (", f"    {value}", ")"]
    inner = line[start:end]
    if len(inner) <= width - 4:
        return [line[:start], f"    {inner}", line[end:]]
    parts = [f"    {part}" for item in _split_at_commas(inner) for part in _folded(f"{item},", width - 4)]
    return [line[:start], *parts, line[end:]]


def _closing(line: str, start: int) -> int:
    """Where the bracket that stands before ``start`` is closed."""
    depth = 1
    for position in range(start, len(line)):
        depth += (line[position] in "([") - (line[position] in ")]")
        if not depth:
            return position
    return len(line)


def _folded(item: str, width: int) -> list[str]:
    """A long list of numbers over several lines."""
    if len(item) <= width:
        return [item]
    return textwrap.wrap(item, width, subsequent_indent="    ", break_long_words=False)


def _split_at_commas(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            parts.append(text[start:position].strip())
            start = position + 1
    last = text[start:].strip()
    return [*parts, last] if last else parts
