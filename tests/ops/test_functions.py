"""The public functions against NumPy's: eager, compiled, differentiated; and those that make arrays."""

from __future__ import annotations

import operator
from array import array as buffer

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler.passes import makes_kernels
from minpy.context import cpu
from minpy.errors import GradientError
from minpy.ops import FUNCTIONS, Function
from tests.ops.calls import CALLS, in_other_shapes
from tests.ops.calls_special import OFF
from tests.ops.checks import (
    boxed,
    check_gradient,
    compiled,
    float_places,
    projected,
    projected_gradient,
)
from tests.ops.samples import KEYS, Sample
from tests.ops.tolerances import GRADIENT, assert_same

#: Functions that make arrays; their dtypes are MinPy's, so they have tests of their own.
MAKERS = (
    *("zeros", "ones", "empty", "full", "arange", "linspace", "eye", "identity", "array", "asarray"),
    *("zeros_like", "ones_like", "empty_like", "full_like"),
)
#: See test_slice_axis and test_neural.py.
ONLY_MINPY = (
    *("slice_axis", "sigmoid", "relu", "softmax", "log_softmax", "one_hot", "onehot_encode", "batch_dot"),
    *(name for name in FUNCTIONS if name.startswith("nn.")),  # tests/nn
)
every_function = pytest.mark.parametrize("name", CALLS)


def calls(name, dtypes):
    """(description, function, operands, call) of each call."""
    for number, call in enumerate(CALLS[name]):
        for dtype in dtypes:
            args = Sample(call.operands).draw(dtype)
            yield f"{name}, call {number}: {args}", call.function, args, call


def test_every_public_function_is_called():
    plain = {name for name, function in FUNCTIONS.items() if isinstance(function, Function)}
    assert plain - OFF == (set(CALLS) - {"add"}) | set(MAKERS) | set(ONLY_MINPY)


@every_function
def test_eager_is_numpy(name, steps_are_declared):
    for what, function, args, _ in calls(name, ["float32", "float64", "int64"]):
        expected = function(numpy, *args)
        for policy in (minpy.PreferMXNetPolicy(), minpy.OnlyNumPyPolicy()):
            with policy:
                got = function(np, *map(boxed, args))
                assert_same(got, expected, what)
                assert isinstance(got, type(expected) if isinstance(expected, (list, tuple)) else minpy.Array)


@every_function
def test_a_second_call_looks_at_its_own_data(name):
    """What a call comes down to may be remembered, but for what depends on the data."""
    with minpy.OnlyNumPyPolicy():
        for what, function, args, call in calls(name, ["float32", "float64", "int64"]):
            function(np, *map(boxed, args))
            others = Sample(call.operands).draw(args[0].dtype) if args else args
            for again in (others, args):
                assert_same(function(np, *map(boxed, again)), function(numpy, *again), what)


@every_function
def test_compiled_is_numpy(name):
    on_mxnet = False
    for what, function, args, call in calls(name, ["float32"]):
        graph = compiled(lambda *x, f=function: f(np, *x), args)
        assert (graph is not None) == (call.compiles or (call.kernels and makes_kernels(cpu()))), what
        if graph is not None:
            assert_same(graph(*args), function(numpy, *args), what)
            on_mxnet |= call.compiles
    assert name == "add" or on_mxnet == FUNCTIONS[name].on_mxnet, "the table says otherwise"


def results_of(function):
    """``function`` of arrays as one array; several results are joined."""

    def joined(*args):
        result = function(np, *map(boxed, args))
        return np.concatenate([np.ravel(x) for x in result]) if isinstance(result, (list, tuple)) else result

    return joined


def differentiable_calls(name, dtype):
    """(description, function, operands, place of a float operand) of each call."""
    for what, function, args, call in calls(name, [dtype]):
        for place in float_places(args):
            if call.compiles or call.differentiable:
                yield f"{what}, operand {place}", results_of(function), args, place


