"""Writing into arrays, and views: every program does with MinPy's arrays what it does with NumPy's,
also while a gradient is taken."""

from __future__ import annotations

import contextlib
import operator
import threading

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.errors import GradientError
from tests.ops.checks import boxed, check_gradient, projected
from tests.ops.tolerances import assert_same

PROGRAMS = []


def program(function):
    """A function of an array of shape (3, 4) and one of shape (4,) that may change both."""
    PROGRAMS.append(function)
    return function


@program
def assign_an_element(x, v):
    x[1, 2] = v[0] * v[1]
    return x


@program
def assign_a_row(x, v):
    x[1] = v
    v[0] = 7.0
    return x * v


@program
def assign_a_number_everywhere(x, v):
    x[...] = 2.0
    x[:, 1] = v[:3]
    return x


@program
def assign_with_broadcasting(x, v):
    x[:, ::2] = v[1:3]
    x[:2, 3:] = x[1:, :1]
    return x


@program
def assign_backwards(x, v):
    x[::-1, ::-2] = x[:, :2] * v[0]
    return x


@program
def assign_to_itself(x, v):
    x[1:] = x[:-1]
    x[:, :2] = x[:, 2:]
    return x


@program
def assign_a_row_from_one_with_leading_ones(x, v):
    x[0] = v.reshape(1, 1, 4)
    return x


@program
def assign_at_an_index_array(x, v):
    x[numpy.array([2, 0])] = v
    x[[0, 1], [1, -1]] = v[1:3]
    return x


@program
def assign_twice_at_one_place(x, v):
    x[0, [1, 1, 2]] = v[:3]
    x[:, [0, 0]] = x[:, 1:3] * v[:2]
    return x


@program
def assign_by_a_mask(x, v):
    x[numpy.array([True, False, True])] = v
    x[numpy.asarray(x > 100)] = 0.0
    return x


@program
def change_in_place(x, v):
    x += v
    x *= x
    x -= 0.5
    x /= v + 3
    return x


@program
def change_a_part_in_place(x, v):
    x[1] += v
    x[:, 0] *= 2
    x[0][1:3] -= x[2, 1:3]
    return x


@program
def change_equal_indices_once(x, v):
    x[[0, 0, 1]] += v
    return x


@program
def change_by_an_overlapping_part(x, v):
    x[1:] += x[:-1]
    return x


@program
def another_name_is_the_same_array(x, v):
    y = x
    y += v
    return x * y


@program
def a_sum_is_another_array(x, v):
    y = x
    y = y + v
    y[0] = 0
    return x * y


@program
def write_through_a_view(x, v):
    row = x[1]
    row[2] = v[0]
    row *= 2
    return x + row


@program
def see_a_write_to_the_base(x, v):
    row, column = x[1], x[:, 2]
    x[1, 2] = v[3]
    x *= 3
    return row.sum() + column * 2


@program
def write_through_a_view_of_a_view(x, v):
    part = x[1:][:, ::2]
    part[0] = v[:2]
    part[:, 1] += 1
    return x


@program
def write_through_transposed_and_reshaped(x, v):
    x.T[0] = v[:3]
    x.reshape(-1)[5:7] = v[:2]
    x.reshape(2, 6)[1, ::3] *= 4
    x.swapaxes(0, 1)[3] -= 1
    x.ravel()[-1] = 9
    return x


@program
def ravel_copies_what_is_not_contiguous(x, v):
    for copied in (x[::-1].ravel(), x[:, ::2].ravel(), x.T.ravel(), x[0, ::2].ravel(), x[1:].ravel("F")):
        copied[0] = v[1]
    for shown in (x[0, ::-1].reshape(-1), x[1:2].ravel(), x.T.ravel("F"), x[2].ravel()):
        shown[0] = v[2] * 2
    return x


@program
def see_writes_through_transposed_and_reshaped(x, v):
    a, b = x.T, x.reshape(4, 3)
    x[0] = v
    b[1] = 5
    a[0, 0] = v[1]
    return a * b


@program
def write_through_new_and_lost_axes(x, v):
    x[None, 1, :, None][0, 0] = v[2]
    x[1:2].squeeze()[1] = v[0]
    return x


