"""How an op runs in eager mode: by which library, on which device, recorded or not."""

from __future__ import annotations

from typing import Any

import numpy

from minpy.errors import DTypeError, MinPyError, PolicyError, ShapeError, UnsupportedError
from minpy.ops import BY_NUMPY, OPS, Aval, Interpreter, Op, aval_of
from minpy.ops.aval import PYTHON_SCALARS
from minpy.ops.lowering import Builder, Operand
from minpy.ops.methods import ARITHMETIC, COMPARISONS, UNARY, ArrayMethods
from minpy.ops.op import UNDEFINED, Ufunc, as_operand, set_eager_interpreter
from minpy.ops.scalars import GIVES_ITS_OPERAND, gives_scalar
from minpy.runtime import native
from minpy.runtime.array import VIEW_OPS, Array, MadeBy, Value, same_context, to_raw
from minpy.runtime.context import CPU, current_context
from minpy.runtime.location import operand_names, user_place
from minpy.runtime.objects import accelerate, accelerated, register_op, register_operator
from minpy.runtime.policy import count_by_numpy, current_policy
from minpy.runtime.scalar import Scalar
from minpy.runtime.statistics import NO_OPS
from minpy.runtime.tape import live_tape, record, same_tape


class ImperativeBuilder(Builder):
    """Runs each MXNet operator at once."""

    def __init__(self, context: Any):
        self.context = context
        self.runs_at_once = context == CPU

    def emit(self, name: str, inputs: list, attrs: dict[str, str]) -> Any:
        if not inputs and self.context != CPU:
            attrs = {**attrs, "ctx": f"{self.context.device_type}({self.context.device_id})"}
        return native.invoke(name, inputs, attrs)[0]

    def constant(self, array: numpy.ndarray) -> Any:
        return Value(array, context=self.context).mxnet()


def run_op(op: Op, args: tuple, params: dict) -> Any:
    """Apply ``op`` to arrays, NumPy arrays and Python numbers; gives an Array, or a tuple of them."""
    operands: list[Any] = []
    context = tape = None
    for arg in args:
        kind = type(arg)
        if kind is Array or kind is Scalar:
            value = arg._value if arg._base is None else arg._current()
            if value.context is not context:
                context = value.context if context is None else same_context(context, value.context)
            if value.tape is not None and value.tape is not tape and value.tape.alive:
                tape = value.tape if tape is None else same_tape(tape, value.tape)
            operands.append(value)
        elif kind is float or kind is int:
            operands.append(arg)
        else:
            operands.append(_plain(arg))
    values = tuple(operands)
    if context is None:
        context = current_context()
    try:
        results = _run(op, values, params, context)
    except (ValueError, TypeError, IndexError) as error:
        raise _located(error, op.name, args) from None
    if tape is not None:
        record(tape, op, values, params, results)
    if len(results) > 1:
        return tuple([_boxed(value, op.name, args, params) for value in results])
    result, source = _boxed(results[0], op.name, args, params), args[0] if len(args) == 1 else None
    if op in VIEW_OPS and isinstance(source, Array) and _shares(values[0], results[0]):
        if source.is_scalar:
            if results[0].is_writeable:  # nobody can write to a scalar
                results[0].detach()
            return result
        result._base, result._made_by, result._seen = source, MadeBy(op, params), source._version
        result._value.owner = values[0]
        if values[0].root().recorded:
            result._value.recorded = True
    return result


def _boxed(value: Value, name: str, args: tuple, params: dict) -> Array:
    is_scalar = not value.aval.shape and gives_scalar(name, args, params)
    return Scalar(value) if is_scalar else Array(value)


def _shares(source: Value, result: Value) -> bool:
    """Whether NumPy would give a view: not for one element, nor where a reshape has to copy."""
    if source.context != CPU:
        return bool(result.aval.shape)
    base, array = result.numpy().base, source.numpy()
    return base is array or (base is not None and base is array.base)


def _plain(x: Any) -> Any:
    """A Python number as it is; anything else as a value or a NumPy array."""
    if isinstance(x, PYTHON_SCALARS) or type(x) is numpy.ndarray:
        return x
    x = as_operand(x)
    return x._current() if isinstance(x, Array) else numpy.asarray(x)


