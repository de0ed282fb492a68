"""The op table: one record per operation, and the one point where every operation is called.

An ``Op`` is the single source of truth for eager mode, the compiler, gradients, ``explain`` and the
documentation. Calling it finds the interpreter among its arguments: a *box* (an eager array or a
value of the compiler) brings its own; without a box the current interpreter of the thread is asked.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import threading
from collections.abc import Sequence
from typing import Any, Callable

import numpy

from minpy.errors import GradientError, UnsupportedError
from minpy.ops.aval import Aval, aval_of, broadcast_shapes, function_dtype
from minpy.ops.kernels import SCALARS

#: Three ways in which an argument can have no gradient rule. The messages for the user differ.
ZERO = "zero"  # known: the derivative is zero everywhere it is defined
NOT_DIFFERENTIABLE = "not differentiable"  # an index, a shape, a flag
UNDEFINED = "undefined"  # nobody has written the rule yet


class Box:
    """Base of the values that ops work on: eager arrays and the compiler's tracers.

    Subclasses give ``aval`` and ``bind(op, args, params)``, which applies ``op`` their own way.
    """

    __slots__ = ()
    is_number = False  # whether the user's program has a number of Python there, known at run time only

    def in_order_of(self, source: Any, order: str = "A") -> Any:
        """The same array, which nobody else holds, laid out in memory as ``numpy.empty_like(source)`` is."""
        return self


class Interpreter:
    """What runs an op when no argument is a box; the runtime's eager one is the default."""

    def bind(self, op: Op, args: tuple, params: dict) -> Any:
        raise NotImplementedError

    def fallback(self, function: Any, args: tuple, kwargs: dict, error: UnsupportedError) -> Any:
        """Do without the table what ``function`` refused: run ``function.numpy``, or give up."""
        raise NotImplementedError

    def located(self, error: Exception, name: str, operands: tuple) -> Exception:
        """The error of a call of ``name``, perhaps as one that says more to the user."""
        return error

    def constant(self, array: numpy.ndarray) -> Any:
        """A box that holds a new array."""
        raise NotImplementedError

    def created(self, name: str) -> None:
        """Told that NumPy's function ``name`` made a new array; eager mode counts it."""


class _Thread(threading.local):
    interpreter: Interpreter | None = None


thread = _Thread()
_eager: list[Interpreter] = []


def set_eager_interpreter(interpreter: Interpreter) -> None:
    """Called once by the runtime."""
    _eager[:] = [interpreter]


def eager_interpreter() -> Any:
    """The runtime's interpreter, which eager arrays call."""
    return _eager[0]


def current_interpreter() -> Interpreter:
    """The interpreter of this thread: eager, or the trace that is being recorded."""
    return thread.interpreter or _eager[0]


class interpreting:
    """``with interpreting(trace):`` makes ``trace`` the interpreter of this thread."""

    def __init__(self, interpreter: Interpreter | None):
        self.interpreter = interpreter

    def __enter__(self):
        self.saved, thread.interpreter = thread.interpreter, self.interpreter
        return self.interpreter

    def __exit__(self, *exc_info):
        thread.interpreter = self.saved


