"""How an op runs in eager mode: by which library, on which device, recorded or not."""

from __future__ import annotations

import functools
import types
from typing import Any, Callable

import numpy

from minpy.errors import (
    DTypeError,
    GradientError,
    GradientWarning,
    MinPyError,
    PolicyError,
    ShapeError,
    UnsupportedError,
)
from minpy.ops import OPS, Aval, Interpreter, Op, aval_of, of_numpy
from minpy.ops.aval import PYTHON_SCALARS, is_float
from minpy.ops.creation import floats
from minpy.ops.lowering import Operand
from minpy.ops.methods import ARITHMETIC, COMPARISONS, UNARY, ArrayMethods
from minpy.ops.op import UNDEFINED, Function, Ufunc, as_operand, set_eager_interpreter
from minpy.ops.op import thread as interpreters
from minpy.ops.promotion import fits, unsure
from minpy.ops.scalars import GIVES_ITS_OPERAND, gives_scalar
from minpy.runtime import native, watch
from minpy.runtime.array import Array, Value, arrays_in, same_context, to_raw
from minpy.runtime.context import CPU, current_context, process, thread
from minpy.runtime.imperative import ImperativeBuilder
from minpy.runtime.location import lost_gradient, operand_names, user_place, warn_at_user
from minpy.runtime.ndarray import NUMBERS, NDArrayMethods
from minpy.runtime.objects import (
    accelerate,
    accelerate_calls,
    accelerated,
    register_op,
    register_operator,
    register_settings,
    remembered,
    shortened,
)
from minpy.runtime.policy import count_by_numpy, current_policy, heeds_float_errors
from minpy.runtime.scalar import Scalar
from minpy.runtime.statistics import NO_OPS, name_of
from minpy.runtime.tape import live_tape, record, same_tape
from minpy.runtime.views import VIEW_OPS
from minpy.runtime.writing import written


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
        raise _located(_inferred(error, op, values, params), op.name, args) from None
    if watch.current is not None:
        watch.current.after(op, values, results)
    if tape is not None and not op.is_constant and any(is_float(value.aval.dtype) for value in results):
        record(tape, op, values, params, results)
    elif tape is not None and any(value.aval.dtype == object for value in results):
        warn_at_user(lost_gradient("making objects"), GradientWarning)
    if len(results) > 1:
        return tuple([_boxed(value, op.name, args, params) for value in results])
    result, source = _boxed(results[0], op.name, args, params), args[0] if len(args) == 1 else None
    if op in VIEW_OPS and isinstance(source, Array) and _shares(values[0], results[0]):
        if source.is_scalar:  # nobody can write to a scalar, so nothing shows its memory
            if results[0].is_writeable:
                results[0].detach()
            else:
                results[0]._numpy = op.numpy(numpy.array(values[0].numpy()), **params)
            return result
        result._follow(source, op, params)
    return result


def _boxed(value: Value, name: str, args: tuple, params: dict) -> Any:
    if value.aval.shape or not gives_scalar(name, args, params):
        return Array(value)
    return Scalar(value) if value.aval.dtype.kind in NUMBERS else value.numpy()[()]


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
    # Views are NumPy's business on the CPU: only its views share memory. So are other orders of axes.
    is_numpys = context.device_type == "cpu" and (
        op in VIEW_OPS or not (op.cost == "compute" or policy.strict or all(map(_is_in_c_order, values)))
    )
    if not policy.only_numpy and not is_numpys and (policy.strict or not heeds_float_errors()):
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


def _is_in_c_order(operand: Any) -> bool:
    """Whether the axes stand in memory in the order of the shape, as those of all arrays of MXNet do."""
    array = operand._numpy if type(operand) is Value else operand
    if type(array) is not numpy.ndarray or array.flags.c_contiguous:
        return True
    steps = [abs(step) for step, size in zip(array.strides, array.shape) if step and size > 1]
    return all(step >= after for step, after in zip(steps, steps[1:]))


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
    for number, bounds in unsure(op, tuple(boxes)):
        if not fits(number.raw() if isinstance(number, Array) else number, *bounds):
            raise UnsupportedError("a number is so large that it decides the dtype of what it meets")
    out = op.infer(*boxes, **params)
    if not isinstance(out, Aval) or not out.size or not all(aval_of(box).size for box in boxes):
        raise UnsupportedError("empty arrays and several results are left to NumPy")
    builder = ImperativeBuilder(context)
    try:
        operands = [_operand(value, aval_of(box), context) for value, box in zip(values, boxes)]
        result = op.mx(builder, out, *operands, **params)
        if any(result is operand for operand in operands):  # a write to one must not reach the other
            result = builder.op("_copy", out, result)
        handle = builder.handle(result)
    except native.MXNetError as error:
        raise UnsupportedError(f"MXNet refused it: {native.short_message(error)}") from None
    except MemoryError as error:
        raise native.no_memory(op.name, (out,), error) from None
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


