"""``jit`` on every kind of callable, within and around gradients, copied, pickled, in many threads."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import threading

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import grad, grad_and_loss, hessian, hvp, jacobian, jvp, value_and_grad, vjp

W = numpy.array([0.5, -1.0, 2.0])
X = numpy.array([[1.0, 2.0, 3.0], [0.5, 0.0, -1.0]])


def loss(w, x, power=2):
    """The loss."""
    return np.sum(np.tanh(np.dot(x, w)) ** power)


def talking(w, x):
    y = np.dot(x, w)
    print(end="")
    return np.sum(np.tanh(y) ** 2)


def check(found, expected):
    """Equal, whatever the nesting."""
    if isinstance(expected, (tuple, list)):
        assert type(found) is type(expected) and len(found) == len(expected)
        for a, b in zip(found, expected):
            check(a, b)
    else:
        assert type(found) is type(expected)
        numpy.testing.assert_allclose(numpy.asarray(found), numpy.asarray(expected), rtol=1e-10, atol=1e-12)
        assert numpy.asarray(found).dtype == numpy.asarray(expected).dtype


# Gradients -------------------------------------------------------------------------------------

TRANSFORMS = {
    "grad": grad,
    "grad of two": lambda f: grad(f, [0, 1]),
    "grad by name": lambda f: grad(f, "x"),
    "grad_and_loss": grad_and_loss,
    "value_and_grad": value_and_grad,
    "grad of grad": lambda f: grad(lambda w, x: np.sum(grad(f)(w, x) ** 2)),
    "jacobian": lambda f: jacobian(lambda w, x: np.tanh(x * f(w, x))),
    "hessian": hessian,
    "hvp": lambda f: lambda w, x: hvp(f)(w, x, w + 1),
    "vjp": lambda f: lambda w, x: vjp(f, w, x)[1](np.ones(())),
    "jvp": lambda f: lambda w, x: jvp(lambda v: f(v, x), (w,), (w * 2,)),
}


@pytest.mark.parametrize("function", [loss, talking], ids=["compiles", "leftover"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_jit_of_gradients_and_gradients_of_jit(name, function):
    transform = TRANSFORMS[name]
    w, x = np.array(W), np.array(X)
    expected = transform(function)(w, x)
    for _ in range(2):
        check(minpy.jit(transform(function))(w, x), expected)
        check(transform(minpy.jit(function))(w, x), expected)
        check(minpy.jit(transform(minpy.jit(function)))(w, x), expected)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_jit_of_a_gradient_is_one_graph(name):
    compiled = minpy.jit(TRANSFORMS[name](loss), strict=True)
    compiled(np.array(W), np.array(X))
    assert minpy.explain(compiled).compilations == 1


def test_jit_of_a_gradient_compiles_what_it_can_of_the_function():
    compiled = minpy.jit(grad(talking))
    check(compiled(np.array(W), np.array(X)), grad(talking)(np.array(W), np.array(X)))
    found = minpy.explain(compiled)
    assert [region.first_line for region in found.regions] == [
        inspect.getsourcelines(talking)[1] + 1,
        inspect.getsourcelines(talking)[1] + 3,
    ]


def test_static_argnames_of_a_jitted_gradient():
    compiled = minpy.jit(grad(loss), static_argnames="power", strict=True)
    for power in (2, 3.5, 2):
        check(compiled(np.array(W), np.array(X), power=power), grad(loss)(np.array(W), np.array(X), power))
    with pytest.raises(ValueError, match="no parameter 'q'"):
        minpy.jit(grad(loss), static_argnames="q")


def test_a_training_step_of_jitted_parts():
    inner = minpy.jit(loss)

    @minpy.jit(strict=True)
    def step(w, x, rate):
        gradient, value = grad_and_loss(inner)(w, x)
        again = minpy.jit(lambda v: v * rate)
        return w - again(gradient), value

    w = np.array(W)
    new, value = step(w, np.array(X), 0.5)
    gradient, expected = grad_and_loss(loss)(w, np.array(X))
    check(new, w - 0.5 * gradient)
    check(value, expected)
    assert inner.calls == 0


# Kinds of callables ----------------------------------------------------------------------------


class Model:
    scale = 2.0

    def __init__(self, w):
        self.w = w

    def forward(self, x):
        return np.dot(x, self.w) * self.scale

    @minpy.jit
    def plain(self, x):
        """A method."""
        return np.dot(x, self.w) * self.scale

    @minpy.jit(strict=True)
    def optioned(self, x, power=1):
        return np.dot(x, self.w) ** power * self.scale

    @minpy.jit
    @classmethod
    def above_class(cls, x):
        return x * cls.scale

    @classmethod
    @minpy.jit
    def below_class(cls, x):
        return x * cls.scale

    @minpy.jit
    @staticmethod
    def above_static(x):
        return x * 2.0

    @staticmethod
    @minpy.jit
    def below_static(x):
        return x * 2.0

    @minpy.jit
    @property
    def above_property(self):
        """Doubled."""
        return self.w * self.scale

    @property
    @minpy.jit
    def below_property(self):
        return self.w * self.scale

    def __call__(self, x):
        return self.forward(x) + 1


class Other(Model):
    scale = 3.0


@pytest.mark.parametrize("kind", [Model, Other])
def test_methods(kind):
    model, x = kind(np.array(W)), np.array(X)
    scale = kind.scale
    for _ in range(2):
        check(model.plain(x), np.array(X.dot(W) * scale))
        check(model.optioned(x, power=2), np.array(X.dot(W) ** 2 * scale))
        check(kind.plain(model, x), np.array(X.dot(W) * scale))
        for name in ("above_class", "below_class"):
            check(getattr(model, name)(x), np.array(X * scale))
            check(getattr(kind, name)(x), np.array(X * scale))
        for name in ("above_static", "below_static"):
            check(getattr(model, name)(x), np.array(X * 2))
            check(getattr(kind, name)(x), np.array(X * 2))
        for name in ("above_property", "below_property"):
            check(getattr(model, name), np.array(W * scale))
    assert kind.above_property.__doc__ == "Doubled."
    model.w = np.array(W * 2)
    check(model.plain(x), np.array(X.dot(W * 2) * scale))
    check(model.above_property, np.array(W * 2 * scale))


def test_methods_compile():
    model, x = Model(np.array(W)), np.array(X)
    for function in (
        model.plain,
        model.below_class,
        Model.above_class,
        Model.below_static,
        model.above_static,
    ):
        getattr(function, "__func__", function).cache_clear()
        function(x)
        found = minpy.explain(function)
        assert (found.compilations, found.leftovers) == (1, [])
    strict = minpy.jit(
        lambda m, x: m.plain(x) + m.below_static(x).sum(1) + m.above_class(x).sum(1), strict=True
    )
    check(strict(model, x), np.array(X.dot(W) * 2 + (X * 2).sum(1) * 2))


CALLABLES = {
    "bound method": lambda model: model.forward,
    "object": lambda model: model,
    "partial": lambda model: functools.partial(loss, np.array(W)),
    "partial by name": lambda model: functools.partial(loss, np.array(W), power=3),
    "partial of a method": lambda model: functools.partial(model.forward),
    "partial of a partial": lambda model: functools.partial(functools.partial(loss, np.array(W)), power=3),
    "jitted method": lambda model: model.plain,
    "partial of a jitted function": lambda model: functools.partial(minpy.jit(loss), np.array(W)),
    "function of minpy.numpy": lambda model: np.tanh,
    "lambda": lambda model: lambda x: x + 1,
    "wrapped": lambda model: functools.wraps(loss)(
        lambda *args, **kwargs: loss(np.array(W), *args, **kwargs)
    ),
}


@pytest.mark.parametrize("name", CALLABLES)
def test_kinds_of_callables(name):
    function, x = CALLABLES[name](Model(np.array(W))), np.array(X)
    compiled = minpy.jit(function)
    for _ in range(2):
        check(compiled(x), function(x))
    found = minpy.explain(compiled)
    if name == "function of minpy.numpy":
        assert found.reason
    else:
        assert (found.compilations, found.leftovers) == (1, [])

    def total(f):
        return lambda x: np.sum(f(x))

    check(grad(total(compiled))(x), grad(total(function))(x))
    check(grad(compiled)(x), grad(function)(x))


class Layer:
    def __init__(self):
        self.w = np.array(W)

    @minpy.jit
    def __call__(self, x):
        return x * self.w

    @minpy.jit
    def __matmul__(self, x):
        return x + self.w


def test_special_methods_that_are_jitted():
    layer, x = Layer(), np.array(X)
    for function, expected in (
        (layer, X * W),
        (lambda v: layer(v) + 1, X * W + 1),
        (lambda v: layer @ v, X + W),
    ):
        check(minpy.jit(function, strict=True)(x), np.array(expected))
    check(grad(layer)(x), grad(lambda v: v * layer.w)(x))


def test_what_a_bound_function_is_bound_to_is_seen_anew():
    model, x = Model(np.array(W)), np.array(X)
    compiled = minpy.jit(model.forward)
    compiled(x)
    model.w = np.array(W * 3)
    check(compiled(x), model.forward(x))
    of_object = minpy.jit(model)
    check(of_object(x), model(x))
    bound = functools.partial(loss, np.array(W), power=2)
    of_partial = minpy.jit(bound)
    check(of_partial(x), bound(x))
    bound.keywords["power"] = 3
    check(of_partial(x), bound(x))


def test_call_of_a_class_replaced(monkeypatch):
    model, x = Model(np.array(W)), np.array(X)
    compiled = minpy.jit(model)
    check(compiled(x), model(x))
    monkeypatch.setattr(Model, "__call__", lambda self, x: x * 5)
    check(compiled(x), np.array(X * 5))


def test_gradient_with_respect_to_any_argument_of_a_bound_method():
    class Net:
        def __init__(self):
            self.offset = np.array([1.0, 2.0])

        @minpy.jit
        def loss(self, w, x, *more, scale=1.0):
            return np.sum((np.dot(x, w) + self.offset) ** 2 * scale) + sum(np.sum(m**2) for m in more)

    net, w, x = Net(), np.array(W), np.array(X)
    plain = functools.partial(Net.loss.function, net)
    for argnum in (0, 1, 2, -1, [0, 2], "w", ["x", "w"]):
        check(grad(net.loss, argnum)(w, x, x), grad(plain, argnum)(w, x, x))
    scale = np.array(2.0)
    check(grad(net.loss, "scale")(w, x, scale=scale), grad(plain, "scale")(w, x, scale=scale))
    versions = [v.purpose for region in minpy.explain(net.loss).regions for v in region.versions]
    assert set(versions) == {"value and gradient"}


def test_classes_and_things_that_are_no_functions():
    with pytest.raises(TypeError, match="Model is a class; decorate its methods"):
        minpy.jit(Model)
    for thing in (3, None, "loss", [loss]):
        if thing is not None:
            with pytest.raises(TypeError, match="jit takes a function"):
                minpy.jit(thing)


def test_builtins_run_as_they_are():
    for function, args in ((len, ([1, 2],)), (max, (3, 4)), (numpy.tanh, (W,)), (str.upper, ("a",))):
        compiled = minpy.jit(function)
        numpy.testing.assert_array_equal(compiled(*args), function(*args))
        assert "no source" in minpy.explain(compiled).reason
        assert compiled.cache_info().misses == 0


def test_decorator_forms():
    bare = minpy.jit(loss)
    assert minpy.jit(bare) is bare
    assert minpy.jit(bare, cache_size=64) is bare
    other = minpy.jit(bare, cache_size=3)
    assert other is not bare and other.function is loss and other.cache_info().maxsize == 3
    assert minpy.jit()(loss).function is loss
    assert minpy.jit(strict=True)(bare).options.strict


def test_metadata():
    compiled = minpy.jit(loss)
    assert compiled.__name__ == "loss" and compiled.__doc__ == "The loss." and compiled.__wrapped__ is loss
    assert compiled.__module__ == __name__ and compiled.__qualname__ == "loss"
    assert inspect.signature(compiled) == inspect.signature(loss)
    assert repr(compiled) == f"<minpy.jit of {loss!r}>"
    loss.note = "mine"
    assert minpy.jit(loss).note == "mine"
    del loss.note
    model = Model(np.array(W))
    model.options = "not the function's"
    assert minpy.jit(model).__name__ == "__call__" and minpy.jit(model).options.cache_size == 64
    assert minpy.jit(functools.partial(loss, W)).__name__ == "loss"
    with pytest.raises(TypeError, match="missing"):
        compiled()


# Copies ----------------------------------------------------------------------------------------


@minpy.jit
def decorated(x):
    return x * 2


jitted_by_another_name = minpy.jit(loss, cache_size=5)


def test_pickle():
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    assert pickle.loads(pickle.dumps(Model.plain)) is Model.plain
    again = pickle.loads(pickle.dumps(jitted_by_another_name))
    assert again.function is loss and again.options == jitted_by_another_name.options
    check(again(np.array(W), np.array(X)), loss(np.array(W), np.array(X)))
    of_object = pickle.loads(pickle.dumps(minpy.jit(Model(np.array(W)).forward)))
    check(of_object(np.array(X)), np.array(X.dot(W) * 2))
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(minpy.jit(lambda x: x))


def test_copy():
    assert copy.copy(decorated) is decorated and copy.deepcopy(decorated) is decorated
    model = Model(np.array(W))
    model.step = minpy.jit(model.forward, cache_size=7)
    model.step(np.array(X))
    other = copy.deepcopy(model)
    other.w = np.array(W * 2)
    check(other.step(np.array(X)), np.array(X.dot(W * 2) * 2))
    check(model.step(np.array(X)), np.array(X.dot(W) * 2))
    assert other.step is not model.step and other.step.options == model.step.options


# Threads ---------------------------------------------------------------------------------------


def in_threads(work, count=32):
    """Run ``work(number)`` in threads that start together; raises the first error."""
    start, errors = threading.Barrier(count), []

    def run(number):
        try:
            start.wait()
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("function", [loss, talking], ids=["compiles", "leftover"])
def test_threads_share_one_compilation(function):
    compiled = minpy.jit(function)
    plan_count = 1 if function is loss else 3

    def work(number):
        w = np.array(W * number)
        for size in (1, 2, 3, 4) * 25:
            x = numpy.full((size, 3), 0.1)
            numpy.testing.assert_allclose(
                float(compiled(w, x)), float(numpy.sum(numpy.tanh(x.dot(W * number)) ** 2))
            )

    in_threads(work)
    assert compiled.cache_info().misses == 4
    assert minpy.explain(compiled).compilations == 4 * plan_count


def test_threads_take_gradients():
    gradient = grad_and_loss(minpy.jit(loss))

    def work(number):
        w = np.array(W * number)
        for size in (1, 2) * 10:
            x = numpy.full((size, 3), 0.1)
            y = numpy.tanh(x.dot(W * number))
            found, value = gradient(w, x)
            numpy.testing.assert_allclose(float(value), float(numpy.sum(y**2)))
            numpy.testing.assert_allclose(found.asnumpy(), (2 * y * (1 - y**2)).dot(x), rtol=1e-10)

    in_threads(work)
    assert minpy.explain(gradient).compilations == 2


def test_threads_with_a_small_cache_that_is_cleared():
    compiled = minpy.jit(lambda x: np.sum(x * 2), cache_size=2)

    def work(number):
        for turn in range(30):
            size = (number + turn) % 5 + 1
            assert float(compiled(numpy.ones(size))) == 2 * size
            if turn % 10 == 9:
                compiled.cache_clear()

    with pytest.warns(minpy.errors.PerformanceWarning):
        in_threads(work, 8)


def test_eager_and_policies_belong_to_a_thread():
    compiled = minpy.jit(loss)

    def work(number):
        context = minpy.eager() if number % 2 else minpy.OnlyNumPyPolicy()
        if number:
            with context:
                for _ in range(10):
                    compiled(W, X)
        else:
            compiled(W, X)

    in_threads(work, 8)
    assert compiled.cache_info().misses == 1 and minpy.explain(compiled).compilations == 1
    assert [v.calls for region in minpy.explain(compiled).regions for v in region.versions] == [1]


# Policies, dtypes, devices ---------------------------------------------------------------------


def test_policies_that_do_not_compile():
    policy = minpy.OnlyNumPyPolicy()
    compiled = minpy.jit(loss)
    with policy:
        check(compiled(W, X), loss(W, X))
        check(grad(compiled)(W, X), grad(loss)(W, X))
    assert compiled.cache_info().misses == 0 and policy.op_stat()["numpy"]["tanh"] == 4
    check(compiled(W, X), loss(W, X))
    assert compiled.cache_info().misses == 1


def test_default_dtype_changes():
    @minpy.jit(strict=True)
    def f(n):
        return np.zeros((n,)) + 2 * np.ones(n)

    for name in ("float64", "float32", "float64"):
        minpy.set_default_dtype(name)
        assert f(3).dtype == f.function(3).dtype == numpy.dtype(name)
    assert f.cache_info().misses == 2


def test_default_dtype_changes_within_the_function():
    @minpy.jit
    def f(x):
        a = np.zeros(3) + x
        minpy.set_default_dtype("float64")
        b = np.zeros(3) + x
        minpy.set_default_dtype("float32")
        return a, b

    x = np.ones(3, dtype="float32")
    minpy.set_default_dtype("float32")
    for _ in range(2):
        a, b = f(x)
        assert (a.dtype, b.dtype) == (numpy.float32, numpy.float64)


def test_contexts_mixed():
    compiled = minpy.jit(lambda x, y: x * 2 + y)
    here = np.ones(3)
    with minpy.cpu(1):
        there = np.ones(3)
    for x, y in ((here, here), (there, there)):
        result = compiled(x, y)
        assert result.context == x.context == (lambda x, y: x * 2 + y)(x, y).context
        numpy.testing.assert_array_equal(result.asnumpy(), [3, 3, 3])
    for f in (compiled, compiled.function):
        with pytest.raises(minpy.errors.ContextError, match="as_in_context"):
            f(here, there)
    numpy.testing.assert_array_equal(compiled(here, here).asnumpy(), [3, 3, 3])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.zeros(3) + 1,
        lambda x: x + 1,
        lambda x: np.ones(3) * 2,
        lambda x: np.arange(3),
        lambda x: x + np.ones(3),
        lambda x: [x, np.ones(3)],
    ],
)
def test_current_context_changes(function):
    def outcome(f):
        try:
            result = f(np.ones(3))
        except minpy.errors.ContextError as error:
            return type(error)
        results = result if isinstance(result, list) else [result]
        return [(r.context, r.asnumpy().tolist()) for r in results]

    compiled = minpy.jit(function)
    for context in (minpy.cpu(0), minpy.cpu(1), minpy.cpu(0)):
        with context:
            assert outcome(compiled) == outcome(function)