class Op:
    """One primitive operation.

    Attributes:
        name: unique in the table.
        family: which file of the table it comes from, for the documentation.
        numpy: ``(*ndarrays, **params) -> ndarray`` or a tuple of them; the reference.
        infer: ``(*avals_or_scalars, **params) -> Aval`` or a tuple; raises ValueError or TypeError
            as NumPy does.
        mx: ``(b, out, *operands, **params)`` builds the same from MXNet operators (see
            ``ops/lowering.py``); None where MXNet has nothing.
        scalar: of an elementwise op ``(k, dtype, *values, **params)`` writes one element of the result for
            a kernel (see ``ops/kernels.py``, where those of ufuncs are); None where kernels cannot have it.
        parts: ``(*args, **params)``, the same written in ops that kernels can have, like a gradient rule.
        vjp: a rule ``(g, ans, *args, **params) -> cotangent`` for each argument, or one of the
            markers above; for an op with any number of arguments, one callable ``i -> rule``.
        elementwise: each element of the result depends on one element of each operand.
        may_raise: the operation looks at data and can fail, so it is never removed as dead.
        selects: elements of its arguments may not be in the result, as in ``where``.
        singular: elementwise, and its derivative is infinite or nan at some arguments.
        source: how it is written in NumPy, for programs that people read: a template in which ``{0}``,
            ``{1}``, ... are the arguments, ``{operands}`` all of them, ``{key}`` the key of an indexing op,
            and the params have their names; of an expression, or of statements that assign ``{out}``; or a
            function of the arguments' avals and the params that gives one. A ufunc needs none.
        cost: 'free' (metadata only), 'memory' (bound by reading and writing) or 'compute'.
        images: what oneDNN makes of images, which are arrays of four axes: 'layer' (a result in a layout of
            its own), 'between' (one in the layout of the operands), 'sums' (of those, beside a layer).
    """

    def __init__(
        self,
        name: str,
        *,
        numpy: Callable,
        infer: Callable[..., Any],
        mx: Callable | None = None,
        scalar: Callable | None = None,
        parts: Callable | None = None,
        vjp: Any = UNDEFINED,
        family: str = "",
        elementwise: bool = False,
        may_raise: bool = False,
        selects: bool = False,
        singular: bool = False,
        cost: str = "memory",
        images: str = "",
        source: str | Callable[[Sequence[Aval], dict], str] | None = None,
        doc: str = "",
    ):
        self.name = name
        self.numpy = numpy
        self.infer = infer
        self.mx = mx
        self.scalar = scalar
        self.parts = parts
        self.vjp = vjp
        self.family = family
        self.elementwise = elementwise
        self.may_raise = may_raise
        self.selects = selects
        self.singular = singular
        self.cost = cost
        self.images = images
        self.source = source
        #: no gradient flows through it
        self.is_constant = isinstance(vjp, tuple) and all(
            isinstance(rule, str) and rule == ZERO for rule in vjp
        )
        #: what makes a Python number of an array, such as ``float()``: a gradient ends there with a warning
        self.conversion = ""
        #: where the user applied it, for an op that was made for one call
        self.where = ""
        #: functions that ``source`` calls, in the order in which they call each other
        self.helpers: tuple[Callable, ...] = ()
        #: of a reduction the method of a ufunc that does its work, or its greater part
        self.reducer: Callable | None = None
        #: its name says all about it, also in another run of the program; ``register`` sees to that
        self.is_known_by_name = False
        #: runs the op on the runtime's values instead of ``numpy``; for ops that hold a program
        self.execute: Callable | None = None
        #: of an op that holds a program: the positions of the arguments and of the results that its gradient
        #: depends on; None for all
        self.kept: tuple[frozenset[int], frozenset[int]] | None = None
        self.__name__ = name
        self.__doc__ = doc or getattr(numpy, "__doc__", None)

    def __call__(self, *args: Any, **params: Any) -> Any:
        for arg in args:
            if isinstance(arg, Box):
                return arg.bind(self, args, params)  # type: ignore[attr-defined]
            if isinstance(arg, (list, tuple, range)):
                return self(*map(as_operand, args), **params)
        return current_interpreter().bind(self, args, params)

    def rule(self, index: int) -> Any:
        """The gradient rule for argument ``index``, or one of the markers."""
        if callable(self.vjp):
            return self.vjp(index)
        if isinstance(self.vjp, tuple):
            return self.vjp[index]
        return self.vjp

    @property
    def on_mxnet(self) -> bool:
        """Whether MXNet has it, for some dtypes at least."""
        return self.mx is not None

    @property
    def is_differentiable(self) -> bool:
        """Whether some argument has a rule that is not identically zero."""
        return callable(self.vjp) or (isinstance(self.vjp, tuple) and any(map(callable, self.vjp)))

    def pull_back(self, wanted: Sequence[int], g: Any, ans: Any, args: tuple, params: dict) -> dict[int, Any]:
        """Cotangents of the arguments ``wanted``, by position; what is zero is left out.

        Raises:
            GradientError: where an argument has no rule.
        """
        result = {}
        rules = self.vjp
        for index in wanted:
            rule = rules[index] if type(rules) is tuple else self.rule(index)
            if callable(rule):
                result[index] = rule(g, ans, *args, **params)
            elif rule != ZERO:
                raise GradientError(
                    f"{self.name}: no gradient is defined for argument {index} ({rule}). "
                    "Give it one with minpy.customop or minpy.custom_gradient, or cut the path with "
                    "minpy.stop_gradient." + (f"\n  at {self.where}" if self.where else "")
                )
        return result

    def pull_back_selected(
        self, wanted: Sequence[int], g: Any, ans: Any, args: tuple, params: dict, hidden: Sequence[int]
    ) -> tuple[dict[int, Any], Sequence[int]]:
        """The same where not every element of the results at the positions ``hidden`` is selected later.

        Where the cotangent is 0 so is what is passed on, even if the derivative there is infinite. Also gives
        the positions of arguments of which not every element is selected then.
        """
        parts = self.pull_back(wanted, g, ans, args, params)
        if hidden and self.singular:
            is_zero = _is_zero(g)
            parts = {index: OPS["where"](is_zero, 0, part) for index, part in parts.items()}
        return parts, wanted if self.selects or (hidden and self.cost != "compute") else ()

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self):
        return _lookup_op, (self.name,)