@every_function
def test_gradients(name):
    is_differentiable = False
    for number, (what, function, args, place) in enumerate(differentiable_calls(name, "float64")):
        x, project = args[place], projected(function, args, place)
        gradient = check_gradient(project, x, what)
        if number % 3 == 0:  # not all of them, for time
            check_gradient(projected_gradient(project, x), x, f"{what}, order 2")
        graph = compiled(function, args)
        if graph is not None:
            assert_same(minpy.grad(projected(graph, args, place))(x), gradient, what, GRADIENT[x.dtype])
        is_differentiable |= gradient.any()
    assert name == "add" or is_differentiable == FUNCTIONS[name].is_differentiable, "the table says otherwise"


@every_function
def test_gradients_in_float32(name):
    for what, function, args, place in differentiable_calls(name, "float32"):
        wide = [x.astype("float64") if x.dtype == "float32" else x for x in args]
        expected = minpy.grad(projected(function, wide, place))(wide[place])
        found = minpy.grad(projected(function, args, place))(args[place])
        expected = numpy.asarray(expected).astype(args[place].dtype)
        assert_same(found, expected, what, GRADIENT[args[place].dtype])


@every_function
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's about empty arrays
def test_empty_arrays_numbers_and_stacks(name):
    for number, call in enumerate(CALLS[name]):
        for other in in_other_shapes(name, call):
            args = Sample(other.operands).draw("float64")
            what = f"{name}, call {number}: {args}"
            function = results_of(call.function)
            try:
                expected = call.function(numpy, *args)
            except Exception as error:
                with pytest.raises(type(error)):
                    function(*args)
                continue
            assert_same(call.function(np, *map(boxed, args)), expected, what)
            if call.compiles or call.differentiable:
                for place in float_places(args):
                    check_gradient(projected(function, args, place), args[place], what)


@every_function
def test_what_numpy_does_alone_has_no_gradient(name):
    for _, function, args, call in calls(name, ["float64"]):
        eager = results_of(function)
        if not (call.compiles or call.differentiable) and numpy.asarray(eager(*args)).dtype.kind == "f":
            with pytest.raises(GradientError):
                minpy.grad(projected(eager, args, 0))(args[0])


DATA = numpy.arange(12.0).reshape(3, 4)
ROWS = [[1.0, -2.0], [3.0, 4.0]]
WITH_LISTS = (
    lambda np: np.exp(ROWS),
    lambda np: np.maximum([1, 2], (0, 3)),
    lambda np: np.sum(ROWS, axis=0),
    lambda np: np.mean([1, 2, 4]),
    lambda np: np.var(ROWS),
    lambda np: np.max(a=ROWS, axis=1),
    lambda np: np.sum(range(4)),
    lambda np: np.reshape((1, 2, 3, 4), (2, 2)),
    lambda np: np.transpose(ROWS),
    lambda np: np.concatenate([ROWS, [[5, 6]]]),
    lambda np: np.stack([[1, 2], [3, 4]], 1),
    lambda np: np.hstack([1, 2]),
    lambda np: np.append([1], [2.5]),
    lambda np: np.dot(ROWS, [1, 2]),
    lambda np: np.matmul(ROWS, ROWS),
    lambda np: np.outer([1, 2], [3.5]),
    lambda np: np.where([True, False], [1, 2], 0),
    lambda np: np.clip([1, 5], [2, 2], 3),
    lambda np: np.take(ROWS, [1, 0], axis=1),
    lambda np: np.zeros_like(ROWS),
    lambda np: np.around([1.5, 2.5]),
    lambda np: np.around([True]),
    lambda np: np.sum(3.0),
    lambda np: np.reshape(3, (1, 1)),
    lambda np: np.gradient(ROWS, axis=()),
)


def test_lists_and_numbers_are_arrays():
    for number, function in enumerate(WITH_LISTS):
        assert_same(function(np), function(numpy), f"call {number}")


def test_numbers_of_repetitions_may_be_floats():
    x = numpy.arange(6.0).reshape(2, 3)
    assert_same(np.repeat(boxed(x), 2.5), numpy.repeat(x, 2.5), "repeat")


