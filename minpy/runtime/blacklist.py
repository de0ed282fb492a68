"""Policies with a blacklist: ops that NumPy runs although MXNet has them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any, NamedTuple, Union

import numpy

from minpy.errors import PolicyError
from minpy.ops import FUNCTIONS, OPS, Op, aval_of
from minpy.ops.aval import PYTHON_SCALARS
from minpy.runtime.context import Context
from minpy.runtime.policy import PreferMXNetPolicy, named
from minpy.runtime.statistics import SHOWN_AS
from minpy.runtime.store import JsonFile

#: Measured with MXNet 1.9.1 and NumPy 1.26 on one and two cores of an AMD EPYC: on arrays of 65,536 and of
#: 1,048,576 elements, float32 and float64, MXNet always took 9 times as long or more for these ops (rint
#: 90 to 420 times). It runs them one element after the other. On a GPU they are fast.
DEFAULT_RULES: tuple[dict[str, str], ...] = tuple(
    {"op": name, "device": "cpu", "reason": "many times slower in MXNet"}
    for name in ("rint", "sign", "max", "min", "argmax", "argmin")
)

_PYTHON_NAMES = tuple(kind.__name__ for kind in PYTHON_SCALARS)

RuleLike = Union[str, dict[str, Any]]


class Rule(NamedTuple):
    """Which calls of an op go to NumPy. A condition that is None holds always.

    Attributes:
        op: the name of the op, as ``show_op_stat`` shows it.
        dtypes: of each operand the dtype; None is any, a Python number is 'int' or 'float'.
        ndims: of each operand the number of axes; None is any.
        device: 'cpu' or 'gpu'.
        reason: for the reader.
    """

    op: str
    dtypes: tuple[str | None, ...] | None = None
    ndims: tuple[int | None, ...] | None = None
    device: str | None = None
    reason: str = ""

    @classmethod
    def read(cls, rule: Any) -> Rule:
        """A rule as users write it: a name, or a dict of the attributes. Raises ValueError."""
        if isinstance(rule, str):
            return cls(rule)
        if not isinstance(rule, dict):
            raise ValueError(f"a rule is the name of an op or a dict, not {rule!r}")
        unknown = sorted(set(rule) - set(cls._fields), key=repr)
        if unknown or not isinstance(rule.get("op"), str):
            wrong = f"it has no {unknown[0]!r}" if unknown else "it needs the name of an 'op'"
            raise ValueError(f"a rule has {', '.join(map(repr, cls._fields))}; {wrong}: {rule!r}")
        if rule.get("device") not in (None, "cpu", "gpu"):
            raise ValueError(f"the device of a rule is 'cpu' or 'gpu', not {rule['device']!r}")
        dtypes, ndims = rule.get("dtypes"), rule.get("ndims")
        return cls(
            rule["op"],
            None if dtypes is None else tuple(_dtype_name(x) for x in _listed(dtypes)),
            None if ndims is None else tuple(_number_of_axes(x) for x in _listed(ndims)),
            rule.get("device"),
            str(rule.get("reason", "")),
        )

    def holds(self, values: tuple, context: Context) -> bool:
        """Whether the rule is about this call."""
        if self.device is not None and self.device != context.device_type:
            return False
        return _fits(self.dtypes, values, _dtype_of) and _fits(self.ndims, values, _ndim_of)

    def as_dict(self) -> dict[str, Any]:
        """The rule as users write it, in JSON too."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self._asdict().items()
            if value not in (None, "")
        }


def _listed(x: Any) -> list | tuple:
    return x if isinstance(x, (list, tuple)) else (x,)


def _dtype_name(x: Any) -> str | None:
    if x is None or (isinstance(x, str) and x in _PYTHON_NAMES):
        return x
    try:
        return numpy.dtype(x).name
    except (TypeError, ValueError):
        raise ValueError(f"{x!r} is no dtype") from None


def _number_of_axes(x: Any) -> int | None:
    if x is not None and (isinstance(x, bool) or not isinstance(x, int) or x < 0):
        raise ValueError(f"a number of axes is an integer from 0, not {x!r}")
    return x


def _fits(wanted: tuple | None, values: tuple, of: Any) -> bool:
    if wanted is None:
        return True
    return len(wanted) == len(values) and all(x is None or x == of(y) for x, y in zip(wanted, values))


def _dtype_of(value: Any) -> str:
    return type(value).__name__ if isinstance(value, PYTHON_SCALARS) else aval_of(value).dtype.name


def _ndim_of(value: Any) -> int:
    return aval_of(value).ndim


def _ops_named(name: str) -> set[str]:
    """The ops of the table that users know by this name."""
    function = FUNCTIONS.get(name)
    name = function.name if isinstance(function, Op) else name
    shown = SHOWN_AS.get(name, name)
    return {op for op in OPS if SHOWN_AS.get(op, op) == shown}