def _is_zero(g: Any) -> Any:
    """Where a cotangent is 0; for several results, where all of theirs are."""
    parts = g if isinstance(g, tuple) else (g,)
    return functools.reduce(OPS["logical_and"], [OPS["equal"](part, 0) for part in parts if part is not None])


def as_operand(x: Any) -> Any:
    """What NumPy takes for an array, such as a list, as one; boxes in it are joined, so gradients flow."""
    if isinstance(x, (list, tuple)):
        if holds_box(x):
            return FUNCTIONS["stack"].implementation([as_operand(item) for item in x])
        return numpy.asarray(x)
    return numpy.asarray(x) if isinstance(x, range) else x


def holds_box(x: Any) -> bool:
    """Whether ``x`` is a box or nested lists and tuples with one in them."""
    return isinstance(x, Box) or (isinstance(x, (list, tuple)) and any(map(holds_box, x)))


class Function:
    """A function with NumPy's signature, written in ops; works on every kind of box.

    Attributes:
        numpy: the function of NumPy that it stands for: the compiler recognizes it in plain NumPy
            code, and eager mode falls back to it for arguments that the table does not cover.
        arrays: the names of the first parameters, which are arrays or what NumPy takes for such, and
            ``count`` is their number.
        on_mxnet: some call of it is made of ops that MXNet has, so that it can be compiled.
        is_differentiable: false where the result does not depend on array data, or only by jumps.
        is_numpys: the function of NumPy gives the same, where no gradient is open.
        makes_constants: the result depends on arguments that are no arrays, and on the default dtype.
    """

    makes_constants = False

    def __init__(
        self,
        implementation: Callable,
        numpy: Callable | None,
        arrays: int = 1,
        mxnet: bool = True,
        gradient: bool = True,
    ):
        self.implementation = implementation
        self.on_mxnet = mxnet
        self.is_differentiable = gradient
        self.numpy = numpy
        self.is_numpys = numpy is not None
        self.arrays = implementation.__code__.co_varnames[:arrays]
        self.count = arrays
        takes_any_number = bool(implementation.__code__.co_flags & inspect.CO_VARARGS)
        #: how many of the first arguments may be arrays, or lists of them
        self.most_arrays = sys.maxsize // 2 if takes_any_number else max(arrays, 1)
        self.__name__ = implementation.__name__
        self.__doc__ = implementation.__doc__ or getattr(numpy, "__doc__", None)
        self.__wrapped__ = implementation

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            for arg in args[: self.count]:
                if not isinstance(arg, Box):
                    args = (*map(as_operand, args[: self.count]), *args[self.count :])
                    break
            if len(args) < self.count and kwargs:
                kwargs = {name: as_operand(x) if name in self.arrays else x for name, x in kwargs.items()}
            result = self.implementation(*args, **kwargs)
            # some give back what they are given, as fftn does over no axes
            return current_interpreter().constant(result) if type(result) is numpy.ndarray else result
        except UnsupportedError as error:
            return current_interpreter().fallback(self, args, kwargs, error)
        except (ValueError, TypeError, IndexError) as error:
            raise current_interpreter().located(error, self.__name__, args) from None

    def __repr__(self) -> str:
        return f"<minpy function {self.__name__}>"

    def __reduce__(self):
        return _lookup_function, (self.__name__,)


#: what ``numpy.ufunc`` tells about itself; its methods stand in ``ops/folding.py``
_UFUNC_FACTS = ("nin", "nout", "nargs", "ntypes", "types", "identity", "signature")


class UfuncFunction(Function):
    """A ufunc of NumPy that is no elementwise op of the table."""

    def __init__(self, implementation: Callable, numpy: Any, **columns: Any):
        super().__init__(implementation, numpy, **columns)
        for name in _UFUNC_FACTS:
            setattr(self, name, getattr(numpy, name))


OPS: dict[str, Op] = {}
FUNCTIONS: dict[str, Any] = {}  # public name in minpy.numpy -> Function
BY_NUMPY: dict[Any, Any] = {}  # NumPy's own function -> Function