def _run(op: Op, values: tuple, params: dict, context: Any) -> tuple[Value, ...]:
    policy = current_policy()
    if op.execute is not None:  # a compiled region, or an op that the user wrote for a library
        results = op.execute(values)
        library = getattr(op, "library", None)
        if library is not None:
            getattr(policy.statistics, library)[op.name] += 1
        return results
    refusal = ""
    # Views are NumPy's business on the CPU: only its views share memory.
    if not policy.only_numpy and not (op in VIEW_OPS and context.device_type == "cpu"):
        try:
            if policy.decide(op, values, params, context):
                results = run_by_mxnet(op, values, params, context)
                policy.statistics.mxnet[op.name] += 1
                return results
        except UnsupportedError as error:
            refusal = error.reason
            if policy.strict:
                raise PolicyError(f"{op.name} under {policy}: {refusal}") from None
    results = run_by_numpy(op, values, params, context)
    policy.statistics.numpy[op.name] += 1
    if refusal:
        policy.refused(op, values, results, refusal)
    return results


def run_by_numpy(op: Op, values: tuple, params: dict, context: Any) -> tuple[Value, ...]:
    """Run by NumPy, whatever the policy."""
    raw = [value.numpy() if type(value) is Value else value for value in values]
    result = op.numpy(*raw, **params)
    if type(result) is numpy.ndarray:
        return (Value(result, None, None, context),)
    if isinstance(result, tuple):
        return tuple([Value(numpy.asarray(part), None, None, context) for part in result])
    return (Value(numpy.asarray(result), None, None, context),)


def run_by_mxnet(op: Op, values: tuple, params: dict, context: Any) -> tuple[Value, ...]:
    """Run by MXNet, whatever the policy.

    Raises UnsupportedError for what is better left to NumPy, its errors included.
    """
    if op.mx is None:
        raise UnsupportedError(f"MXNet has no operator for {op.name}")
    boxes = [Array(value) if type(value) is Value else value for value in values]
    out = op.infer(*boxes, **params)
    if not isinstance(out, Aval) or not out.size or not all(aval_of(box).size for box in boxes):
        raise UnsupportedError("empty arrays and several results are left to NumPy")
    builder = ImperativeBuilder(context)
    operands = [_operand(value, aval_of(box), context) for value, box in zip(values, boxes)]
    try:
        result = op.mx(builder, out, *operands, **params)
        if any(result is operand for operand in operands):  # a write to one must not reach the other
            result = builder.op("_copy", out, result)
        handle = builder.handle(result)
    except native.MXNetError as error:
        raise UnsupportedError(f"MXNet refused it: {native.short_message(error)}") from None
    return (Value(None, handle, out, context),)


def _operand(value: Any, aval: Aval, context: Any) -> Operand:
    if aval.dtype not in native.MXNET_DTYPES:
        raise UnsupportedError(f"MXNet has no {aval.dtype}")
    if type(value) is not Value:
        if isinstance(value, PYTHON_SCALARS):
            return Operand(aval, None, value)  # type: ignore[arg-type]
        value = Value(value, context=context)
    return Operand(aval, value.mxnet())


_KINDS: dict[type, type] = {ValueError: ShapeError, IndexError: IndexError}


def _located(error: Exception, name: str, operands: tuple) -> Exception:
    """The error with the operands and the user's line in its text.

    A plain ValueError becomes ShapeError, a TypeError DTypeError; what has a type of its own keeps it.
    """
    kind = DTypeError if isinstance(error, TypeError) else _KINDS.get(type(error))
    if kind is None or isinstance(error, MinPyError) or getattr(error, "is_located", False):
        return error
    shown = [_shown(operand) for operand in operands]
    names = operand_names(name, len(operands))
    if names and max(map(len, names)) < 40:
        shown = [f"{called} is {what}" for called, what in zip(names, shown)] + shown[len(names) :]
    where = user_place()
    located = kind(f"{error}\n  {name}: {', '.join(shown)}" + (f"\n  at {where}" if where else ""))
    located.is_located = True  # type: ignore[attr-defined]
    return located


def _shown(x: Any) -> str:
    if isinstance(x, (Array, numpy.ndarray)):
        return str(aval_of(x))
    text = repr(x)
    return text if len(text) <= 40 else f"a {type(x).__name__}"


class EagerInterpreter(Interpreter):
    """Runs ops on arrays at once."""

    def bind(self, op: Op, args: tuple, params: dict) -> Any:
        return run_op(op, args, params)

    def fallback(self, function: Any, args: tuple, kwargs: dict, error: UnsupportedError) -> Any:
        return call_numpy(function.numpy, args, kwargs)

    def located(self, error: Exception, name: str, operands: tuple) -> Exception:
        return _located(error, name, operands)

    def constant(self, array: numpy.ndarray) -> Array:
        return Array(array)

    def created(self, name: str) -> None:
        count_by_numpy(name)

    def call(self, function: Any, args: tuple, kwargs: dict) -> Any:
        """NumPy's own function or method on arrays."""
        return call_numpy(function, args, kwargs)

    def ufunc(self, ufunc: Any, method: str, inputs: tuple, kwargs: dict) -> Any:
        """NumPy's protocol for ufuncs: ``numpy.tanh(array)`` is MinPy's."""
        return call_ufunc(ufunc, method, inputs, kwargs)

    def function(self, function: Any, args: tuple, kwargs: dict) -> Any:
        """NumPy's protocol for functions: ``numpy.sum(array)`` is MinPy's."""
        known = BY_NUMPY.get(function)
        return call_numpy(function, args, kwargs) if known is None else known(*args, **kwargs)