@program
def an_element_is_no_view(x, v):
    total = x[0, 0]
    total += v[0]
    total *= 2
    return x * total


@program
def a_sum_of_elements(x, v):
    total = v[0]
    for i in range(1, 4):
        total += v[i] * x[0, i]
    return total * v


@program
def an_array_without_axes_is_a_view(x, v):
    corner = x[0, 0, ...]
    corner += v[0]
    return x


@program
def a_reshape_that_copies_is_no_view(x, v):
    flat = x.T.reshape(-1)
    flat[0] = v[0]
    flat += 1
    return x * 2 + flat[0]


@program
def a_copy_is_no_view(x, v):
    y, z, w = x.copy(), x[numpy.array([0, 1, 2])], x.flatten()
    y[0], z[0], w[0] = 1, 2, v[0]
    x[1] = v
    return x + y * z + w.reshape(3, 4)


@program
def an_unchanged_result_is_no_view(x, v):
    y, z = +x, x.astype(x.dtype)
    y[0] = 3
    z += v
    return x + y * z


@program
def a_value_is_taken_when_it_is_used(x, v):
    y = x * 2
    x[0] = v
    z = x * y
    x *= 0
    return z + x


@program
def swap_rows(x, v):
    x[0], x[1] = x[1].copy(), x[0].copy()
    x[0], x[2] = x[2], x[0]
    return x * v


@program
def cumulative_sum(x, v):
    for i in range(1, 3):
        x[i] += x[i - 1] * v
    return x


@program
def put_by_position(x, v):
    numpy.put(x, [0, 5, 5, -1], v)
    numpy.put(x.T, [1, 4, 7], v[:2], mode="wrap")
    x.put([2, 14], v[2:] * x[0, 0], mode="clip")
    return x


@program
def put_by_a_mask(x, v):
    mask = numpy.arange(12).reshape(3, 4) % 3 == 1
    numpy.place(x, mask, v[:3])
    numpy.putmask(x[1:], ~mask[1:], v * 2)
    numpy.copyto(x, v, where=mask[::-1])
    numpy.copyto(x[0], x[1] * v)
    return x


@program
def fill_parts(x, v):
    x[0].fill(v[0] * x[1, 1])
    numpy.fill_diagonal(x, v[1])
    numpy.fill_diagonal(x[:, 1:], v[:3])
    numpy.put_along_axis(x, numpy.array([[1, 2], [0, 0], [3, 1]]), v[:2], axis=1)
    return x


@program
def sort_in_place(x, v):
    x *= v
    x.sort(axis=0)
    x[1].sort()
    x[:, 2].partition(1)
    v.sort()
    return x * v


@program
def write_by_position(x, v):
    x.flat[3] = v[0]
    x.T.flat[2:7] = v[1:3]
    x[1:].flat[[0, 5]] = x.flat[1] * v[3]
    total = 0.0
    for element in x[2].flat:
        total = total + element * element
    v.flat = x.flat[5:7]
    return x * total


@program
def real_numbers_are_their_real_part(x, v):
    x.real[0] = v
    x.real = x * 2
    v.real[1:] = v.imag[1:] + 3
    return x * v


@program
def write_to_out(x, v):
    numpy.multiply(x, v, out=x)
    numpy.add(x[1:], x[:-1], out=x[1:])
    numpy.exp(v, out=v, where=v > 1)
    numpy.sum(x, axis=0, out=x[0])
    numpy.cumsum(x, axis=1, out=x)
    numpy.dot(x[:, :3], v[:3], out=x[:, 3].reshape(3)[::1].copy())
    numpy.clip(x[2], 0.5, v, out=x[2])
    numpy.concatenate([v[2:], x[0, :2]], out=v)
    return x


@program
def write_to_a_broadcast_out(x, v):
    numpy.add(v, 1.0, out=x)
    numpy.hypot(x, v, x)
    numpy.subtract(x[0], v, out=x[1:], casting="unsafe", dtype="float64")
    return x


