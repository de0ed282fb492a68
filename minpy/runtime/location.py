"""Where in the user's program something happens, for messages and tracebacks."""

from __future__ import annotations

import ast
import functools
import itertools
import linecache
import os
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import numpy

PACKAGE = str(Path(__file__).resolve().parent.parent) + os.sep
_NUMPY = str(Path(numpy.__file__).resolve().parent) + os.sep


def user_frame() -> Any:
    """The innermost frame outside this package and NumPy."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith((PACKAGE, _NUMPY, "<frozen")):
            return frame
        frame = frame.f_back
    return None


def place(file: str, line: int, function: str) -> str:
    """A line of source, for messages: where it stands, and below its text."""
    text = linecache.getline(file, line).strip()
    return f"{file}:{line} in {function}" + (f"\n    {text}" if text else "")


def user_place() -> str:
    """The line of the user's that runs now, for messages; empty where there is none."""
    frame = user_frame()
    return place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name) if frame else ""


def warn_at_user(message: str, category: type[Warning]) -> None:
    """Warn about the line of the user's that runs now, once for each line unless a filter says otherwise."""
    frame = user_frame() or sys._getframe()
    names = frame.f_globals
    registry = names.setdefault("__warningregistry__", {})
    file, line = frame.f_code.co_filename, frame.f_lineno
    module = names.get("__name__") or "<string>"  # as warnings.warn has it where code is run by exec
    warnings.warn_explicit(message, category, file, line, module, registry)


def lost_gradient(conversion: str) -> str:
    """The warning for a gradient that ends where ``conversion`` makes Python numbers of an array."""
    return (
        f"{conversion} of an array under a gradient: no gradient flows through the result. Keep the array, "
        "or say that it is meant: minpy.stop_gradient(x)."
    )


# Names of operands -----------------------------------------------------------------------------

_OPERATORS: dict[str, Any] = {
    "add": ast.Add,
    "subtract": ast.Sub,
    "multiply": ast.Mult,
    "true_divide": ast.Div,
    "floor_divide": ast.FloorDiv,
    "remainder": ast.Mod,
    "power": ast.Pow,
    "matmul": ast.MatMult,
    "bitwise_and": ast.BitAnd,
    "bitwise_or": ast.BitOr,
    "bitwise_xor": ast.BitXor,
    "left_shift": ast.LShift,
    "right_shift": ast.RShift,
}


def operand_names(name: str, count: int) -> list[str]:
    """What the user's line calls the operands of the operation ``name`` that it runs now.

    Fewer than ``count`` where that cannot be told: before Python 3.11 of several operations in a line.
    """
    frame = user_frame()
    if frame is None:
        return []
    span = _span(frame)
    lines = _expressions("".join(linecache.getlines(frame.f_code.co_filename)))
    found = [
        node
        for node in lines.get(frame.f_lineno, ())
        if span in (None, (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset))
    ]
    operations = [operands for operands in (_operands(node, name, count) for node in found) if operands]
    return [ast.unparse(node) for node in operations[0][:count]] if len(operations) == 1 else []


def _span(frame: Any) -> tuple | None:
    """Where the running expression stands, as Python 3.11 and later know."""
    if sys.version_info < (3, 11):
        return None
    return next(itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))


def _operands(node: ast.expr, name: str, count: int) -> list[ast.expr]:
    """The operands of an expression that may be the operation ``name``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, _OPERATORS.get(name, ())):
        return [node.left, node.right]
    if isinstance(node, ast.Subscript) and name == "index":
        keys = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return [node.value, *(keys if len(keys) == count - 1 else [])]
    if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == name:
        is_method = isinstance(node.func, ast.Attribute) and len(node.args) == count - 1
        return [node.func.value, *node.args] if is_method else node.args  # type: ignore[attr-defined]
    return []


@functools.lru_cache(maxsize=8)
def _expressions(text: str) -> dict[int, list[ast.expr]]:
    """The expressions of a source by each line that they stand in, outer ones first."""
    found: dict[int, list[ast.expr]] = {}
    try:
        tree = ast.parse(text)
    except SyntaxError:  # a notebook's lines can hold more than Python
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                found.setdefault(line, []).append(node)
    return found


# Tracebacks ------------------------------------------------------------------------------------


def without_own_frames(traceback: types.TracebackType | None) -> types.TracebackType | None:
    """A traceback that ends at the user's line: without MinPy's frames, and NumPy's that MinPy called.

    As it is where no frame is the user's, and with the environment variable ``MINPY_TRACEBACK=full``.
    """
    if os.environ.get("MINPY_TRACEBACK") == "full":
        return traceback
    kept: list[types.TracebackType] = []
    is_ours = False
    entry = traceback
    while entry is not None:
        file = entry.tb_frame.f_code.co_filename
        is_ours = file.startswith(PACKAGE) or (is_ours and file.startswith(_NUMPY))
        if not is_ours:
            kept.append(entry)
        entry = entry.tb_next
    result = None
    for entry in reversed(kept):
        result = types.TracebackType(result, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return result or traceback
