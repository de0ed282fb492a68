"""What MinPy does with each public name of NumPy and of ``scipy.special``: rows, in sections."""

from __future__ import annotations

import operator
import types
import warnings
from typing import Any, NamedTuple

import numpy
import scipy.special

import minpy.numpy as np
import minpy.scipy.special
from minpy.catalog.names import is_discrete, why_left_out, why_without_rule
from minpy.ops import FUNCTIONS, OPS, Op, of_numpy
from minpy.ops.op import UNDEFINED, Ufunc
from minpy.runtime import draws
from minpy.runtime.writing import writes_with_gradient

#: the entries of the column for gradients
YES, PARTLY, MISSING, NO_RULE, NONE = "yes", "in part", "missing", "no rule", "-"
#: where the op table has what an attribute of an array gives under another name
_ATTRIBUTES = {"T": "transpose", "flatten": "ravel", "flat": "ravel", "view": "copy"}
#: the methods of ufuncs
METHODS = ("reduce", "accumulate", "reduceat", "outer", "at")


class Row(NamedTuple):
    """A public name.

    Attributes:
        mxnet: MXNet has it, beside NumPy, for some dtypes at least.
        gradient: 'yes'; 'in part', by some of the arguments; 'no rule' where no useful one exists (see
            ``WITHOUT_RULE``); 'missing' where nobody wrote it; '-' where there is no derivative.
        fusible: kernels compute it element by element.
        reachable: it is in MinPy's namespace too.
        methods: of a ufunc, the gradient of each of its methods; empty where it does not have this one.
    """

    name: str
    mxnet: bool
    gradient: str
    fusible: bool
    reachable: bool = True
    methods: tuple[str, ...] = ()


class Section(NamedTuple):
    """The functions of one namespace."""

    title: str
    rows: list[Row]


class Names(NamedTuple):
    """Names that are no functions, of one kind."""

    title: str
    names: list[str]
    missing: list[str]


def sections() -> list[Section]:
    """Every function, by namespace."""
    ours = np.asarray(numpy.zeros(2))
    functions = [name for name in _public(numpy) if _is_function(getattr(numpy, name))]
    ufuncs = [name for name in functions if isinstance(getattr(numpy, name), numpy.ufunc)]
    rows = [_row("numpy", name, getattr(numpy, name), np) for name in sorted({*functions} - {*ufuncs})]
    by_mxnet = sorted(name for name in FUNCTIONS if "." not in name and not hasattr(numpy, name))
    return [
        Section("Ufuncs", [_ufunc_row(name) for name in ufuncs]),
        Section("Functions", rows),
        Section("Functions that NumPy lacks", [_of_table(name, FUNCTIONS[name]) for name in by_mxnet]),
        _of_module("numpy.linalg", numpy.linalg, np.linalg),
        _of_module("numpy.fft", numpy.fft, np.fft),
        _of_module("numpy.random", numpy.random, np.random),
        Section(
            "numpy.random.Generator",
            [
                _row("numpy.random", name, None, np.random.Generator)
                for name in _public(numpy.random.Generator)
            ],
        ),
        Section("numpy.ndarray", [_attribute_row(name, ours) for name in _public(numpy.ndarray)]),
        _of_module("scipy.special", scipy.special, minpy.scipy.special),
    ]


def namespace(title: str) -> str:
    """Where the functions of a section are found."""
    return "numpy" if title in ("Ufuncs", "Functions") else title.replace(".Generator", "")


def other_names() -> list[Names]:
    """What is no function in the main namespace of NumPy and in those of ``sections``."""
    found: dict[str, list[str]] = {
        "Constants": [],
        "Types of elements": [],
        "Classes and objects": [],
        "Modules": [],
    }
    for name in _public(numpy):
        x = getattr(numpy, name)
        if not _is_function(x):
            found[_kind(x)].append(name)
    for part in (numpy.linalg, numpy.random):
        space = part.__name__[len("numpy.") :]
        found["Classes and objects"] += [
            f"{space}.{n}" for n in _public(part) if isinstance(getattr(part, n), type)
        ]
    return [Names(kind, names, [n for n in names if not _is_reachable(n)]) for kind, names in found.items()]