def _inferred(error: Exception, op: Op, values: tuple, params: dict) -> Exception:
    """What the op itself says to operands that a library refused; else the error of the library."""
    try:
        op.infer(*[Array(value) if type(value) is Value else value for value in values], **params)
    except Exception as own:
        if type(own) is type(error):
            return own
    return error


def _located(error: Exception, name: str, operands: tuple) -> Exception:
    """The error with the operands and the user's line in its text.

    A plain ValueError becomes ShapeError, a TypeError DTypeError; what has a type of its own keeps it, and so
    does a write to read-only memory.
    """
    kind = DTypeError if isinstance(error, TypeError) else _KINDS.get(type(error))
    if kind is None or isinstance(error, MinPyError) or getattr(error, "is_located", False):
        return error
    if kind is ShapeError and str(error).endswith("is read-only"):
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
        return Array(Value(array, None, None, current_context()))

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
        known = of_numpy(function)
        return call_numpy(function, args, kwargs) if known is None else known(*args, **kwargs)


class _NumPyCall:
    """A call of NumPy's own function, on arrays.

    On a tape it is an op without a gradient, so that a lost gradient is noticed. Where the result is a view
    of one of the arrays it stands for what made the view.
    """

    def __init__(self, function: Any, args: tuple, kwargs: dict):
        self.function, self.args, self.kwargs = function, args, kwargs
        self.name = name_of(function)
        self.arrays = list(arrays_in((args, kwargs)))
        contexts = [array.context for array in self.arrays]
        self.context = functools.reduce(same_context, contexts) if contexts else current_context()
        self.where = ""

    pull_back = Op.pull_back
    pull_back_selected = Op.pull_back_selected
    kept = None
    rule = Op.rule
    vjp = UNDEFINED
    selects = singular = elementwise = False
    cost = "memory"

    def run(self, known: dict[int, numpy.ndarray]) -> Any:
        """The result; ``known`` has NumPy's arrays for those of MinPy, by their ids."""
        return self.function(*to_raw(self.args, known), **to_raw(self.kwargs, known))

    def wrapped(self, result: Any, known: dict[int, numpy.ndarray], values: tuple, tape: Any) -> Any:
        """The result as the user gets it: arrays and numbers as MinPy's, an argument as it is.

        A matrix, a masked array and the like, whose operators mean something else, stay NumPy's, and so do
        texts, dates and records.
        """
        if isinstance(result, (tuple, list)):
            items = [self.wrapped(item, known, values, tape) for item in result]
            return type(result)(*items) if hasattr(result, "_fields") else type(result)(items)
        if isinstance(result, (numpy.number, numpy.bool_)):
            made: Array = Scalar(Value(numpy.asarray(result), None, None, self.context))
        elif type(result) in (numpy.ndarray, numpy.memmap):
            for array in self.arrays:
                if result is known[id(array)]:
                    return array
            made = Array(Value(numpy.asarray(result), None, None, self.context))
        else:
            if tape is not None and isinstance(result, numpy.ndarray):
                warn_at_user(lost_gradient(f"making a {type(result).__name__}"), GradientWarning)
            return result
        if watch.current is not None:
            watch.current.after(self, values, (made._value,))
        if tape is not None and is_float(made.dtype):
            self.where = user_place()
            record(tape, self, values, {}, (made._value,))
        elif tape is not None and made.dtype == object:
            warn_at_user(lost_gradient("making objects"), GradientWarning)
        return made

    def view(self, result: Any, known: dict[int, numpy.ndarray]) -> Array | None:
        """The result as a view of an argument, if it is one."""
        if type(result) is numpy.ndarray:
            for array in self.arrays:
                if result is not known[id(array)] and numpy.may_share_memory(result, known[id(array)]):
                    view_of = _ViewOf(self, array)
                    made = view_of(array)  # NumPy was given a read-only array where a tape relies on this one
                    made._follow(array, view_of, {})
                    return made
        return None


class _ViewOf:
    """What made a view of an array by NumPy's own means, as ``a.view(dtype)`` does; it has no gradient."""

    def __init__(self, call: _NumPyCall, array: Array):
        self.call, self.array = call, array

    def __call__(self, base: Array) -> Array:
        source = base._current()
        value = Value(self.call.run({id(self.array): source.numpy()}), None, None, source.context)
        tape = live_tape((source,))
        if tape is not None:
            self.call.where = user_place()
            record(tape, self.call, (source,), {}, (value,))
        return Array(value)

    def write_back(self, base: Array, new: Array) -> Array:
        """The content of the base after a write to the view."""
        if new.is_traced() or base.is_traced():
            raise GradientError(f"a write to what {self.call.name} gives has no gradient")
        content = numpy.array(base.raw())
        self.call.run({id(self.array): content})[...] = new.raw()
        return Array(Value(content, None, None, base.context))