def of_numpy(function: Any) -> Any:
    """The table's function for one of NumPy, or of SciPy; None where it has none.

    What stands for ``scipy.special`` is added when a program that uses it first asks.
    """
    try:
        found = BY_NUMPY.get(function)
    except TypeError:  # it cannot be hashed
        return None
    if found is None and "minpy.ops.special" not in sys.modules and may_be_of_scipy(function):
        add_scipy()
        found = BY_NUMPY.get(function)
    return found


def may_be_of_scipy(function: Any) -> bool:
    """Whether something may be a function of ``scipy.special``; MXNet too imports that."""
    if "scipy.special" not in sys.modules:
        return False
    return isinstance(function, numpy.ufunc) or str(getattr(function, "__module__", "")).startswith("scipy.")


def add_scipy() -> None:
    """Add the functions of ``scipy.special`` to the table. Raises ImportError where SciPy is missing."""
    importlib.import_module("minpy.ops.special")


def _lookup_op(name: str) -> Op:
    if name.startswith("special."):
        add_scipy()
    return OPS[name]


def _lookup_function(name: str) -> Function:
    if name.startswith("special."):
        add_scipy()
    return FUNCTIONS[name]


def register(op: Op) -> Op:
    """Put an op into the table."""
    if op.name in OPS:
        raise ValueError(f"op {op.name!r} is in the table already")
    OPS[op.name] = op
    op.is_known_by_name = True
    return op


def publish(name: str, function: Any, *numpy_functions: Callable) -> Any:
    """Make ``function`` public under ``name``, standing for these functions of NumPy."""
    FUNCTIONS[name] = function
    for numpy_function in numpy_functions:
        BY_NUMPY[numpy_function] = function
    return function


def numpy_function(
    *numpy_functions: Callable, name: str | None = None, **columns: Any
) -> Callable[[Callable], Function]:
    """Decorator: publish a Python function with NumPy's signature, written in ops.

    ``columns`` are those of ``Function``: how many of the first parameters are ``arrays``, and whether
    it is on ``mxnet`` and has a ``gradient``.
    """

    def decorate(implementation: Callable) -> Function:
        numpy_one = numpy_functions[0] if numpy_functions else None
        kind = UfuncFunction if isinstance(numpy_one, numpy.ufunc) else Function
        function = kind(implementation, numpy_one, **columns)
        function.__name__ = name or implementation.__name__
        # Python's own errors, such as that of a keyword that there is not, say this name.
        implementation.__qualname__ = function.__name__.rpartition(".")[2]
        publish(function.__name__, function, *numpy_functions)
        return function

    return decorate


def refuse(**options: Any) -> None:
    """Raise UnsupportedError for options of NumPy that the table does not cover, when they are used."""
    for name, value in options.items():
        if value is not None and value is not numpy._NoValue:  # type: ignore[attr-defined]
            raise UnsupportedError(f"the option {name}= is not compiled")


def _elementwise_infer(function: Callable) -> Callable[..., Aval]:
    """Inference for a NumPy ufunc: shapes broadcast, the dtype is the one that the ufunc gives."""

    def infer(*operands: Any) -> Aval:
        dtype = function_dtype(function, *operands)  # NumPy too looks at the dtypes first
        return Aval(broadcast_shapes(*[aval_of(x).shape for x in operands]), dtype)

    return infer


class Ufunc(Op):
    """An elementwise op that is public as the NumPy ufunc of the same name.

    The options of ufuncs (``out=``, ``where=``, ``dtype=``, ...) are left to NumPy's own.
    """

    nin: int

    def __init__(self, name: str, ufunc: Callable, **columns: Any):
        columns.setdefault("infer", _elementwise_infer(ufunc))
        columns.setdefault("scalar", SCALARS.get(name))
        super().__init__(name, numpy=ufunc, elementwise=True, **columns)
        for fact in _UFUNC_FACTS:
            setattr(self, fact, getattr(ufunc, fact))

    def __call__(self, *args: Any, **options: Any) -> Any:
        if options or len(args) != self.nin:
            error = UnsupportedError(f"{', '.join(options) or 'an array to write to'}: not compiled")
            return current_interpreter().fallback(self, args, options, error)
        return Op.__call__(self, *args)


def ufunc(
    name: str,
    function: Callable,
    mx: Callable | None,
    *vjp: Any,
    aliases: tuple = (),
    **columns: Any,
) -> Ufunc:
    """Put a ufunc into the table and make it public under its name and ``aliases``."""
    op = Ufunc(name, function, mx=mx, vjp=vjp, **{"family": "elementwise", **columns})
    register(op)
    for public in (name, *aliases):
        publish(public, op, function)
    return op
