"""Nothing that comes from outside is unpickled or run as code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import minpy
from minpy.errors import SymbolError
from minpy.runtime.network import Node

FOLDER = Path(minpy.__file__).parent
#: where programs are run that MinPy has written itself: what for
WRITTEN = {
    "compiler/outputs.py": "what a graph gives, as an object",
    "compiler/generated.py": "residual programs, from the user's own function",
    "compiler/guards.py": "guards",
    "compiler/target.py": "the order of arguments",
    "core/translation.py": "a symbol of MXNet's; names are letters, digits and _, and attributes numbers",
}


def test_nothing_unpickles_and_only_generated_programs_are_run():
    found = set()
    for path in FOLDER.rglob("*.py"):
        place = path.relative_to(FOLDER).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                modules = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                assert not {"pickle", "cPickle", "marshal", "shelve", "dill"} & set(modules), place
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("eval", "exec")
            ):
                found.add(place)
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, place
    assert found == WRITTEN.keys()


def test_an_attribute_of_a_symbol_is_never_code():
    for name, default in (("stride", ()), ("axis", 1), ("p", 0.5), ("flatten", True)):
        node = Node("Pooling", "pool", (), {name: "__import__('os').system('true')"})
        with pytest.raises(SymbolError, match="pool: " + name):
            node.attr(name, default)
    assert Node("_plus_scalar", "plus", (), {"scalar": "inf"}).attr("scalar", 0.0) == float("inf")