@pytest.mark.parametrize("name", ["linspace", "geomspace"])
def test_spaces_have_the_very_ends(name):
    """That of a geometric one is what was given, although exp(log(x)) is not always x."""
    x, y = numpy.random.uniform(0.1, 9, (2, 100))
    found = getattr(np, name)(boxed(x), boxed(y), 7).raw()
    expected = getattr(numpy, name)(x, y, 7)
    assert (found[[0, -1]] == expected[[0, -1]]).all()


def test_gradients_flow_through_lists():
    x = numpy.array([1.0, 2.0, 4.0])
    for number, function in enumerate(
        (
            lambda x: np.sum([x[0] * x[1], x[2]]),
            lambda x: np.prod([x, x * 2, [1.0, 2.0, 3.0]]),
            lambda x: np.sum(np.maximum([x[0], [x[1]][0]], 1.5)),
            lambda x: np.dot([x[0], x[1], 3.0], x),
            lambda x: np.sum(x * [x[0], 1.0, x[1] * x[2]]),
        )
    ):
        check_gradient(function, x, f"call {number}")


def test_keys():
    for shape, key in KEYS:
        x = numpy.random.uniform(-1, 1, shape).astype("float32")
        assert_same(minpy.Array(x)[key], x[key], f"{shape} {key}")
        graph = compiled(lambda x, key=key: x[key], (x,))
        if graph is not None:
            assert_same(graph(x), x[key], f"{shape} {key}, compiled")


def test_keys_that_are_minpy_arrays():
    x = numpy.random.uniform(-1, 1, (4, 5, 3)).astype("float32")
    rows, columns, mask = numpy.array([2, -1, 0]), numpy.array([[1], [-5]]), x > 0
    array = minpy.Array(x)
    for key in (rows, (rows, columns), (slice(None), rows), (Ellipsis, columns % 3), mask, mask[..., 0]):
        own = tuple(map(boxed, key)) if isinstance(key, tuple) else boxed(key)
        assert_same(array[own], x[key], repr(key))


def test_slice_axis():
    x = numpy.arange(24.0).reshape(2, 3, 4)
    assert_same(np.slice_axis(minpy.Array(x), axis=1, begin=0, end=2), x[:, 0:2], "slice_axis")
    assert_same(np.slice_axis(minpy.Array(x), axis=-1, begin=1, end=None), x[..., 1:], "slice_axis")
    assert_same(np.slice_axis(minpy.Array(x), axis=0, begin=-1, end=None), x[-1:], "slice_axis")


MADE = (
    lambda np: np.zeros((2, 3)),
    lambda np: np.zeros(3),
    lambda np: np.ones((2, 0)),
    lambda np: np.full((2, 2), 2.5),
    lambda np: np.full(2, 3),
    lambda np: np.arange(5),
    lambda np: np.arange(2, 9, 3),
    lambda np: np.arange(0.5, 3),
    lambda np: np.arange(1, 0, -0.25),
    lambda np: np.arange(4, step=2),
    lambda np: np.linspace(0, 1, 5),
    lambda np: np.linspace(1, 2, 4, endpoint=False),
    lambda np: np.eye(3),
    lambda np: np.eye(2, 4, k=1),
    lambda np: np.identity(2),
    lambda np: np.array([1.0, 2.5]),
    lambda np: np.array([[1, 2], [3, 4]]),
    lambda np: np.array([True, False]),
    lambda np: np.array(2.5),
    lambda np: np.array([]),
    lambda np: np.asarray([1.5, 2]),
    lambda np: np.arange(stop=3),
    lambda np: np.arange(start=1, stop=2, step=0.5),
    lambda np: np.array([1.5, 2], ndmin=3),
    lambda np: np.array(1.5, ndmin=1, subok=True),
)
#: what is left to NumPy
MADE_EAGERLY = (
    lambda np: np.zeros((2, 3), order="F"),
    lambda np: np.ones((2, 3), "int8", "F"),
    lambda np: np.full((2, 3), 1.5, order="F"),
    lambda np: np.array([[1.5, 2.5], [3.5, 0.0]], order="F"),
    lambda np: np.array([[1.5, 2.5], [3.5, 0.0]]).copy("F"),
    lambda np: np.eye(3, order="F"),
)