@program
def change_at_indices(x, v):
    numpy.add.at(x, [0, 0, 2], v)
    numpy.subtract.at(x, (slice(None), [1, 1]), x[:, 2:] * v[:2])
    numpy.multiply.at(v, [3, 3, 0, 3], x[:, 0][[0, 1, 2, 0]])
    numpy.maximum.at(x, (numpy.array([[0], [1]]), [1, 2]), v[:2])
    numpy.square.at(v, [1, 1])
    return x * v


@program
def change_through_many_views(x, v):
    part = x[1:].T[1:3]
    part *= v[:2]
    part.reshape(2, 2, 1)[1, 0] += v[1]
    numpy.moveaxis(x[None], 0, -1)[2, 1] -= 1
    numpy.expand_dims(x, 1)[0, 0, 3] = v[3]
    numpy.atleast_2d(v)[0, 2] = 5
    numpy.split(x, [1], axis=1)[1][:, 0] *= x[0, 0]
    x[::-1][0][1:] = part[0, 0]
    return x * v + part.sum()


@program
def see_writes_through_a_diagonal(x, v):
    diagonal, other = numpy.diagonal(x), x[:, 1:].diagonal(-1)
    x[1] = v
    x += 1
    x[0, 0] = v[0]
    return x + diagonal.sum() * other[0]


@program
def multiply_matrices_in_place(x, v):
    part = x[:, :3]
    part @= numpy.array([[1.0, 2.0, 0.0], [0.5, -1.0, 1.0], [0.0, 3.0, 1.0]]) * v[:3]
    return x


@program
def write_what_lies_in_the_same_memory(x, v):
    v[[0, 1, 2]] = v[1:]
    x[[0, 1]] = x[1:]
    numpy.put(x, [0, 5], v=x[2, :2])
    numpy.put(v, [], v[:0])
    numpy.place(x, x > 1e9, vals=v)
    numpy.copyto(x[:, 1:], x[:, :-1])
    return x * v


def operands():
    generator = numpy.random.default_rng(5)
    return generator.uniform(0.5, 2, (3, 4)), generator.uniform(0.5, 2, 4)


every_program = pytest.mark.parametrize("function", PROGRAMS, ids=lambda function: function.__name__)


@every_program
@pytest.mark.parametrize("policy", [minpy.PreferMXNetPolicy(), minpy.OnlyNumPyPolicy()], ids=repr)
def test_program(function, policy):
    ours, theirs = [numpy.array(x) for x in operands()], operands()
    expected = function(*theirs)
    with policy:
        arrays = [np.array(x) for x in ours]
        assert_same(function(*arrays), expected, "the result")
    for name, array, changed in zip(("x", "v"), arrays, theirs):
        assert_same(array, changed, f"{name} afterwards")


@every_program
def test_program_in_a_gradient(function):
    def fresh(x, v):
        # Its own arrays, since finite differences call it again and again.
        return function(*(a.copy() for a in map(boxed, (x, v))))

    args = operands()
    for place, name in enumerate(("x", "v")):
        check_gradient(projected(fresh, args, place), args[place], f"by {name}")


@every_program
def test_a_gradient_leaves_its_argument_alone(function):
    x, v = (np.array(a) for a in operands())
    minpy.grad(lambda x: np.sum(function(x, np.array(operands()[1]))))(x)
    assert_same(x, operands()[0], "x afterwards")
    minpy.grad(lambda v: np.sum(function(np.array(operands()[0]), v)))(v)
    assert_same(v, operands()[1], "v afterwards")


@pytest.mark.parametrize("change", [operator.ilshift, operator.irshift, operator.imatmul])
@pytest.mark.parametrize("recorded", [False, True])
def test_in_place_operators_of_integers_and_matrices(change, recorded):
    for other in (numpy.array([[1, 2], [0, 1]]), 2, 1.5, numpy.ones((3, 2), int)):
        theirs, ours = numpy.array([[5, 9], [2, 12]]), np.array([[5, 9], [2, 12]])
        view = ours[1]
        ours._current().recorded = recorded
        try:
            expected = change(theirs, other)
        except (TypeError, ValueError) as error:
            with pytest.raises(ValueError if isinstance(error, ValueError) else TypeError):
                change(ours, boxed(other))
        else:
            assert change(ours, boxed(other)) is ours
            assert_same(ours, expected, f"{change} {other}")
        assert_same(view, theirs[1], "the view")


