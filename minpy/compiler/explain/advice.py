"""What to change so that a leftover compiles: kinds of reasons, each with its advice.

Reasons are written where the compiler finds that it cannot go on; here is one row for each kind. Advice
is only what is true for every program. Where nothing can be changed, that is what it says.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from minpy.compiler.notes import Change


class Advice(NamedTuple):
    """What to do about a kind of reason. ``where`` narrows it to lines of code like this."""

    reason: str
    advice: str
    where: str = ""


_ON_DATA = "test depends on array data|truth of an array"
_RAISES = (
    "assertion fails|^it raises|0-d array|cannot hold|only arrays of one element"
    "|out of bounds|be broadcast|sizes differ|cannot reshape|is not supported, use"
    "|is not defined|expected .* values|yield stands outside|numbers of repetitions|widths are not counts"
)
_OF_OBJECTS = (
    "applied to|objects are|object is|(of an|among) object|used as a key|operand of array arithmetic"
    "|computed (by|when)|than a dict|iteration over|no sequence|attribute .* of a|type of a method"
)

#: For a reason of a new kind, until it gets a row.
ANY_REASON = "move the line out of the function, before or after the call"
#: The first row that fits counts. Patterns are regular expressions.
ADVICE: tuple[Advice, ...] = (
    # Control flow on data
    Advice(_ON_DATA, "loop a fixed number of times, and select with np.where", r"^\s*while\b"),
    Advice(_ON_DATA, "check it after the call", r"^\s*assert\b"),
    Advice(_ON_DATA, "select with np.where(test, a, b) instead of branching"),
    Advice("bounds of a slice depend on", "take bounds that do not depend on data, or a mask with np.where"),
    Advice(
        "indexed by a value known|membership is tested by|key depends on array data",
        "stack the entries into one array and index that",
    ),
    Advice("selection by a mask", "keep the shape, as in np.where(mask, x, 0)"),
    Advice("an array with axes is converted", "take the element first, as in x[0]"),
    Advice(
        "needs array data|number is made from array data|formatted into a string|is an array that is computed"
        "|the default is an array",
        "keep what is computed in arrays; make numbers or text of it after the call",
    ),
    Advice("static argument, known at run time", "pass a value that is known before the call"),
    # Effects
    Advice("^(breakpoint|pdb)", "take it out when you are done"),
    Advice("has to happen on every call", "do it before or after the call"),
    Advice("draws new numbers", "draw before the call and pass the numbers as an argument"),
    Advice("imported for the first time", "import it at the top of the file"),
    Advice("computed when it is read for the first time", "nothing to change: the next call finds the value"),
    Advice("may have no value here", "give it a value on every way to this line"),
    Advice(_RAISES, "correct the line, if it is not meant to raise an error"),
    # Writing
    Advice("has just written|reads memory that it writes", "write a copy, as in x[i] = y.copy()"),
    Advice("float is written to integers", "write an integer, or into an array of floats"),
    Advice("complex number is written", "write its real part, as in np.real(x)"),
    Advice("a power of bools", "convert the bools to integers before"),
    Advice("of which dtype the power is", "convert base and exponent to one dtype before"),
    Advice("is rounded each time", "add numbers of the array's dtype"),
    Advice("so large that it decides", "convert the array to the larger dtype before"),
    Advice("written, which is read-only", "write to a copy, as in x = x.copy()"),
    Advice(
        "written, and .* (shares memory|is the same array)",
        "write to a copy, or pass arrays that share no memory",
    ),
    Advice("a copy keeps the order", "copy it by x.copy()"),
    Advice("order in memory", "reshape a copy, as in x.copy().reshape(...)"),
    Advice("written into a NumPy array", "make the array with minpy.numpy"),
    Advice("mask (stands|chooses where)|at index arrays|so many places", "select with np.where(mask, v, x)"),
    Advice("how MinPy itself works", "do it before the call"),
    Advice(
        "attribute of a (module|class)|how a class works|a nonlocal variable|its own __setattr__",
        "return the value and store it after the call",
    ),
    Advice("(set|changed) by|attributes of an object", "write to a plain attribute, list or dict"),
    Advice(", a property, is deleted|no attribute of its own", "set it to None instead of deleting it"),
    Advice("another one each time", "read it before the call and pass it as an argument"),
    Advice("is read after", "read it before, or keep the value in a variable"),
    Advice("slice of .* is changed", "write the elements one by one"),
    Advice("changes an object at the same time", "write it as two statements"),
    Advice("only for its __init__", "write the __init__ yourself"),
    Advice("(element|attribute) of a .* is (written|deleted)", "keep it in an object of your own class"),
    Advice("in place|in-place", "make a new object, as in x = x + y"),
    Advice(
        "the function .* is used outside",
        "define it outside of the function, or call it in compiled lines only",
    ),
    Advice("made here is used later", "return arrays, or lists, tuples, dicts and objects of arrays"),
    Advice("iterator from outside", "go over a list, or make the iterator inside of the function"),
    # Types and objects
    Advice(
        "MXNet has no (?!operator).* for|which MXNet does not have", "convert to float32 or float64 first"
    ),
    Advice("of Python's bools", "compute it in an array, as in np.where(test, 1, 0)"),
    Advice("Python floats can raise", "compute it in an array, as in np.asarray(x)"),
    Advice("special kind of array", "pass it as a plain array, as in np.asarray(x)"),
    Advice("empty array", "leave out the case of no elements before the call"),
    Advice(
        "arrays by NumPy itself|a method of .* NumPy arrays of MinPy's", "make the array with minpy.numpy"
    ),
    Advice(
        "attribute .* of a (minpy|numpy)", "use a function of NumPy that does it, as in np.real(x) for x.real"
    ),
    Advice("a (list|tuple) is an operand", "make an array of it first, as in np.array([1, 2])"),
    Advice("array is compared with", "compare arrays with numbers and arrays"),
    Advice("list, a tuple or an array", "pass a list of arrays, or one array"),
    Advice("are the same object", "tell them apart by a name or a number that you pass along"),
    Advice(
        "a copy of an object is made",
        "make a new object of its parts, or copy it before the call",
    ),
    Advice("does not take", "make the object by calling its class"),
    Advice("of a metaclass", "nothing to change: what is around it is compiled"),
    Advice("a class is made", "define the class outside of the function"),
    Advice("context manager", "put the with statement around the call, if it concerns all of it"),
    Advice(
        _OF_OBJECTS, "take what is needed out of the object before the call: arrays, numbers, lists, dicts"
    ),
    # Functions
    Advice(
        "no operator for|table lacks|not in the op table|has several results|run by NumPy",
        "use a function with yes under MXNet in docs/operators.md",
    ),
    Advice(
        "options? .* (is|are) not compiled|: .*: not compiled",
        "leave the option out, and do what it does in a line of its own",
    ),
    Advice("keeps its results", "call it before and pass what it gives, or take functools.cache off"),
    Advice("depends on the data", "nothing to change: what is around it is compiled"),
    Advice("NumPy arrays of MinPy's", "call the function of that name in minpy.scipy", "scipy|special"),
    Advice(
        "compiler does not know|is of Python's library",
        "call it before or after, or do the same in Python with functions of NumPy",
    ),
    Advice(
        r"custom operator|gradient of its own|under minpy\.(checkpoint|eager)",
        "nothing to change: what is around it is compiled",
    ),
    Advice(
        "(gets|given) a (key )?function|called from outside|attribute of a function",
        "call the function by its name",
    ),
    Advice("does something when it is left", "yield outside of try and with, or return a list"),
    Advice("generator|a Yield", "return a list instead of yielding"),
    Advice("coroutine", "define it with def"),
    Advice("source of", "define the function with def, in a file or a notebook"),
    Advice("private names", "rename what begins with two underscores"),
    Advice(
        "a gradient with respect to|vjp is taken|that is differentiated",
        "take the gradient of arrays of floats",
    ),
    Advice("of another compilation", "return the value instead of keeping it outside"),
    # Size
    Advice("which Python does faster", "nothing to change, or compute with arrays instead of numbers"),
    Advice("changes again and again", "pass few values, or let it decide nothing"),
    Advice("nested (too deeply|more than)", "use a loop instead of recursion"),
    Advice("unrolls to|more than .* statements", "jit one turn of the loop as a function of its own"),
    Advice(
        "in each turn of the loop",
        "keep types and shapes the same in every turn, and numbers that change in arrays",
    ),
    Advice("(statement|expression) is not compiled", "write it another way, or move it out of the function"),
)


def advice(reason: str, line: str = "") -> str:
    """What to change, given a reason and the text of the line that it is about."""
    fitting = (row for row in ADVICE if re.search(row.reason, reason) and re.search(row.where, line))
    row = next(fitting, None)
    return ANY_REASON if row is None else row.advice


#: kind of the change (see ``notes.Change``) -> advice
_ON_CHANGE = {
    "value": "keep it the same, or jit one function for each",
    "exact": "keep it the same, or jit one function for each",
    "true": "where both ways are short, compute both and select with np.where",
    "false": "where both ways are short, compute both and select with np.where",
    "identity": "define the object once, so that it stays the same one",
    "type": "keep its type the same",
    "length": "keep its length the same, or stack it into one array",
    "keys": "keep its keys the same",
    "array": "keep its shape and dtype the same",
    "absent": "define it before the first call",
    "present": "keep its keys the same",
    "writable": "pass an array that can be written",
    "ordered": "keep its layout in memory the same, for example by numpy.ascontiguousarray",
    "same": "keep these two the same object, or different ones",
    "distinct": "keep these two the same object, or different ones",
    "apart": "give the two attributes of their own, or the same at every call",
    "disjoint": "pass arrays that share no memory",
    "overlapping": "pass arrays that share no memory",
    "within": "keep it small, so that it fits the arrays that it meets",
    "has": "set the attribute before the first call",
    "lacks": "set the attribute before the first call",
}


def advice_on_change(change: Change) -> str:
    """What to do so that a change does not make the compiler compile again."""
    if change.kind in ("argument", "value", "exact") and _NUMBER_OR_TEXT.fullmatch(change.before):
        return "let it decide nothing, neither sizes nor keys: then one version serves all its values"
    if change.kind != "argument":
        return _ON_CHANGE.get(change.kind, "")
    if "[" in change.before and "[" in change.after:
        return "keep shape and dtype the same, for example by padding the last batch"
    return "keep it the same, or jit one function for each"


#: a number or a text as Python shows it
_NUMBER_OR_TEXT = re.compile(r"-?\d[\d.e+-]*|'.*'|\".*\"")
