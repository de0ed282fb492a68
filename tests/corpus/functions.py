"""Functions of all kinds: defaults, keywords, decorators, partials, recursion, helpers."""

from __future__ import annotations

import functools

import minpy.numpy as np
from tests.corpus.inputs import V, X
from tests.corpus.registry import program


def helper(x, bias=0.5, *rest, scale=2, **more):
    for r in rest:
        x = x + r
    return x * scale + bias + more.get("extra", 0)


@program((X,))
def calls_helper(x):
    return helper(x), helper(x, 1, 2, 3), helper(x, scale=0.25), helper(x, bias=1, extra=5)


@program((X,))
def nested_jit_like(x):
    def step(v, n):
        return v if n == 0 else step(v * 0.5, n - 1)

    return step(x, 4)


@program((X,))
def deleted_name(x):
    y = x * 2
    z = y + 1
    del y
    return z


@program((X,))
def looks_at_locals(x):
    y = x * 2  # leftover
    return sorted(locals()), y


def decorated(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs) + 1

    return wrapper


@program((X,))
@decorated
def under_a_decorator(x):
    return np.exp(x)


@program((V, lambda v: v * 2), (V, lambda v: v + 1), (V, functools.partial(np.multiply, 3)))
def function_arguments(x, f):
    return f(x) + f(f(x)), list(map(f, [x, x + 1]))


def apply(function, *args, **kwargs):
    return function(*args, **kwargs)


@program((V, 2), (V, 3))
def functions_made_anew_at_each_call(x, n):
    return apply(lambda v, *, k=n: v * k, x) + apply(lambda: x * n), apply(_power, x, exponent=n)


def _power(x, /, exponent, *rest, scale=1.0):
    return x**exponent * scale


program((V,))(functools.partial(_power, exponent=2, scale=0.5))


def repeated(times):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            result = function(*args, **kwargs)
            for _ in range(times - 1):
                result = function(result, **kwargs)
            return result

        return wrapper

    return decorate


@program((V,))
def decorated_helpers(x):
    @repeated(3)
    def double(v):
        return v * 2

    return double(x) + _thrice(x, by=1)


@repeated(times=3)
def _thrice(x, by):
    return np.tanh(x) + by


@functools.cache
def cached_size(n):
    return n * n + 1


@program((V, 2), (V, 3))
def cached_helper(x, n):
    return x * cached_size(n)  # leftover


@program((X, 3), (X, 6))
def recursion(x, n):
    return factorial(n) * x + fibonacci(n)


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def halved(x):
    if np.max(x) > 1:
        return halved(x * 0.5)
    return x


@program((V,), (20 * V,))
def recursion_on_data(x):
    return halved(x) * 2  # leftover


@program((V, (1, 2), {"scale": 3}), (V, (), {}))
def variable_arguments(x, args, options):
    def collect(first, *rest, scale=1, **more):
        return first * scale + len(rest) + sum(rest) + sum(more.values())

    return collect(x, *args, **options), collect(x, 1, *args, other=2)


@program((V,), (V, 2), (V, 2, 3, 4))
def positional_and_rest(x, first=1, /, *rest):
    return x * first + sum(rest), len(rest)


def keyword_only(x, *, scale, shift=0.0, **more):
    """Named arguments."""
    return x * scale + shift, sorted(more)


program((V,))(functools.partial(keyword_only, scale=2, other=1))
program((V,))(functools.partial(keyword_only, scale=0.5, shift=V))


@program((V, {"scale": 2}), (V, {"scale": 3, "shift": 1.5, "name": "n"}), (V, {}))
def keywords_in_a_dict(x, options):
    return keyword_only(x, **options)  # leftover


def outer(function):
    def middle(*args):
        def innermost(x):
            return function(x, *args)

        return innermost

    return middle


@program((V,), (2 * V,))
def functions_that_make_functions(x):
    add = outer(lambda v, by: v + by)
    return add(1)(x) * add(x)(x)


compose = lambda *fs: lambda x: functools.reduce(lambda v, f: f(v), fs, x)  # noqa: E731


@program((V,), (X,))
def composed(x):
    return compose(np.tanh, lambda v: v * 2, abs)(x)


@program((V, 3), (V, 0))
def mutual_recursion(x, n):
    return even(x, n)


def even(x, n):
    return x if n == 0 else odd(x * 2, n - 1)


def odd(x, n):
    return -x if n == 0 else even(x + 1, n - 1)


@program(([1, [2, [V, 3]], V],), ([],))
def recursion_over_a_tree(tree):
    return total_of(tree) * 1.0


def total_of(tree):
    if isinstance(tree, list):
        return sum((total_of(branch) for branch in tree), 0)
    return tree


@program((V,), (V, None), (V, 2.0), (V, "no"))
def optional_arguments(x, scale=None):
    if scale is None:
        scale = 1.0
    elif isinstance(scale, str):
        return x
    return x * scale


def checked(kind):
    """A decorator with a test of the arguments."""

    def decorate(function):
        @functools.wraps(function)
        def wrapper(x, *args):
            if not isinstance(x, kind):  # flow
                raise TypeError(f"not a {type(x).__name__}, {function.__name__}")  # leftover
            return function(x, *args)

        return wrapper

    return decorate


@program((V,), ([1.0],))
@checked(np.ndarray)
def under_a_checking_decorator(x):
    return np.sin(x)


@program((V,), (X,))
def annotated(x: np.ndarray, axis: int = 0) -> tuple[np.ndarray, float]:
    total: np.ndarray = np.sum(x, axis=axis)
    return total, float(axis)


@program((V,), (V,))
def attributes_of_functions(x):
    return x * attributes_of_functions.scale, keyword_only.__doc__, even.__name__


attributes_of_functions.scale = 4


@program((V, 2), (V, 3), no_gradient="an array under a gradient is no key")
@functools.lru_cache(maxsize=None)  # noqa: UP033
def under_a_cache(x, n):
    return x * n


def give(*values):
    return values if len(values) != 1 else values[0]


@program((V,), (X,))
def several_results(x):
    (a, b), c = give(x, x * 2), give(x + 1)
    nothing = give()
    return {"a": a, "rest": [b, (c, nothing)]}, a


@program((X,))
def order_of_evaluation(x):
    seen = []

    def note(value):
        seen.append(value)
        return value

    made = {note(1): note(2), **{note(3): note(4)}, note(5): x}
    made[note(6)] = note(7)
    return seen, made, {note(i): note(-i) for i in range(2)}