@pytest.mark.parametrize("default", ["float32", "float64"])
def test_made_arrays_have_the_default_dtype(default):
    minpy.set_default_dtype(default)
    for number, make in enumerate((*MADE, *MADE_EAGERLY)):
        found, expected = make(np), make(numpy)
        dtype = default if expected.dtype == "float64" else expected.dtype
        assert_same(found, expected.astype(dtype), f"maker {number}")
        assert found.flags.f_contiguous == expected.flags.f_contiguous


def test_arrays_of_a_computed_number_have_the_default_dtype():
    minpy.set_default_dtype("float32")
    made = minpy.jit(lambda x: (np.array([x, 2 * x]), np.full(2, x), np.linspace(0, x, 3)))(0.5)
    assert [part.dtype for part in made] == ["float32"] * 3


def test_what_has_a_dtype_keeps_it():
    class Wrapped:
        def __array__(self, dtype=None):
            return numpy.ones(2, dtype)

    for made in (buffer("d", [1.5]), memoryview(numpy.ones(2)), Wrapped(), [buffer("d", [1.5])]):
        for make in ("array", "asarray"):
            assert_same(getattr(np, make)(made), getattr(numpy, make)(made), make)


def test_a_dtype_that_is_asked_for_is_kept():
    for dtype in ("float64", "float32", "int32", "bool"):
        for name in ("zeros", "ones", "empty", "identity", "eye"):
            assert getattr(np, name)(3, dtype=dtype).dtype == dtype
        for made in (
            np.full(2, 1.5, dtype=dtype),
            np.arange(2, dtype=dtype),
            np.linspace(0, 4, 3, dtype=dtype),
            np.array([1.5, 0], dtype=dtype),
            np.asarray([1.5, 0], dtype),
            np.array(np.ones(2), dtype=dtype),
            np.zeros_like(np.ones(2), dtype=dtype),
            *(
                make(x, dtype=numpy.dtype(dtype))
                for make in (np.array, np.asarray)
                for x in (np.ones(2), numpy.ones(2, "f4"))
            ),
        ):
            assert made.dtype == dtype
        x = numpy.ones((2, 3), dtype)
        for made in (np.array(x), np.asarray(x), np.zeros_like(x), np.empty_like(x), np.full_like(x, 1)):
            assert made.dtype == dtype


def test_arrays_are_made_in_a_graph():
    x = numpy.array([[1.5, 2.5]], "float32")
    makers = (*MADE, lambda np: np.zeros((1, 2), "int32"), lambda np: np.asarray(x))

    def make(x):
        likes = [np.zeros_like(x), np.ones_like(x, dtype="int64"), np.full_like(x, 3), np.empty_like(x)]
        return [
            *(maker(np) for maker in makers),
            *likes,
            np.array(x),
            np.full((2, 2), x),
            np.array([x, x * 2]),
        ]

    graph = compiled(make, (x,))
    assert graph is not None
    assert_same(graph(x), make(minpy.Array(x)), "made")


def test_likeness():
    x = np.array([[1.5, 2.5, 3.5]], dtype="float64")
    assert_same(np.zeros_like(x), numpy.zeros((1, 3)), "zeros_like")
    assert_same(np.empty_like(x), numpy.zeros((1, 3)), "empty_like")
    assert_same(np.ones_like(x, shape=(2,)), numpy.ones(2), "ones_like")
    assert_same(np.full_like(x, 7, dtype="int32"), numpy.full((1, 3), 7, "int32"), "full_like")
    assert_same(np.full_like(x, np.array(2.0)), numpy.full((1, 3), 2.0), "full_like an array")
    gradient = minpy.grad(lambda x: np.sum(np.full_like(x, x[0, 1]) * x))(numpy.array([[1.0, 2.0, 4.0]]))
    assert gradient.tolist() == [[2.0, 2.0 + 7.0, 2.0]]