def test_what_a_number_is_broadcast_to_shares_nothing_with_it():
    """``ufunc.at`` writes also to arrays that are read-only."""
    number = np.array([0.5, 0.25])[0]
    many = np.broadcast_to(number, (3,))
    np.negative.at(many, [0])
    assert number == 0.5 and many.tolist() == [-0.5] * 3


def test_complex_parts_are_views():
    start = numpy.array([[1 + 2j, 3 - 1j], [0.5j, 2]])

    def write(z, w):
        imag = z.imag
        z.real[0] = w
        z.imag = z.real * 2
        z[1, 0] = 4 + 1j
        return z * imag.sum()

    for recorded in (False, True):
        theirs, ours = start.copy(), np.array(start)
        ours._current().recorded = recorded
        assert_same(write(ours, np.array([5.0, 6.0])), write(theirs, numpy.array([5.0, 6.0])), "the result")
        assert_same(ours, theirs, "afterwards")

    def loss(w):
        z = np.array(start)
        return np.sum(np.abs(write(z * 1, w)))

    check_gradient(loss, numpy.array([1.5, 0.5]), "by what is written")
    for namespace in (numpy, np):
        with pytest.raises(TypeError, match="imaginary"):
            namespace.zeros(2).imag = 1
        with pytest.raises(ValueError):
            namespace.zeros(2).imag[0] = 1


def test_views_that_numpy_makes():
    """Also when the memory of the base must not change any more, since a tape relied on it."""
    for recorded in (False, True):
        theirs, ours = numpy.arange(6.0), np.array(numpy.arange(6.0))
        ours._current().recorded = recorded
        for x in (theirs, ours):
            bits, windows = x.view("int64"), numpy.lib.stride_tricks.sliding_window_view(x, 3)
            bits[2] = 0
            x[4] = 7
            x[0] = windows[1, 1] + windows[2, 2]
            bits[1] = bits[4] + 1
        assert_same(ours, theirs, "the base")
        with pytest.raises(ValueError, match="read-only"):
            windows[0, 0] = 1

    def through_bits(x):
        y = x * 2
        y.view("int64")[0] = 1
        return np.sum(y)

    with pytest.raises(GradientError, match="view"):
        minpy.grad(through_bits)(ours)


IN_PLACE = (
    *(operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv),
    *(operator.imod, operator.ipow, operator.iand, operator.ior, operator.ixor),
    *(operator.ilshift, operator.irshift),
)


@pytest.mark.parametrize("change", IN_PLACE, ids=lambda change: change.__name__)
@pytest.mark.parametrize("recorded", [False, True])
def test_in_place_operators(change, recorded):
    """With many pairs of dtypes, broadcasting or not: the value, or the kind of error."""
    left = {dtype: numpy.array([[1, 2], [3, 1]]).astype(dtype) for dtype in ("int32", "float32", "bool")}
    right = [
        *(numpy.array([2, 1], dtype) for dtype in ("int32", "int64", "float32", "float64", "bool")),
        *(2, 1.5, True, numpy.array(2, "int64")),
    ]
    for dtype, original in left.items():
        for other in right:
            theirs, ours = original.copy(), np.array(original)
            what = f"{dtype} {change.__name__} {other!r}"
            value = ours._current()
            value.recorded = recorded  # as a running gradient does, so that the data must not change
            before = value.numpy().copy()
            try:
                expected = change(theirs, other)
            except (TypeError, ValueError) as error:
                with pytest.raises(type(error) if type(error) is ValueError else TypeError):
                    change(ours, boxed(other))
                assert_same(ours, original, what)
            else:
                assert change(ours, boxed(other)) is ours
                assert_same(ours, expected, what)
            if recorded:
                assert_same(value.numpy(), before, f"{what}, the recorded data")