@named
class BlacklistPolicy(PreferMXNetPolicy):
    """MXNet where it has the operator, except for the ops on a list: these NumPy runs.

    Compiled functions are MXNet graphs as a whole, so the list is about eager mode.

    Args:
        rules: for each op its name, or a dict such as ``{'op': 'sum', 'dtypes': ['float16'],
            'ndims': [3], 'device': 'cpu'}`` that says for which operands. None is a short list of
            ops that are many times slower in MXNet than in NumPy.

    Raises:
        PolicyError: for a rule that is none, or an op that is not in the table.
    """

    name = "blacklist"

    def __init__(self, rules: Iterable[RuleLike] | None = None):
        super().__init__()
        if isinstance(rules, (str, dict)) or not (rules is None or isinstance(rules, Iterable)):
            raise PolicyError(f"rules is a list of rules, such as ['rint'], not {rules!r}")
        self._by_op: dict[str, list[Rule]] = {}
        self._rules: list[Rule] = []
        for rule in DEFAULT_RULES if rules is None else rules:
            try:
                read = Rule.read(rule)
            except ValueError as error:
                raise PolicyError(str(error)) from None
            if not _ops_named(read.op):
                made = f"; np.{read.op} is made of several" if read.op in FUNCTIONS else ""
                raise PolicyError(f"there is no op {read.op!r}{made}; show_op_stat() shows the names of ops")
            self._add(read)

    @property
    def rules(self) -> list[dict[str, Any]]:
        """The rules that hold, in the form in which they are given."""
        return [rule.as_dict() for rule in self._rules]

    def _add(self, rule: Rule) -> None:
        self._rules.append(rule)
        for name in _ops_named(rule.op) or {rule.op}:
            self._by_op[name] = [*self._by_op.get(name, ()), rule]  # others may be reading the old list

    def decide(self, op: Op, values: tuple, params: dict[str, Any], context: Context) -> bool:
        rules = self._by_op.get(op.name)
        if rules is not None and any(rule.holds(values, context) for rule in rules):
            return False
        return op.mx is not None


@named
class AutoBlacklistPolicy(BlacklistPolicy):
    """A blacklist that is kept in a file and can write itself.

    The default list holds, and the rules in the file.

    Args:
        gen_rule: whether an op that MXNet refuses is put on the list, for operands of these dtypes and
            numbers of axes on this device. NumPy runs it then, this time and from then on.
        append_rule: whether new rules are added to those in the file. Otherwise the rules in the file
            do not hold while new ones are generated, and the first new one replaces them.
        path: the file; by default ``minpy/blacklist.json`` in the user's cache folder. It is JSON,
            made to be read and edited. Where it cannot be written, one warning says so.

    Raises:
        PolicyError: where the file is there but damaged. It is left as it is.
    """

    name = "auto_blacklist"

    def __init__(
        self, gen_rule: bool = False, append_rule: bool = False, path: str | os.PathLike[str] | None = None
    ):
        super().__init__()
        self.gen_rule = gen_rule
        self.append_rule = append_rule
        self._file = JsonFile(path, "blacklist.json")
        self._generated: list[Rule] = []
        self._lock = threading.Lock()
        stored = self._stored()
        if append_rule or not gen_rule:
            for rule in stored:
                self._add(rule)

    @property
    def path(self) -> str:
        """The file of the rules."""
        return str(self._file.path)

    def refused(self, op: Op, values: tuple, results: tuple, reason: str) -> None:
        """Put the op on the list, if rules are generated."""
        if not self.gen_rule or not all(aval_of(x).size for x in (*values, *results)):
            return  # every op is NumPy's where there is no data
        dtypes, ndims = tuple(map(_dtype_of, values)), tuple(map(_ndim_of, values))
        device = results[0].context.device_type
        with self._lock:
            if any(rule.holds(values, results[0].context) for rule in self._by_op.get(op.name, ())):
                return  # another thread was faster
            rule = Rule(SHOWN_AS.get(op.name, op.name), dtypes, ndims, device, reason)
            self._add(rule)
            self._generated.append(rule)
            self._save()

    def _stored(self) -> list[Rule]:
        """The rules in the file. Raises PolicyError where it is damaged."""
        content = self._file.read()
        if content is None:
            return []
        try:
            if not isinstance(content, dict) or not isinstance(content.get("rules"), list):
                raise ValueError('it has no list "rules"')
            return [Rule.read(rule) for rule in content["rules"]]
        except ValueError as error:
            raise self._file.damaged(str(error)) from None

    def _save(self) -> None:
        try:
            stored = self._stored() if self.append_rule else []  # another process may have written too
        except PolicyError as error:
            self._file.warn(error)
            return
        known = {rule[:-1] for rule in stored}
        rules = [*stored, *(rule for rule in self._generated if rule[:-1] not in known)]
        self._file.write({"rules": [rule.as_dict() for rule in rules]})
