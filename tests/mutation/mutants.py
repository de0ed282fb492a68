"""Every small change of a file that cosmic-ray knows, but those that Python cannot tell from the original."""

from __future__ import annotations

import ast
import difflib
import random
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.provider import OperatorProvider

from tests.mutation.forks import ROOT

#: Those that need to be told names of variables are left out.
OPERATORS = {
    name: OperatorProvider()[name]() for name in OperatorProvider() if not name.startswith("Variable")
}
#: The nodes of a tree that operators look at: asking each operator about each node takes long.
_NODES = {"number", "keyword", "comp_op", "factor", "not_test", "test", "decorator", "except_clause"}
_NODES |= {"comparison", "if_stmt", "while_stmt", "assert_stmt", "for_stmt", "try_stmt"}


class Mutant(NamedTuple):
    """One change of one file: the ``occurrence``-th that ``operator`` can make there."""

    path: str
    operator: str
    occurrence: int
    line: int

    def text(self) -> str:
        """The changed file."""
        text = mutate_code((ROOT / self.path).read_text(), OPERATORS[self.operator], self.occurrence)
        assert text is not None, self
        return text

    def is_python(self) -> bool:
        """Whether the changed file can be read at all, as ``x == not 2`` cannot, and without a warning.

        Python warns of ``x is 2``, and all warnings are errors in the tests.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("error", SyntaxWarning)
            try:
                compile(self.text(), self.path, "exec", dont_inherit=True)
            except (SyntaxError, SyntaxWarning):
                return False
        return True

    def difference(self) -> str:
        """The lines that differ, before and after."""
        before, after = (ROOT / self.path).read_text().splitlines(), self.text().splitlines()
        found = list(difflib.unified_diff(before, after, n=0))[3:]
        return "\n".join(f"    {line[0]} {line[1:].strip()}" for line in found if line[0] in "+-")


def mutants_of(path: str) -> Iterator[Mutant]:
    """All of a file. Annotations are never evaluated, so a change there is none."""
    text = (ROOT / path).read_text()
    counts = dict.fromkeys(OPERATORS, 0)
    annotations = _annotations(ast.parse(text))
    for node in ast_nodes(get_ast(text)):
        if not (node.type in _NODES or (node.type == "operator" and node.value not in "()[]{},.:;=")):
            continue
        for name, operator in OPERATORS.items():
            for start, _ in operator.mutation_positions(node):
                if not _unpacks(node) and not any(first <= start < last for first, last in annotations):
                    yield Mutant(path, name, counts[name], start[0])
                counts[name] += 1


def _unpacks(node: Any) -> bool:
    """Whether it is the ``**`` of a dict, or a mark in a signature: parso calls these operators, too."""
    before = getattr(node.get_previous_sibling(), "type", "operator")
    return node.type == "operator" and (before == "operator" or node.parent.type in ("parameters", "lambdef"))


def _annotations(tree: ast.AST) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where annotations begin and end, as (line, column)."""
    found = []
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            part = getattr(node, name, None)
            if part is not None:
                found.append(((part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)))
    return found


def sample(paths: list[str], count: int, seed: int) -> tuple[list[Mutant], int]:
    """So many mutants of these files in random order, of each file its share; and how many there are.

    Those that are not Python, or that Python warns of, are left out.
    """
    generator = random.Random(seed)
    everything: list[Mutant] = []
    for path in paths:
        found = list(mutants_of(path))
        generator.shuffle(found)
        everything += found
    count = min(count, len(everything))
    start = generator.random()
    chosen = [everything[int((i + start) * len(everything) / count)] for i in range(count)]
    generator.shuffle(chosen)
    return [mutant for mutant in chosen if mutant.is_python()], len(everything)


@cache
def statements(path: str) -> list[range]:
    """The lines of each statement of a file with all that belongs to it, the smallest first."""
    tree = ast.parse((ROOT / path).read_text())
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            decorators = [part.lineno for part in getattr(node, "decorator_list", [])]
            found.append(range(min([node.lineno, *decorators]), node.end_lineno + 1))
    return sorted(found, key=len)