@pytest.mark.parametrize("shape", [(3, 2), (3,), (1, 2, 2), (2, 2, 2)])
def test_in_place_operators_with_a_wrong_shape(shape):
    ours, other = np.ones((2, 2)), np.ones(shape)
    with pytest.raises(ValueError):
        ours += other
    with pytest.raises(ValueError):
        minpy.grad(lambda other: operator.iadd(np.ones((2, 2)), other))(other)
    assert ours.tolist() == [[1, 1], [1, 1]]


def test_an_assigned_value_gets_the_dtype_of_the_array():
    for dtype in ("int32", "float32", "bool"):
        for value in (1.75, 2, True, numpy.array([1.5, 0.0]), numpy.array([3, 0])):
            theirs, ours = numpy.zeros((2, 2), dtype), np.zeros((2, 2), dtype=dtype)
            theirs[1] = value
            ours[1] = boxed(value)
            assert_same(ours, theirs, f"{dtype} {value}")


@pytest.mark.parametrize(
    ("key", "value"),
    [(3, 0), ((0, 4), 0), ([0, 3], 0), (0, numpy.zeros(3)), (slice(2), numpy.zeros((3, 4))), (1.5, 0)],
)
def test_a_wrong_write_raises_and_changes_nothing(key, value):
    original = operands()[0]
    with pytest.raises((ValueError, IndexError)) as theirs:
        original.copy()[key] = value
    ours = np.array(original)
    with pytest.raises(theirs.type):
        ours[key] = value

    def write(x):
        x[key] = value
        return np.sum(x)

    with pytest.raises(theirs.type):
        minpy.grad(write)(ours)
    assert_same(ours, original, "afterwards")


def test_a_write_to_an_array_of_the_user_reaches_it():
    data = numpy.zeros((2, 3))
    array = np.asarray(data)
    array[0] = 1
    array += 1
    data[1, 1] = 5
    for other in (np.atleast_2d(data), np.reshape(data, (3, 2)).reshape(2, 3), np.asarray(data).T.T):
        other += 1
        other -= 1
    assert_same(array, numpy.array([[2.0, 2, 2], [1, 5, 1]]), "the array")
    assert_same(data, numpy.array([[2.0, 2, 2], [1, 5, 1]]), "the data")


def test_read_only():
    """Views of what is read-only are so too; and the mark stays when a gradient relies on the data."""
    for recorded in (False, True):
        for namespace in (numpy, np):
            x = namespace.ones((2, 3))
            before, others = x[0], (x[:1], x.T, x.reshape(3, 2), x.ravel())
            x.flags.writeable = False
            if namespace is np:
                x._current().recorded = recorded
            after = x[1]
            for write in (
                lambda x=x: x.__setitem__(0, 1.0),
                lambda x=x: operator.iadd(x, 1),
                lambda x=after: x.fill(2),
                lambda x=after: x.sort(),
                lambda x=x: numpy.put(x, [0], 1),
                lambda x=x: numpy.add(1, 2, out=x),
                lambda x=x: numpy.add.at(x, 0, 1),
                lambda x=x: x.flat.__setitem__(0, 3),
                lambda x=x: numpy.diagonal(x).__setitem__(0, 1),
            ):
                with pytest.raises(ValueError):
                    write()
            for view in () if recorded else others:
                view[0] = view[0]
            before[0] = 5
            assert x.tolist() == [[5, 1, 1], [1, 1, 1]]
            assert not x.flags.writeable
            x.setflags(write=True)
            x[1, 1] = 7
            assert x.tolist() == [[5, 1, 1], [1, 7, 1]]

    def write(x):
        y = x * 2
        y.flags.writeable = False
        y[0] = 1.0

    with pytest.raises(ValueError, match="read-only"):
        minpy.grad(write)(np.ones(3))