def call_numpy(function: Any, args: tuple, kwargs: dict) -> Any:
    """NumPy's own function on the memory of the arrays; array results become Arrays.

    Where it does not write into an array, the call has no gradient: when one is asked for through it, that
    is an error, not a zero.

    Raises PolicyError where the policy does not let NumPy work on arrays.
    """
    if function is None:
        raise UnsupportedError("there is no NumPy function to fall back to")
    changed = written(function, args, kwargs)
    if changed is not NotImplemented:
        return changed
    call = _NumPyCall(function, args, kwargs)
    values = tuple([array._current() for array in call.arrays])
    tape = live_tape(values)
    if values and current_policy().strict and call.name not in NO_OPS:
        raise PolicyError(f"{call.name} under {current_policy()}: only NumPy has it, or this form of it")
    known = {id(array): to_raw(array) for array in call.arrays}
    result = call.run(known)
    if values or isinstance(result, (numpy.ndarray, numpy.generic, tuple, list)):
        count_by_numpy(call.name)
    view = call.view(result, known)
    return call.wrapped(result, known, values, tape) if view is None else view


def call_ufunc(ufunc: Any, method: str, inputs: tuple, kwargs: dict) -> Any:
    """A ufunc of NumPy, or a method of it, on arrays."""
    known = of_numpy(ufunc)
    if known is not None:
        return (known if method == "__call__" else getattr(known, method))(*inputs, **kwargs)
    return call_numpy(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)


def _in_python(name: str) -> Any:
    """Python's operator on arrays and what else it takes."""
    forward = getattr(ArrayMethods, f"__{name}__")
    reflected: Any = getattr(ArrayMethods, f"__r{name}__", None)

    def apply(x: Any, *other: Any) -> Any:
        return forward(x, *other) if isinstance(x, Array) else reflected(other[0], x)

    return apply


def _on_the_device_of_its_arrays(call: Callable) -> Callable:
    """Calls a function of the table so that what it makes for itself lies where its first array does."""

    @functools.wraps(call)
    def placed(self: Function, *args: Any, **kwargs: Any) -> Any:
        for arg in (*args, *kwargs.values()):
            if isinstance(arg, Array):
                if arg.context is not current_context():
                    with arg.context:
                        return call(self, *args, **kwargs)
                break
        return call(self, *args, **kwargs)

    return placed


set_eager_interpreter(EagerInterpreter())
Array.bind = staticmethod(accelerate(run_op, remembered(NDArrayMethods.__getitem__), Scalar, Ufunc))  # type: ignore[assignment,method-assign]
for _kind in (Op, Ufunc):
    _kind.__call__ = accelerated(_kind.__call__)  # type: ignore[method-assign]
Function.__call__ = remembered(_on_the_device_of_its_arrays(Function.__call__))  # type: ignore[method-assign]
for _callable in (Op, Ufunc, Function):
    accelerate_calls(_callable)
for _methods in (ArrayMethods, NDArrayMethods):
    _wrapped = remembered if _methods is ArrayMethods else lambda method: method
    for _name, _member in vars(_methods).items():
        if _name.startswith("_") or getattr(Array, _name) is not _member:
            continue
        if isinstance(_member, types.FunctionType):
            setattr(Array, _name, shortened(_name, _wrapped(_member)))
        elif isinstance(_member, property) and _member.fget:
            _read = shortened(_name, _wrapped(_member.fget) if _name == "T" else _member.fget)
            setattr(Array, _name, property(_read, _member.fset, doc=_member.__doc__))
for _op in OPS.values():
    if _op.execute is None:
        register_op(
            *(_op, _op.numpy, _op.name, _op in VIEW_OPS, _op.name in GIVES_ITS_OPERAND, _op.is_constant),
            *(getattr(_op, "nin", -1), _op.reducer),
        )
for _name, _operation in {**UNARY, **COMPARISONS, **ARITHMETIC, "matmul": OPS["matmul"]}.items():
    register_operator(
        _name, _operation, remembered(_in_python(_name)) if _name == "pow" else _in_python(_name)
    )
for _name in ("float", "int", "bool", "index", "len", "iter"):
    register_operator(_name, None, getattr(NDArrayMethods, f"__{_name}__"))
register_operator("is_contiguous", None, vars(NDArrayMethods)["is_contiguous"].fget)
register_settings(interpreters, thread, process, floats)
