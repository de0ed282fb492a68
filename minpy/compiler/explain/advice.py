"""What to change so that a leftover compiles: kinds of reasons, each with its advice.

Reasons are written where the compiler finds that it cannot go on; here is one row for each kind. Advice
is only what is true for every program. Where nothing can be changed, that is what it says.
"""

from __future__ import annotations

import re

from minpy.compiler.notes import Change

_SELECT = "select with np.where(test, a, b) instead of branching"
_STORE_LATER = "return the value and store it after the call"
_FITS = "use a function with yes under MXNet in docs/operators.md"
_ARRAY = "keep it an array; make a number or a text of it after the call"

#: (pattern of the reason, pattern of the line, advice); the first row that fits counts.
ADVICE: tuple[tuple[str, str, str], ...] = (
    # Control flow on data
    (
        "test depends on array data|truth of an array",
        r"^\s*while\b",
        "loop a fixed number of times, and select with np.where",
    ),
    ("test depends on array data|truth of an array", r"^\s*assert\b", "check it after the call"),
    ("test depends on array data|truth of an array", "", _SELECT),
    ("bounds of a slice depend on", "", "take bounds that do not depend on data, or a mask with np.where"),
    (
        "indexed by a value known at run time|membership is tested",
        "",
        "stack the entries into one array and index that",
    ),
    ("needs array data|number is made from array data|formatted into a string|is not compiled$", "", _ARRAY),
    ("selection by a mask", "", "keep the shape: np.where(mask, x, 0)"),
    # Effects
    ("^(breakpoint|pdb)", "", "take it out when you are done"),
    ("has to happen on every call", "", "do it before or after the call"),
    ("draws new numbers", "", "draw before the call and pass the numbers as an argument"),
    (
        "assertion fails|^it raises|iteration over a 0-d|cannot hold",
        "",
        "correct the line, it raises an error",
    ),
    # Writing
    ("written, which is read-only", "", "write to a copy, as in x = x.copy()"),
    ("written, and .* shares memory", "", "write to a copy, or pass arrays that share no memory"),
    ("order in memory", "", "reshape a copy, as in x.copy().reshape(...)"),
    ("written into a NumPy array", "", "make the array with minpy.numpy"),
    ("mask (stands|chooses where)", "", "make a new array, as in np.where(mask, v, x)"),
    ("element or attribute is|attribute of an object is written|global or nonlocal", "", _STORE_LATER),
    ("in place|in-place", "", "make a new object, as in x = x + y"),
    (
        "object from outside is changed|made here is used later|hold the same",
        "",
        "make a new list or dict and return it",
    ),
    ("a static argument, known", "", "pass a value that is known before the call"),
    # Functions
    ("no operator for|table lacks|has several results|run by NumPy", "", _FITS),
    ("MXNet has no|which MXNet does not have", "", "convert to float32 or float64 first"),
    ("compiler does not know", "", "write it in Python, with functions of NumPy"),
    (
        r"custom operator|gradient of its own|under minpy\.(checkpoint|eager)",
        "",
        "nothing to change; what is around it is compiled",
    ),
    ("gets a function|key function|called from outside", "", "call the function by its name"),
    ("generator or a coroutine", "", "return a list instead of yielding"),
    ("source of|source of the lambda", "", "define the function with def, in a file"),
    ("private names", "", "rename what begins with two underscores"),
    ("nested (too deeply|more than)", "", "use a loop instead of recursion"),
    ("unrolls to more than", "", "jit one turn of the loop as a function of its own"),
    (
        "in each turn of the loop",
        "",
        "keep types and shapes the same in every turn, and numbers that change in arrays",
    ),
)


def advice(reason: str, line: str = "") -> str:
    """What to change, given a reason and the text of the line that it is about; empty for unknown reasons."""
    for of_reason, of_line, text in ADVICE:
        if re.search(of_reason, reason) and re.search(of_line, line):
            return text
    return ""


#: kind of the change (see ``notes.Change``) -> advice
_ON_CHANGE = {
    "value": "pass it as an argument, in a float or an array, so that its value is an input",
    "identity": "define the object once, so that it stays the same one",
    "type": "keep its type the same",
    "length": "keep its length the same, or stack it into one array",
    "keys": "keep its keys the same",
    "array": "keep its shape and dtype the same",
    "absent": "define it before the first call",
    "writable": "pass an array that can be written",
    "ordered": "keep its layout in memory the same, for example by numpy.ascontiguousarray",
    "same": "keep these two the same object, or different ones",
    "distinct": "keep these two the same object, or different ones",
    "disjoint": "pass arrays that share no memory",
    "overlapping": "pass arrays that share no memory",
}


def advice_on_change(change: Change) -> str:
    """What to do so that a change does not make the compiler compile again."""
    if change.kind != "argument":
        return _ON_CHANGE.get(change.kind, "")
    if "[" in change.before and "[" in change.after:
        return "keep shape and dtype the same, for example by padding the last batch"
    if change.before.lstrip("-").isdigit() and change.after.lstrip("-").isdigit():
        return "where its value decides nothing, pass it as a float or an array"
    return "keep it the same, or jit one function for each"