@pytest.mark.filterwarnings("ignore::minpy.errors.GradientWarning")
def test_a_wrong_call_raises_and_changes_nothing():
    original = numpy.array([[1.0, 2.0], [3.0, 4.0]])
    x = np.array(original)
    calls = [
        lambda x: numpy.add(x, numpy.ones(3), out=x),
        lambda x: numpy.add(x, x, out=np.zeros((2, 2), dtype="int64")),
        lambda x: numpy.sum(x, out=x),
        lambda x: numpy.dot(x, x[0], out=x),
        lambda x: numpy.concatenate([x, x], out=x),
        lambda x: numpy.put(x, [9], x),
        lambda x: numpy.copyto(np.zeros(2, dtype="int64"), x[0]),
        lambda x: numpy.fill_diagonal(x[0], 1.0),
        lambda x: numpy.add.at(x, [2], 1.0),
        lambda x: numpy.add.at(np.zeros(2, dtype="int64"), [0], x[0]),
        lambda x: x.sort(axis=2),
        lambda x: x.fill(x),
        lambda x: x.flat.__setitem__(9, 1.0),
        lambda x: numpy.put_along_axis(x, numpy.array([[2]]), x, axis=1),
        lambda x: x.__delitem__(0),
    ]
    for call in calls:
        with pytest.raises((ValueError, TypeError, IndexError)) as theirs:
            call(original.copy())
        kind = next(kind for kind in (IndexError, ValueError, TypeError) if issubclass(theirs.type, kind))
        with pytest.raises(kind):
            call(x)

        def loss(x, call=call):
            y = x * 1
            try:
                call(y)
            finally:
                assert_same(y, original, "afterwards")

        with pytest.raises(kind):
            minpy.grad(loss)(x)
    assert_same(x, original, "afterwards")


@pytest.mark.parametrize("policy", ["prefer_mxnet", "only_numpy"])
def test_out_by_position_is_recorded(policy):
    minpy.set_global_policy(policy)
    x, out = np.array([1.0, 2.0]), np.zeros(2)
    assert np.add(x, x, out) is out
    assert out.tolist() == [2, 4]
    gradient = minpy.grad(lambda v: np.sum(np.multiply(v, v, np.zeros(2)) * v))(x)
    assert gradient.tolist() == [3, 12]


def test_nothing_shows_the_memory_of_a_number():
    total = np.sum(np.ones(3))
    for view in (np.broadcast_to(total, (2,)), total.reshape(1), total[None]):
        with contextlib.suppress(ValueError):  # NumPy 1.26 writes to what is read-only, others do not
            numpy.multiply.at(view, [0], 7.0)
    assert float(total) == 3


def test_out_is_what_comes_back():
    x, out, plain = np.array([1.0, 2.0]), np.zeros(2), numpy.zeros(2)
    for array in (out, plain):
        assert np.add(x, x, out=array) is array
        assert np.add(x, x, array) is array
        assert numpy.add(x, x, out=(array,)) is array
        assert np.cumsum(x, out=array) is array
        assert x.cumsum(0, None, array) is array
        assert np.choose([0, 1], [x, x], out=array) is array
        assert np.lcm([2, 3], [4, 6], out=np.zeros(2, dtype="int64")).tolist() == [4, 6]
        assert array.tolist() == [1, 2]
    number = np.zeros(())
    assert np.add.reduce(x, out=number) is number
    assert float(number) == 3
    quotient, rest = np.zeros(2), np.zeros(2)
    assert np.divmod(x, 2, out=(quotient, rest))[1] is rest
    assert np.divmod(x, 2, out=(quotient, None))[0] is quotient
    assert (quotient.tolist(), rest.tolist()) == ([0, 1], [1, 0])
    with pytest.raises(TypeError):
        np.add(x, x, out=x.sum())