def test_an_array_copies_and_asarray_does_not():
    source = numpy.ones(3)
    copied, shared = np.array(source), np.asarray(source)
    source[0] = 7
    assert copied.tolist() == [1, 1, 1]
    assert shared.tolist() == [7, 1, 1]
    assert np.asarray(shared) is shared is np.array(shared, copy=False)
    assert np.asanyarray(shared) is shared is np.asarray_chkfinite(shared)
    with pytest.raises(ValueError, match="infs or NaNs"):
        np.asarray_chkfinite(np.array([1.0, numpy.inf]))
    assert np.asfortranarray(np.ones((2, 3))).flags.f_contiguous
    assert np.array(source, copy=False)[0] == np.array(source, order="F")[0] == 7
    assert np.array(shared, dtype="float64", ndmin=2, order="F").dtype == "float64"


LAID_OUT = {
    "pad": lambda np, x: np.pad(x, 1),
    "pad by nothing": lambda np, x: np.pad(x, 0, "edge"),
    "insert": lambda np, x: np.insert(x, 1, 5.0, axis=1),
    "insert rows": lambda np, x: np.insert(x, [0, 2], 5.0, axis=0),
    "copy": lambda np, x: np.copy(x),
    "array": lambda np, x: np.array(x),
    "zeros_like": lambda np, x: np.zeros_like(x),
    "zeros_like C": lambda np, x: np.zeros_like(x, order="C"),
    "gradient": lambda np, x: np.gradient(x, axis=0),
    "arithmetic": lambda np, x: -np.exp(x) * x + 1,
    "with numbers in a row": lambda np, x: x + x[..., :1],
    "sum": lambda np, x: x[None].sum(0),
    "cumsum": lambda np, x: np.cumsum(x, 0),
    "where": lambda np, x: np.where(x > 2, x, 0),
    "concatenate": lambda np, x: np.concatenate([x, x], 1),
    "delete": lambda np, x: np.delete(x, 0, 0),
    "the method copy": lambda np, x: x.copy("K"),
    "+=": lambda np, x: operator.iadd(x * 1, x),
    "ravel": lambda np, x: np.ravel(x, "A") + x.ravel("K"),
    "ravel, which copies": lambda np, x: _doubled(x.T),
    "require F": lambda np, x: np.require(x, requirements="F"),
    "require C": lambda np, x: np.require(x.T, requirements=["C", "W"]),
    "asfortranarray": lambda np, x: np.asfortranarray(x),
    "ascontiguousarray": lambda np, x: np.ascontiguousarray(x.T),
    "copy F": lambda np, x: np.copy(x, "F"),
    "array F": lambda np, x: np.array(x, order="F"),
    "astype": lambda np, x: x.astype("float32"),
    "astype F": lambda np, x: x.astype("float32", order="F"),
    "reshape F": lambda np, x: np.reshape(x, (2, -1), order="F"),
    "ones_like": lambda np, x: np.ones_like(x, dtype="int64"),
    "full_like F": lambda np, x: np.full_like(x, 2, order="F"),
    "ones_like in a shape": lambda np, x: np.ones_like(x, shape=(2, *x.shape[1:])),
    "zeros F": lambda np, x: np.zeros(x.shape, "float64", order="F"),
}


def _doubled(x):
    y = x + 0
    flat = y.ravel()
    flat *= 2
    return y


@pytest.mark.parametrize("name", LAID_OUT)
def test_results_lie_in_memory_as_numpys_do(name):
    call = LAID_OUT[name]
    for x in (DATA, numpy.asfortranarray(DATA), numpy.arange(24.0).reshape(2, 3, 4).transpose(1, 2, 0)):
        expected, found = call(numpy, x), []
        for policy in ("only_numpy", "prefer_mxnet"):
            minpy.set_global_policy(policy)
            found.append(call(np, minpy.Array(x)))
            minpy.grad(lambda x: (found.append(call(np, x)), np.sum(x))[1])(x)  # noqa: B023
        if x is DATA:
            found.append(minpy.jit(call)(np, minpy.Array(x)))
        for result in found:
            assert_same(result, expected, name)
            assert result.strides == expected.strides


