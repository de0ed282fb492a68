"""The memory of ``Value`` and ``Array``, and the short way of an op to NumPy: in C where that was built.

The files in ``fast/`` run the most frequent ops without a detour through Python. They are an accelerator:
what they do not take is done by ``dispatch.py``, with the same result. Without it, or with ``MINPY_FAST=0``,
the classes and functions here take its place.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from minpy.errors import PerformanceWarning
from minpy.runtime.buffer import export_buffers
from minpy.runtime.sources import fingerprint

_fast: Any = None
#: why the accelerator is not in use; empty where it is
why_slow = ""
if os.environ.get("MINPY_FAST") == "0":
    why_slow = "MINPY_FAST=0 is set"
elif not TYPE_CHECKING:
    try:
        from minpy.runtime import _fast
    except ImportError as error:
        why_slow = f"it was not built, for want of a C compiler, or cannot be loaded ({error})"
if _fast is not None and getattr(_fast, "fingerprint", None) != fingerprint("fast/*.[ch]") != 0:
    warnings.warn(
        f"{_fast.__file__} was built from other sources than those in minpy/runtime/fast, so MinPy runs "
        "without it, slower. Build it again: python setup.py build_ext --inplace --force",
        PerformanceWarning,
        stacklevel=2,
    )
    _fast = None
    why_slow = "it was built from other sources"

#: whether the accelerator is in use
is_fast = _fast is not None

if TYPE_CHECKING or not is_fast:
    _known: dict[str, Any] = {}

    class ValueSlots:
        """What a ``Value`` holds."""

        __slots__ = ("_aval", "_mxnet", "_numpy", "context", "owner", "recorded", "tape")

        def __init__(self, numpy_array: Any, mxnet_array: Any = None, aval: Any = None, context: Any = None):
            self._numpy = numpy_array
            self._mxnet = mxnet_array
            self._aval = aval
            self.context: Any = context or _known["cpu"]
            self.tape: Any = None
            self.recorded = False
            self.owner: Any = None

        @property
        def aval(self) -> Any:
            """Shape and dtype, made when first asked for."""
            aval = self._aval
            if aval is None:
                aval = self._aval = _known["aval"](self._numpy.shape, self._numpy.dtype)
            return aval

    class ArraySlots:
        """What an ``Array`` holds."""

        __slots__ = ("__weakref__", "_base", "_made_by", "_seen", "_value", "_version")

        def __init__(self, data: Any):
            self._value: Any = data if type(data) is _known["values"] else _known["as_value"](data)
            self._base: Any = None
            self._made_by: Any = None
            self._version = 0
            self._seen = 0

        @property
        def aval(self) -> Any:
            """Shape and dtype. They never change, so a view need not look at its base."""
            return self._value.aval

    def configure(
        values: Any, arrays: Any, aval: Any, made_by: Any, cpu: Any, asarray: Any, as_value: Any
    ) -> None:
        """Tell the classes of values and arrays, and what they are made with."""
        _known.update(values=values, aval=aval, cpu=cpu, as_value=as_value)
        export_buffers(arrays, lambda array: array.__array__())

    def accelerate(run_op: Any, getitem: Any, scalars: Any, ufuncs: Any) -> Any:
        """``bind(op, args, params)``, which runs what it can and leaves the rest to ``run_op``.

        Args:
            run_op: the same in Python.
            getitem: ``array[key]`` in Python.
            scalars: the class of scalars.
            ufuncs: the class of ops whose keywords are no params.
        """
        return run_op

    def accelerated(call: Any) -> Any:
        """``Op.__call__`` that runs what it can and leaves the rest to ``call``, the method in Python."""
        return call

    def accelerate_calls(kind: Any) -> None:
        """Call instances by the ``__call__`` of the class as it is now, ``accelerated`` or ``remembered``."""

    def remembered(function: Any) -> Any:
        """``function``, which may remember which op a call comes down to.

        What it does may depend on the arguments alone; on the data of arrays too, if it reads them by
        their ``_numpy``.
        """
        return function

    def shortened(name: str, method: Any) -> Any:
        """``method``, with a short way for the usual call where there is one for this name."""
        return method

    def register_op(
        op: Any,
        function: Any,
        name: str,
        gives_view: bool,
        gives_its_operand: bool,
        is_constant: bool,
        operands: int,
        reduce: Any,
    ) -> None:
        """Let an op take the short way.

        Args:
            function: NumPy's, which computes it.
            name: to count it under.
            gives_view: the result may be a view of the argument.
            gives_its_operand: a number gives a number, an array without axes an array.
            is_constant: no gradient flows through it.
            operands: how many it takes, -1 for any number.
            reduce: of a reduction, the method of a ufunc.
        """

    def register_operator(name: str, op: Any, function: Any) -> None:
        """The op of Python's operator ``name``, and the operator in Python for what the op does not take."""

    def register_settings(
        interpreters: Any, contexts: Any, default_context: list, default_dtype: list
    ) -> None:
        """On what new arrays depend: of each thread its interpreter and its blocks of contexts."""

    def set_thread_policy(policy: Any) -> None:
        """The policy of this thread; None is that of the process."""

    def set_process_policy(policy: Any) -> None:
        """The policy of the process."""

    def flush_counts() -> None:
        """Let the statistics of the policies of the process and of this thread have every run until now."""

    def protect(records: list[tuple], flag: bool) -> None:
        """Say of all values in records of a tape whether one relies on their data."""
        for entry in records:
            for value in (*entry[1], *entry[3]):
                if type(value) is _known["values"]:
                    value.recorded = flag
                    if value.owner is not None:
                        value.root().recorded = flag

    def pause(flag: bool) -> None:
        """Whether every op is left to Python, so that something can look at it."""

else:
    ValueSlots, ArraySlots = _fast.ValueSlots, _fast.ArraySlots
    configure, accelerate, accelerated = _fast.configure, _fast.accelerate, _fast.accelerated
    accelerate_calls = _fast.accelerate_calls
    remembered, shortened = _fast.remembered, _fast.shortened
    register_op, register_operator = _fast.register_op, _fast.register_operator
    register_settings = _fast.register_settings
    pause, protect, flush_counts = _fast.pause, _fast.protect, _fast.flush_counts
    set_thread_policy, set_process_policy = _fast.set_thread_policy, _fast.set_process_policy