def test_what_cannot_be_written_raises():
    fixed = numpy.zeros(3)
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(fixed)[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        np.broadcast_to(np.zeros(3), (2, 3))[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        minpy.grad(lambda x: np.broadcast_to(x, (2, 3)).__setitem__(0, 1.0))(np.zeros(3))
    with pytest.raises(TypeError):
        x = np.zeros(3, dtype="int32")
        x += 0.5


def test_after_a_gradient_the_memory_is_the_same_again():
    data = numpy.array([1.0, 2.0, 3.0])
    array, constant = np.asarray(data), np.asarray(data[::-1].copy())
    seen, view = numpy.asarray(constant), array[1:]

    def loss(x):
        inner = minpy.grad(lambda x: np.sum(x * x * constant))(x)
        return np.sum(inner * constant * view[0])

    for gradient in (minpy.grad(loss), minpy.grad_and_loss(loss), minpy.grad(minpy.checkpoint(loss))):
        gradient(array)
        array += 1
        constant[0] += 1
        numpy.asarray(array)[2] += 1
    assert data.tolist() == array.tolist() == [4, 5, 9]
    assert view.tolist() == [5, 9]
    assert seen.tolist() == constant.tolist() == [6, 2, 1]


def test_a_pullback_does_not_see_later_writes():
    array, constant = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    value, pull = minpy.vjp(lambda x: x * x * constant, array)
    kept = numpy.asarray(array)
    array *= 10
    constant[...] = 0
    value += 100
    assert kept.tolist() == [1, 2]
    for _ in range(2):
        assert pull(np.ones(2))[0].tolist() == [6, 16]


def test_gradients_of_two_threads_share_data():
    """Neither tape lets go of data that the other one relies on."""
    shared = np.array([2.0, 3.0])
    inside, closed = threading.Event(), threading.Event()
    found = []

    def waiting(x):
        y = x * shared
        inside.set()
        assert closed.wait(60)
        return np.sum(y)

    def work():
        found.append(minpy.grad(waiting)(np.ones(2)).tolist())

    thread = threading.Thread(target=work)
    thread.start()
    assert inside.wait(60)
    minpy.grad(lambda x: np.sum(x * shared))(np.ones(2))
    shared *= 10
    closed.set()
    thread.join()
    assert found == [[2, 3]]


@pytest.mark.parametrize(
    "function", (lambda x: x + x[..., :1], lambda x: x.T * 2.0, lambda x: numpy.flip(x, 0) * x)
)
def test_more_axes_than_mxnet_takes(function):
    x = numpy.linspace(0, 1, 2**7).reshape((2,) * 7)
    for compiled in (function, minpy.jit(function)):
        numpy.testing.assert_allclose(compiled(np.array(x)).asnumpy(), function(x))
        slope = minpy.grad(lambda x: np.sum(compiled(x) * x))(np.array(x))  # noqa: B023  # called at once
        direction = numpy.cos(numpy.arange(x.size)).reshape(x.shape)
        values = [numpy.sum(function(x + e * direction) * (x + e * direction)) for e in (1e-4, -1e-4)]
        assert float(np.sum(slope * direction)) == pytest.approx((values[0] - values[1]) / 2e-4)


@pytest.mark.parametrize("name", ("cumsum", "cumprod", "nancumsum"))
def test_an_accumulation_into_no_axes(name):
    """NumPy 1.26 crashes here."""
    for function in (getattr(np, name), minpy.jit(lambda x, **named: getattr(np, name)(x, **named))):
        with pytest.raises(ValueError, match="wrong size"):
            function(np.zeros(()), axis=0, out=np.zeros(()))


def test_ravel_copies_what_has_gaps():
    x = numpy.arange(8.0).reshape(2, 4)
    for array, is_view in ((x, True), (x[:, 0], False), (x[0], True), (x[:, ::2], False), (x.T, False)):
        for function in (np.ravel, minpy.jit(np.ravel), minpy.jit(lambda x: x.ravel())):
            assert numpy.may_share_memory(numpy.asarray(function(array)), x) is is_view
            assert numpy.may_share_memory(numpy.asarray(function(np.asarray(array))), x) is is_view


@pytest.mark.parametrize("jit", [False, True])
def test_values_with_axes_of_size_1_in_front_and_lists(jit):
    rows, mask = numpy.array([2, 0]), numpy.array([True, False, True])
    row = [1.0, 2.0, 3.0, 4.0]
    for key, value in (
        (rows, [[row, row]]),
        (rows, row),
        (slice(2), row),
        (mask, numpy.array(row)),
        (mask, numpy.array([row])),
        (mask, numpy.array([[row]])),
        (mask, numpy.full((1, 1, 1), 5.0)),
    ):
        expected = numpy.zeros((3, 4))
        expected[key] = value

        def write(key, value=value):
            x = np.zeros((3, 4), dtype="float64")
            x[key] = value
            return x

        found = (minpy.jit(write) if jit else write)(np.array(key) if key is rows or key is mask else key)
        assert_same(found, expected, f"{value} at {key}")