def test_slopes_of_bools_are_numpys():
    x, places = numpy.array([True, False, True, True]), numpy.array([0.0, 1.0, 3.0, 4.5])
    call = lambda np, x: np.gradient(x, places, edge_order=2)  # noqa: E731
    assert_same(call(np, minpy.Array(x)), call(numpy, x), "slopes")
    for function, array in ((numpy.gradient, x), (np.gradient, minpy.Array(x))):
        with pytest.raises(TypeError, match="boolean subtract"):
            function(array)


ARRAYS_OF_INTEGERS = {
    "split": lambda np, x, i: np.split(x, i, axis=1),
    "array_split": lambda np, x, i: np.array_split(x[0], i),
    "hsplit": lambda np, x, i: np.hsplit(x, i),
    "roll": lambda np, x, i: np.roll(x, i, axis=(0, 1)),
    "moveaxis": lambda np, x, i: np.moveaxis(x, i[:1] - 1, i[:1]),
    "transpose": lambda np, x, i: np.transpose(x, i - 1),
    "tensordot": lambda np, x, i: np.tensordot(x, x, i[1]),
    "tensordot over axes": lambda np, x, i: np.tensordot(x, x, (i - 1, i - 1)),
    "tri": lambda np, x, i: np.tri(i[1]).astype("float32"),
    "unique": lambda np, x, i: np.unique(x, True, True, True),
    "real": lambda np, x, i: np.real([1.0, 2.0]),
    "divmod with one out": lambda np, x, i: np.divmod(x, i[1], np.zeros((2, 3))),
    "modf with one out": lambda np, x, i: np.modf(x, np.zeros((2, 3))),
}


@pytest.mark.parametrize("name", ARRAYS_OF_INTEGERS)
def test_settings_may_be_arrays_and_results_are(name):
    minpy.set_default_dtype("float64" if name != "tri" else "float32")
    x, i = numpy.array([[3.0, 1.5, 2.0], [6.0, 5.0, 4.0]]), numpy.array([1, 2])
    call = ARRAYS_OF_INTEGERS[name]
    found = call(np, np.array(x), np.array(i))
    assert_same(found, call(numpy, x, i), name)
    assert all(
        isinstance(part, minpy.Array) for part in (found if isinstance(found, (list, tuple)) else [found])
    )


def test_a_cross_product_in_the_plane_is_an_array_without_axes():
    found = np.cross(np.array([1.0, 2.0]), [3.0, 4.0])
    found += 1
    assert (type(found), found.shape, float(found)) == (minpy.Array, (), -1.0)


def test_shapes_that_are_arrays():
    x, sizes = np.ones((2, 3)), numpy.array([3, 2])
    for shape in (sizes, np.array(sizes), list(np.array(sizes))):
        for made in (
            x.reshape(shape),
            np.reshape(x, shape),
            np.zeros(shape),
            np.broadcast_to(x[0, 0], shape),
        ):
            assert made.shape == (3, 2)
    assert x.reshape(np.array(6)).shape == np.broadcast_to(x[0, 0], np.array(6)).shape == (6,)


def test_gradients_flow_into_made_arrays():
    x = numpy.array([1.0, 2.0])
    weights = numpy.array([[1.0, 10.0], [100.0, 1000.0]])
    for made, expected in (
        (lambda x: np.array([x, x * x]), [1 + 2 * 100, 10 + 4 * 1000]),
        (lambda x: np.array([[x[0], x[1]], [1.0, x[0]]]), [1001, 10]),
        (lambda x: np.full((2, 2), x), [101, 1010]),
        (lambda x: np.array(x, ndmin=2) * np.ones((2, 1)), [101, 1010]),
        (lambda x: np.asarray(x) * np.ones((2, 1)), [101, 1010]),
    ):
        assert minpy.grad(lambda x, made=made: np.sum(made(x) * weights))(x).tolist() == expected
