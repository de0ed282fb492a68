"""Python's own functions on abstract values: builtins, ``operator``, ``itertools``, ``functools``.

What goes over elements is lazy where Python's is, so that ``zip(itertools.count(), xs)`` ends.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import itertools
import math
import operator
import types
from collections.abc import Iterator, Sequence
from typing import Any, Callable

import gast
import numpy

from minpy.compiler.lowering.containers import ContainerMethod, DictView, Instance
from minpy.compiler.lowering.expressions import Expressions
from minpy.compiler.lowering.frames import BoundMethod, Closure
from minpy.compiler.lowering.objects import Super
from minpy.compiler.lowering.operators import Counted, Made, elements_left
from minpy.compiler.lowering.reads import Ref, Text, is_plain, unref, walk_values
from minpy.compiler.reals import Number, call, compute, is_real
from minpy.compiler.tracer import ARRAY, ARRAY_SCALAR, BOOL, FLOAT, INT, NDARRAY, OperandError, Tracer
from minpy.errors import UnsupportedError
from minpy.ops import Aval, Op
from minpy.ops.logic import greater, where
from minpy.ops.op import ZERO
from minpy.runtime.array import Array
from minpy.runtime.scalar import Scalar

_PYTHON_TYPE = {
    ARRAY: Array,
    ARRAY_SCALAR: Scalar,
    NDARRAY: numpy.ndarray,
    FLOAT: float,
    INT: int,
    BOOL: bool,
}
_MISSING = object()
#: Functions of numbers that Python computes, in what goes before the graph.
_OF_NUMBERS = frozenset(value for value in vars(math).values() if callable(value))

#: A 0-d array as a Python float. No gradient flows through it, nor does one in eager mode.
_to_float = Op(
    "float",
    numpy=lambda x: x.astype("float64"),
    infer=lambda x: Aval((), numpy.dtype("float64")),
    mx=lambda b, out, x: b.cast(x, "float64"),
    vjp=(ZERO,),
    elementwise=True,
)
_to_float.conversion = "float()"

_BINARY_OPERATORS = frozenset(
    (
        *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod),
        *(operator.pow, operator.matmul, operator.and_, operator.or_, operator.xor),
        *(operator.lshift, operator.rshift, operator.concat),
    )
)
_UNARY_OPERATORS = frozenset((operator.neg, operator.pos, operator.invert, operator.abs))
_COMPARISONS: dict[Any, Any] = {
    operator.eq: gast.Eq(),
    operator.ne: gast.NotEq(),
    operator.lt: gast.Lt(),
    operator.le: gast.LtE(),
    operator.gt: gast.Gt(),
    operator.ge: gast.GtE(),
    operator.is_: gast.Is(),
    operator.is_not: gast.IsNot(),
}


class Library(Expressions):
    """The part of the lowering that knows Python's own functions."""

    known_now: Callable[[Any, list, dict], list]

    def library_function(self, function: Any) -> Callable | None:
        """How to apply a function of Python to abstract values; None where there is nothing to know."""
        if function in _OF_NUMBERS:
            return lambda *args, **kwargs: self._of_numbers(function, args, kwargs)
        name = _LIBRARY.get(function)
        if name is not None:
            return getattr(self, name)
        if function in _BINARY_OPERATORS:
            return lambda x, y: self.binary(function, x, y)
        if function in _UNARY_OPERATORS:
            return lambda x: self.unary(function, x)
        if isinstance(function, (operator.itemgetter, operator.attrgetter)):
            return self._getter(function)
        if isinstance(function, operator.methodcaller):
            return self._method_caller(function)
        if function in _COMPARISONS:
            return lambda x, y: self.compare(_COMPARISONS[function], x, y)
        return None

    def _getter(self, getter: Any) -> Callable:
        """``operator.itemgetter(...)`` or ``operator.attrgetter(...)``."""
        wanted = getter.__reduce__()[1]

        def get(value: Any, key: Any) -> Any:
            if isinstance(getter, operator.itemgetter):
                return self.get_item(value, key)
            return functools.reduce(self.get_attribute, key.split("."), value)

        return lambda x: get(x, wanted[0]) if len(wanted) == 1 else tuple(get(x, key) for key in wanted)

    def _method_caller(self, caller: Any) -> Callable:
        """``operator.methodcaller(...)``."""
        maker, given = caller.__reduce__()[:2]
        made = functools.partial(maker, *given)  # it is a partial itself where there are keywords
        name, *args = made.args
        return lambda x: self.call(self.get_attribute(x, name), args, made.keywords)

    # Numbers ------------------------------------------------------------------------------------

    def _abs(self, x: Any) -> Any:
        return self.unary(operator.abs, x)

    def _pow(self, base: Any, exp: Any, mod: Any = None) -> Any:
        if mod is None:
            return self.binary(operator.pow, base, exp)
        return pow(*self.known_now(pow, [base, exp, mod], {}))

    def _of_numbers(self, function: Callable, args: tuple, kwargs: dict) -> Any:
        if not kwargs and _are_numbers(args):
            return call(function, *args)
        return function(*self.known_now(function, list(args), kwargs), **kwargs)

    def _float(self, x: Any = 0.0) -> Any:
        return self.python_float(x) if isinstance(x, Tracer) else float(*self.known_now(float, [x], {}))

    def _int(self, x: Any = 0, *base: Any) -> Any:
        if isinstance(x, Number) and not base:
            return call(int, x)
        return int(*self.known_now(int, [x, *base], {}))

    def _round(self, x: Any, ndigits: Any = None) -> Any:
        if isinstance(x, Number):
            return call(round, *([x] if ndigits is None else [x, ndigits]))
        return round(*self.known_now(round, [x, ndigits], {}))

    def python_float(self, x: Tracer) -> Any:
        """A Python float made from an array of one element."""
        if isinstance(x, Number):
            return call(float, x)
        if x.kind == FLOAT:
            return x
        if x.size != 1 or x.dtype.kind == "c":
            raise OperandError("only arrays of one element can be converted to Python numbers")
        if x.shape:
            raise UnsupportedError("NumPy warns when an array with axes is converted to a number")
        with self.trace.in_namespace(FLOAT):
            return _to_float(x)

    def only_element(self, x: Tracer) -> Any:
        """``x.item()``."""
        if x.dtype.kind != "f":
            raise UnsupportedError("a Python number is made from array data")
        return self.python_float(x.reshape(()))

    def _divmod(self, x: Any, y: Any) -> tuple:
        return self.binary(operator.floordiv, x, y), self.binary(operator.mod, x, y)

    def _sum(self, iterable: Any, start: Any = 0) -> Any:
        items = list(self.iterate(iterable))
        if not any(
            isinstance(value, (Tracer, Ref)) for item in (*items, start) for value in walk_values(item)
        ):
            return sum(items, start)  # of floats it is not the plain sum since Python 3.12
        if _are_numbers([start, *items]):
            return compute(_total, (*items, start), f"sum([{', '.join(['{}'] * len(items))}], {{}})")
        for item in items:
            start = self.binary(operator.add, start, item)
        return start

    def _max(self, *args: Any, key: Any = None, default: Any = _MISSING) -> Any:
        return self._extreme(max, gast.Gt(), args, key, default)

    def _min(self, *args: Any, key: Any = None, default: Any = _MISSING) -> Any:
        return self._extreme(min, gast.Lt(), args, key, default)

    def _extreme(self, function: Any, better: Any, args: tuple, key: Any, default: Any) -> Any:
        items = list(self.iterate(args[0]) if len(args) == 1 else args)
        if not items and default is not _MISSING:
            return default
        if not items:
            return function(())  # raises
        if key is None and len(items) > 1 and _are_numbers(items):
            return call(function, *items)
        best, best_key = items[0], self._key(key, items[0])
        for item in items[1:]:
            item_key = self._key(key, item)
            if key is None and _is_float(item) and _is_float(best):
                pair = (item, best) if function is max else (best, item)
                with self.trace.in_namespace(FLOAT):
                    best = best_key = where(greater(*pair), item, best)
            elif self.truth(self.compare(better, item_key, best_key)):
                best, best_key = item, item_key
        return best

    def _key(self, key: Any, item: Any) -> Any:
        return item if key is None else self.call(key, [item], {})

    # What goes over elements --------------------------------------------------------------------

    def _bool(self, x: Any = False) -> bool:
        return self.truth(x)

    def _not(self, x: Any) -> bool:
        return not self.truth(x)

    def _is_in(self, container: Any, x: Any) -> bool:
        return self.compare(gast.In(), x, container)

    def _iter(self, iterable: Any, *sentinel: Any) -> Iterator[Any]:
        if sentinel:
            raise UnsupportedError("iter is given a function to call")
        return iter(self.iterate(iterable))

    def _next(self, iterator: Any, *default: Any) -> Any:
        if isinstance(iterator, (Ref, Tracer)):
            raise UnsupportedError("an iterator from outside is advanced")
        return next(iterator, *default)

    def _list(self, iterable: Any = ()) -> list:
        return list(self.iterate(iterable))

    def _tuple(self, iterable: Any = ()) -> tuple:
        return tuple(self.iterate(iterable))

    def _set(self, iterable: Any = ()) -> set:
        return set(map(self.key, self.iterate(iterable)))

    def _frozenset(self, iterable: Any = ()) -> frozenset:
        return frozenset(map(self.key, self.iterate(iterable)))

    def _dict(self, *args: Any, **kwargs: Any) -> dict:
        made: dict = {}
        for source in args:
            if isinstance(unref(source), dict):
                made.update(self.mapping(source))
            else:
                for pair in self.iterate(source):
                    key, value = self.iterate(pair)
                    made[self.key(key)] = value
        made.update(kwargs)
        return made

    def _zip(self, *iterables: Any, **options: Any) -> Iterator[Any]:
        sources = [self.iterate(iterable) for iterable in iterables]
        counts = [count for count in map(elements_left, sources) if count >= 0]
        return Counted(zip(*sources, **options), min(counts, default=-1))

    def _enumerate(self, iterable: Any, start: int = 0) -> Iterator[Any]:
        source = self.iterate(iterable)
        return Counted(enumerate(source, self.plain(start)), elements_left(source))

    def _reversed(self, sequence: Any) -> Iterator[Any]:
        if not isinstance(unref(sequence), (list, tuple, dict, range, str, Tracer)):
            raise UnsupportedError("something that is no sequence is reversed")
        return iter(list(self.iterate(sequence))[::-1])

    def _map(self, function: Any, *iterables: Any) -> Iterator[Any]:
        return (self.call(function, list(items), {}) for items in self._zip(*iterables))

    def _filter(self, function: Any, iterable: Any) -> Iterator[Any]:
        if function is None:
            return (item for item in self.iterate(iterable) if self.truth(item))
        return (item for item in self.iterate(iterable) if self.truth(self.call(function, [item], {})))

    def _all(self, iterable: Any) -> bool:
        return all(self.truth(item) for item in self.iterate(iterable))

    def _any(self, iterable: Any) -> bool:
        return any(self.truth(item) for item in self.iterate(iterable))

    def _sorted(self, iterable: Any, *, key: Any = None, reverse: Any = False) -> list:
        items = list(self.iterate(iterable))
        keys = self.known_now(sorted, [self._key(key, item) for item in items], {})
        order = sorted(range(len(items)), key=keys.__getitem__, reverse=self.plain(reverse))
        return [items[i] for i in order]

    def _len(self, x: Any) -> Any:
        if isinstance(x, DictView):
            return len(list(x.read()))
        if isinstance(x, Text):
            return call(len, x)
        if not isinstance(x, (Ref, Instance)):
            return len(x)
        method = self.python_method(x, "__len__")
        if method is not None:
            return self.call(method, [], {})
        if isinstance(x, Instance):
            raise TypeError(f"object of type {x.kind.__name__!r} has no len()")
        return self.length(x)

    def _count(self, start: Any = 0, step: Any = 1) -> Iterator[Any]:
        return itertools.count(*self.known_now(itertools.count, [start, step], {}))

    def _product(self, *iterables: Any, repeat: Any = 1) -> Iterator[Any]:
        return itertools.product(*[list(self.iterate(x)) for x in iterables], repeat=self.plain(repeat))

    def _chain(self, *iterables: Any) -> Iterator[Any]:
        return (item for iterable in iterables for item in self.iterate(iterable))

    def _chain_from(self, iterables: Any) -> Iterator[Any]:
        return (item for iterable in self.iterate(iterables) for item in self.iterate(iterable))

    def _starmap(self, function: Any, iterable: Any) -> Iterator[Any]:
        return (self.call(function, list(self.iterate(items)), {}) for items in self.iterate(iterable))

    def _takewhile(self, predicate: Any, iterable: Any) -> Iterator[Any]:
        return itertools.takewhile(
            lambda item: self.truth(self.call(predicate, [item], {})), self.iterate(iterable)
        )

    def _accumulate(self, iterable: Any, func: Any = None, *, initial: Any = None) -> Iterator[Any]:
        def step(x: Any, y: Any) -> Any:
            return self.binary(operator.add, x, y) if func is None else self.call(func, [x, y], {})

        return itertools.accumulate(self.iterate(iterable), step, initial=initial)

    def _reduce(self, function: Any, iterable: Any, *initial: Any) -> Any:
        return functools.reduce(
            lambda x, y: self.call(function, [x, y], {}), self.iterate(iterable), *initial
        )

    def _slices(self, iterable: Any, *bounds: Any) -> Iterator[Any]:
        return itertools.islice(self.iterate(iterable), *self.known_now(itertools.islice, list(bounds), {}))

    def _cycle(self, iterable: Any) -> Iterator[Any]:
        return itertools.cycle(self.iterate(iterable))

    def _repeat(self, item: Any, *times: Any) -> Iterator[Any]:
        return itertools.repeat(item, *self.known_now(itertools.repeat, list(times), {}))

    def _combinations(self, iterable: Any, r: Any) -> Iterator[Any]:
        return itertools.combinations(list(self.iterate(iterable)), self.plain(r))

    def _permutations(self, iterable: Any, r: Any = None) -> Iterator[Any]:
        return itertools.permutations(list(self.iterate(iterable)), self.plain(r))

    # Types, attributes, functions ---------------------------------------------------------------

    def _isinstance(self, value: Any, kinds: Any) -> bool:
        classes = self.plain(kinds)
        if isinstance(value, (Tracer, Closure, BoundMethod, Instance)):
            return issubclass(self.python_type(value), classes)
        return isinstance(unref(value), classes)

    def _issubclass(self, kind: Any, kinds: Any) -> bool:
        return issubclass(self.plain(kind), self.plain(kinds))

    def _type(self, value: Any, *rest: Any) -> Any:
        if rest:
            raise UnsupportedError("a class is made")
        return self.reference(self.python_type(value))

    def python_type(self, value: Any) -> type:
        """``type(value)``."""
        if isinstance(value, Tracer):
            return _PYTHON_TYPE.get(value.kind, value.dtype.type)
        if isinstance(value, (Closure, BoundMethod)):
            return types.FunctionType if isinstance(value, Closure) else types.MethodType
        if isinstance(value, (ContainerMethod, DictView)):
            raise UnsupportedError("the type of a method is asked for")
        if isinstance(value, Instance):
            return value.kind
        return type(unref(value))

    def _callable(self, value: Any) -> bool:
        return not isinstance(value, Tracer) and callable(unref(value))

    def _getattr(self, value: Any, name: Any, *default: Any) -> Any:
        if default and not self._hasattr(value, name):
            return default[0]
        return self.get_attribute(value, self.plain(name))

    def _hasattr(self, value: Any, name: Any) -> bool:
        return self.has(value, self.plain(name))

    def has(self, value: Any, name: str) -> bool:
        """``hasattr(value, name)``."""
        if isinstance(value, (Ref, Instance)):
            return self.has_attribute(value, name)
        return hasattr(self.python_type(value), name)

    def _super(self, kind: Any, instance: Any) -> Super:
        if not isinstance(instance, (Ref, Instance)):
            raise UnsupportedError("super() of something that the compiler made")
        return Super(self.plain(kind), instance)

    def _setattr(self, owner: Any, name: Any, value: Any) -> None:
        self.set_attribute(owner, self.plain(name), value)

    def _delattr(self, owner: Any, name: Any) -> None:
        self.delete_attribute(owner, self.plain(name))

    def _wraps(self, *args: Any, **kwargs: Any) -> Any:
        return Made(lambda function: function)

    def _partial(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        return Made(lambda *more, **named: self.call(function, [*args, *more], {**kwargs, **named}))

    def _str(self, *args: Any) -> Any:
        return self.make_text(str, *args)

    def _repr(self, *args: Any) -> Any:
        return self.make_text(repr, *args)

    def _format(self, *args: Any) -> Any:
        return self.make_text(format, *args)

    def _hash(self, *args: Any) -> Any:
        plain = self.known_now(hash, list(args), {})
        if not all(is_plain(value) or type(value) is float for value in plain):
            raise UnsupportedError("hash of an object")
        return hash(*plain)


def _are_numbers(values: Sequence[Any]) -> bool:
    """Whether all values are numbers of Python, and not all of them known."""
    return all(map(is_real, values)) and any(isinstance(x, Number) for x in values)


def _total(*items: Any) -> Any:
    return sum(items[:-1], items[-1])  # which since Python 3.12 is more exact for floats than adding them up


def _is_float(x: Any) -> bool:
    return type(x) is float or (isinstance(x, Tracer) and x.kind == FLOAT)


_LIBRARY: dict[Any, str] = {
    **{f: f"_{f.__name__}" for f in (abs, bool, divmod, float, int, max, min, pow, round, sum)},
    **{f: f"_{f.__name__}" for f in (all, any, dict, enumerate, filter, frozenset, iter, len, list, map)},
    **{f: f"_{f.__name__}" for f in (next, reversed, set, sorted, tuple, zip)},
    **{f: f"_{f.__name__}" for f in (callable, getattr, hasattr, isinstance, issubclass, super, type)},
    **{f: f"_{f.__name__}" for f in (delattr, format, hash, repr, setattr, str)},
    itertools.count: "_count",
    itertools.product: "_product",
    itertools.chain: "_chain",
    itertools.chain.from_iterable: "_chain_from",
    itertools.starmap: "_starmap",
    itertools.takewhile: "_takewhile",
    itertools.accumulate: "_accumulate",
    itertools.islice: "_slices",
    itertools.cycle: "_cycle",
    itertools.repeat: "_repeat",
    itertools.combinations: "_combinations",
    itertools.permutations: "_permutations",
    functools.reduce: "_reduce",
    functools.partial: "_partial",
    functools.wraps: "_wraps",
    operator.truth: "_bool",
    operator.not_: "_not",
    operator.contains: "_is_in",
    operator.getitem: "get_item",
    operator.setitem: "set_item",
    operator.delitem: "delete_item",
    copy.copy: "copied",
    copy.deepcopy: "deeply_copied",
    dataclasses.replace: "replaced",
}