def _kind(x: Any) -> str:
    if isinstance(x, types.ModuleType):
        return "Modules"
    if isinstance(x, type):
        return "Types of elements" if issubclass(x, numpy.generic) else "Classes and objects"
    is_constant = isinstance(x, (int, float, str, type(None), numpy.bool_))
    return "Constants" if is_constant else "Classes and objects"


def _is_reachable(name: str) -> bool:
    try:
        operator.attrgetter(name)(np)
    except AttributeError:
        return False
    return True


def _public(space: Any) -> list[str]:
    """The names of a namespace that programs use."""
    names = {
        *getattr(space, "__all__", ()),
        *(dir(space) if space is numpy or isinstance(space, type) else ()),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that NumPy is about to remove
        return sorted(
            name
            for name in names
            if not name.startswith("_") and hasattr(space, name) and why_left_out(name) is None
        )


def _is_function(x: Any) -> bool:
    return callable(x) and not isinstance(x, (type, types.ModuleType))


def _of_module(title: str, theirs: types.ModuleType, ours: types.ModuleType) -> Section:
    functions = [name for name in _public(theirs) if _is_function(getattr(theirs, name))]
    return Section(title, [_row(title, name, getattr(theirs, name), ours) for name in functions])


def _row(space: str, name: str, function: Any, ours: Any) -> Row:
    """The row of a function of NumPy's or SciPy's that has this name in MinPy's namespace ``ours``."""
    known = of_numpy(function) or (FUNCTIONS.get(name) if space == "numpy" else None)
    if known is not None:
        return _of_table(name, known)._replace(reachable=hasattr(ours, name))
    return Row(name, False, _gradient_beside_the_table(space, name, function), False, hasattr(ours, name))


def _gradient_beside_the_table(space: str, name: str, function: Any) -> str:
    by_some, by_all = draws.differentiable_by(name) if space == "numpy.random" else (False, False)
    if by_some or writes_with_gradient(function):
        return PARTLY if by_some and not by_all else YES
    if is_discrete(space, name):
        return NONE
    return NO_RULE if why_without_rule(space, name) else MISSING


def _of_table(name: str, function: Any) -> Row:
    op = function if isinstance(function, Op) else OPS.get(function.__name__)
    gradient = YES if function.is_differentiable else NONE
    rules = op.vjp if op is not None and isinstance(op.vjp, tuple) else ()
    if any(isinstance(rule, str) and rule == UNDEFINED for rule in rules):
        gradient = PARTLY
    return Row(name, function.on_mxnet, gradient, op is not None and op.scalar is not None)


def _ufunc_row(name: str) -> Row:
    ufunc = getattr(numpy, name)
    row, known = _row("numpy", name, ufunc, np), of_numpy(ufunc)
    gradients = []
    for method in METHODS:
        exists = ufunc.signature is None and ufunc.nout == 1 and (method == "at" or ufunc.nin == 2)
        has_rule = isinstance(known, Ufunc) or row.gradient == NONE
        gradients.append((row.gradient if has_rule else MISSING) if exists else "")
    return row._replace(methods=tuple(gradients))


def _attribute_row(name: str, array: Any) -> Row:
    """The row of a method or an attribute of arrays."""
    theirs = getattr(numpy.ndarray, name)
    name_in_table = _ATTRIBUTES.get(name, name)
    known: Any = FUNCTIONS.get(name_in_table) or OPS.get(name_in_table)
    is_another = writes_with_gradient(theirs) or is_discrete("numpy.ndarray", name)  # than the function
    if known is not None and not is_another:
        row = _of_table(name, known)
    else:
        row = _row("numpy.ndarray", name, theirs, array)
    return row._replace(reachable=hasattr(array, name))