class _NumPyCall:
    """A call of NumPy's own function as an op without a gradient, so that a lost gradient is noticed."""

    def __init__(self, function: Any):
        self.name = _name_of(function)

    pull_back = Op.pull_back
    rule = Op.rule
    vjp = UNDEFINED
    selects = singular = False
    cost = "memory"


def _name_of(function: Any) -> str:
    name = getattr(function, "__name__", str(function))
    owner = getattr(function, "__self__", None)
    if isinstance(owner, numpy.ufunc):  # a method of it, such as numpy.add.reduce
        return owner.__name__ if name == "__call__" else f"{owner.__name__}.{name}"
    return name


def call_numpy(function: Any, args: tuple, kwargs: dict) -> Any:
    """NumPy's own function on the memory of the arrays; array results become Arrays.

    The call has no gradient: when one is asked for through it, that is an error, not a zero.

    Raises PolicyError where the policy does not let NumPy work on arrays.
    """
    if function is None:
        raise UnsupportedError("there is no NumPy function to fall back to")
    if isinstance(kwargs.get("out"), Array):
        raise UnsupportedError("out= needs an array of NumPy here; assign the result instead")
    leaves: list[Value] = []
    _collect_values((args, kwargs), leaves)
    tape = live_tape(leaves)
    name = _name_of(function)
    if leaves and current_policy().strict and name not in NO_OPS:
        raise PolicyError(f"{name} under {current_policy()}: only NumPy has it, or this form of it")
    result = function(*to_raw(args), **to_raw(kwargs))
    if leaves or isinstance(result, (numpy.ndarray, numpy.generic, tuple, list)):
        count_by_numpy(name)
    return _wrap(result, function, tuple(leaves), tape)


def _collect_values(x: Any, found: list) -> None:
    if isinstance(x, Array):
        found.append(x._current())
    elif type(x) in (tuple, list):
        for item in x:
            _collect_values(item, found)
    elif type(x) is dict:
        for item in x.values():
            _collect_values(item, found)


def _wrap(result: Any, function: Any, values: tuple, tape: Any) -> Any:
    if type(result) in (tuple, list):
        return type(result)(_wrap(item, function, values, tape) for item in result)
    if not isinstance(result, (numpy.ndarray, numpy.generic)):
        return result
    value = Value(numpy.asarray(result))
    if tape is not None:
        record(tape, _NumPyCall(function), values, {}, (value,))
    return Scalar(value) if isinstance(result, numpy.generic) else Array(value)


def call_ufunc(ufunc: Any, method: str, inputs: tuple, kwargs: dict) -> Any:
    """A ufunc of NumPy, or a method of it, on arrays."""
    outs = kwargs.get("out", ())
    if outs:
        # NumPy's own array is written in place, which its memory sees; there is no gradient to it.
        if any(isinstance(out, Array) for out in outs):
            return NotImplemented
        function = getattr(ufunc, method)
        count_by_numpy(_name_of(function))
        return function(*to_raw(inputs), **to_raw(kwargs))
    known = BY_NUMPY.get(ufunc)
    if method == "__call__" and known is not None and not kwargs:
        return known(*inputs)
    return call_numpy(getattr(ufunc, method), inputs, kwargs)


def _in_python(name: str) -> Any:
    """Python's operator on arrays and what else it takes."""
    forward = getattr(ArrayMethods, f"__{name}__")
    reflected: Any = getattr(ArrayMethods, f"__r{name}__", None)

    def apply(x: Any, *other: Any) -> Any:
        return forward(x, *other) if isinstance(x, Array) else reflected(other[0], x)

    return apply


set_eager_interpreter(EagerInterpreter())
Array.bind = staticmethod(accelerate(run_op, ArrayMethods.__getitem__, Scalar, Ufunc))  # type: ignore[assignment,method-assign]
for _kind in (Op, Ufunc):
    _kind.__call__ = accelerated(_kind.__call__)  # type: ignore[method-assign]
for _op in OPS.values():
    if _op.execute is None:
        register_op(_op, _op.numpy, _op.name, _op in VIEW_OPS, _op.name in GIVES_ITS_OPERAND)
for _name, _operation in {**UNARY, **COMPARISONS, **ARITHMETIC, "matmul": OPS["matmul"]}.items():
    register_operator(_name, _operation, _in_python(_name))
