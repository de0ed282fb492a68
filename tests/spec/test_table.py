"""The table of README.md names every test of this folder, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent


def test_table_is_complete():
    rows = [line for line in (HERE / "README.md").read_text("utf-8").splitlines() if line.startswith("|")][2:]
    assert all(re.fullmatch(r"\| \d+ [^|]+ \| [^|]*\| (`test_|None: )[^|]+ \|", row) for row in rows), rows
    chapters = [int(row.split()[1]) for row in rows]
    assert sorted(chapters) == chapters and set(chapters) == set(range(1, 27))

    defined = {}
    for path in sorted(HERE.glob("test_[0-9]*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert node.name not in defined, "names tell the tests apart in the table"
                defined[node.name] = int(path.name.split("_")[1])
    named = {name: int(row.split()[1]) for row in rows for name in re.findall(r"`(test_\w+)`", row)}
    assert named == defined
