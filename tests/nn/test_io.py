"""Iterators over batches, beside what NumPy's indexing gives."""

from __future__ import annotations

import concurrent.futures
import threading

import mxnet
import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.nn.io import DataBatch, DataIter, NDArrayIter, PrefetchingIter

#: of MXNet's own code, which SciPy's newer releases warn of
MXNETS_WARNINGS = "ignore:Please import `csr_matrix`:DeprecationWarning"

X = numpy.arange(30.0).reshape(10, 3)
Y = numpy.arange(10)


def epoch(iterator):
    """All batches of the next epoch."""
    iterator.reset()
    return list(iterator)


def samples(batches):
    """The labels that are no padding, in order; checks that data and index belong to them."""
    found = []
    for batch in batches:
        label = numpy.asarray(batch.label[0])
        assert numpy.array_equal(batch.data[0], X[label].astype("float32"))
        assert numpy.array_equal(batch.index, label)
        found += label[: len(label) - batch.pad].tolist()
    return found


def test_batches_are_slices_and_the_last_one_is_padded_with_the_first_samples():
    batches = epoch(NDArrayIter(X, Y, 4))
    assert [b.pad for b in batches] == [0, 0, 2]
    assert samples(batches) == Y.tolist()
    assert numpy.asarray(batches[2].label[0]).tolist() == [8, 9, 0, 1]
    assert isinstance(batches[0].data[0], minpy.Array)
    assert batches[0].data[0].dtype == "float32" and batches[0].label[0].dtype == Y.dtype


def test_padding_of_few_samples_goes_round_more_than_once():
    (batch,) = NDArrayIter(X[:2], Y[:2], 5)
    assert numpy.asarray(batch.label[0]).tolist() == [0, 1, 0, 1, 0] and batch.pad == 3


def test_batches_in_order_are_views_that_cannot_be_written():
    data = X.astype("float32")
    batch = NDArrayIter(data, Y, 4).next()
    assert numpy.shares_memory(batch.data[0].raw(), data)
    with pytest.raises(ValueError, match="read-only"):
        batch.data[0][:] = 0


def test_what_does_not_fill_a_batch_is_discarded_or_begins_the_next_epoch():
    assert samples(epoch(NDArrayIter(X, Y, 4, last_batch_handle="discard"))) == list(range(8))
    rolling = NDArrayIter(X, Y, 4, last_batch_handle="roll_over")
    assert samples(epoch(rolling)) == list(range(8))
    assert samples(epoch(rolling)) == [8, 9, *range(10)]
    assert samples(epoch(rolling)) == list(range(8))
    rolling.hard_reset()
    assert samples(rolling) == list(range(8))


def test_rolling_over_a_shuffled_epoch_loses_no_sample():
    rolling = NDArrayIter(X, Y, 4, shuffle=True, last_batch_handle="roll_over")
    assert sorted(samples(epoch(rolling)) + samples(epoch(rolling))) == sorted([*range(10)] * 2)


def test_each_epoch_is_shuffled_anew_by_the_global_generator():
    iterator = NDArrayIter(X, Y, 4, shuffle=True)
    numpy.random.seed(5)
    found = [samples(epoch(iterator)) for _ in range(3)]
    numpy.random.seed(5)
    assert found == [numpy.random.permutation(10).tolist() for _ in range(3)]


def test_several_arrays_by_position_and_by_name():
    iterator = NDArrayIter([X, X * 2], {"a": Y, "b": Y + 1}, 5)
    assert iterator.provide_data == [("_0_data", (5, 3)), ("_1_data", (5, 3))]
    assert iterator.provide_label == [("a", (5,)), ("b", (5,))]
    batch = iterator.next()
    assert numpy.array_equal(batch.data[1], X[:5] * 2) and numpy.array_equal(batch.label[1], Y[:5] + 1)
    assert NDArrayIter(X).provide_data == [("data", (1, 3))] and NDArrayIter(X).next().label == []


@pytest.mark.filterwarnings(MXNETS_WARNINGS)
@pytest.mark.parametrize("make", [np.array, lambda x: mxnet.nd.array(x, dtype=x.dtype)])
def test_arrays_of_minpy_and_of_mxnet(make):
    assert samples(epoch(NDArrayIter(make(X), make(Y), 4))) == Y.tolist()


def test_dtype_of_floats():
    assert NDArrayIter(X, Y, dtype="float64").next().data[0].dtype == "float64"
    minpy.set_default_dtype("float64")
    assert NDArrayIter(X.astype("float32")).next().data[0].dtype == "float64"
    assert NDArrayIter(X.astype("uint8")).next().data[0].dtype == "uint8"


def test_a_part_of_the_samples():
    part = NDArrayIter(X, Y, 4).getsubiter(7)
    batches = epoch(part)
    labels = numpy.concatenate([numpy.asarray(b.label[0])[: 4 - b.pad] for b in batches])
    assert len(set(labels.tolist())) == 7 and [b.pad for b in batches] == [0, 1]
    assert numpy.array_equal(batches[0].data[0], X[labels[:4]])


@pytest.mark.parametrize("prefetch", [False, True])
@pytest.mark.parametrize("handle", ["pad", "roll_over"])
def test_an_iterator_goes_on_from_its_state(handle, prefetch):
    def make():
        iterator = NDArrayIter(X, Y, 4, shuffle=True, last_batch_handle=handle)
        return PrefetchingIter(iterator) if prefetch else iterator

    for taken in range(4):
        iterator, other = make(), make()
        for batch in (iterator.next() for _ in range(taken)):
            del batch
            if iterator.state()["cursor"] == iterator.getnumiterations():
                break
        state = iterator.state()
        generator = numpy.random.get_state()
        rest = samples(iterator) + samples(epoch(iterator))
        numpy.random.seed(taken)
        other.restore(state)
        numpy.random.set_state(generator)
        assert samples(other) + samples(epoch(other)) == rest
    with pytest.raises(ValueError, match="10 samples, not 11"):
        NDArrayIter(numpy.zeros((11, 3))).restore(NDArrayIter(X, shuffle=True).state() | {"order": Y})


def alive():
    return [t for t in threading.enumerate() if t.name.startswith("minpy-prefetch")]


def test_batches_made_ahead_are_the_same_and_leave_no_thread():
    numpy.random.seed(2)
    plain = [samples(epoch(NDArrayIter(X, Y, 4, shuffle=True))) for _ in range(2)]
    numpy.random.seed(2)
    ahead = PrefetchingIter(NDArrayIter(X, Y, 4, shuffle=True))
    assert [samples(epoch(ahead)), samples(epoch(ahead))] == plain
    assert not alive()
    assert ahead.num_data == 10 and ahead.batch_size == 4
    ahead.reset()
    first = ahead.next()
    assert alive()
    concurrent.futures.wait(ahead._ahead)  # all that is made ahead
    ahead.close()
    assert not alive()
    assert sorted(samples([first, *ahead])) == Y.tolist()  # nothing is lost


def test_batches_are_really_made_ahead():
    class Counting(DataIter):
        batch_size, made = 1, 0

        def reset(self):
            self.made = 0

        def next(self):
            self.made += 1
            second.release()
            return DataBatch([X[:1]], [], 0)

    counting, second = Counting(), threading.Semaphore(0)
    ahead = PrefetchingIter(counting, depth=3)
    ahead.next()
    assert all(second.acquire(timeout=10) for _ in range(4))  # while nobody asks for them
    ahead.close()


def test_an_error_in_the_thread_is_raised_where_the_batch_is_asked_for():
    class Failing(NDArrayIter):
        def next(self):
            batch = super().next()
            if 5 in batch.index:
                raise OSError("the disk is gone")
            return batch

    ahead = PrefetchingIter(Failing(X, Y, 4))
    ahead.next()
    with pytest.raises(OSError, match="the disk is gone"):
        ahead.next()
    assert not alive()


@pytest.mark.filterwarnings(MXNETS_WARNINGS)
def test_iterators_of_mxnet_are_made_ahead_too():
    ahead = PrefetchingIter(mxnet.io.NDArrayIter(X, Y, 4))
    assert [b.pad for b in epoch(ahead)] == [0, 0, 2] == [b.pad for b in epoch(ahead)]


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ((X, Y[:9]), ValueError, "all arrays have as many samples.*'data': 10, 'softmax_label': 9"),
        ((X, Y, 0), ValueError, "batch_size is a positive integer, not 0"),
        ((X[:0], Y[:0]), ValueError, "there are no samples"),
        ((X, Y, 11, False, "discard"), ValueError, "10 samples do not fill a batch of 11"),
        ((X, Y, 4, False, "drop"), ValueError, r"one of \('pad', 'discard', 'roll_over'\), not 'drop'"),
        (([[1.0, 2.0]],), TypeError, "'data' is a list, not an array"),
        (({"a": "text"},), TypeError, "'a' is a str, not an array"),
        ((X.astype("complex64"),), TypeError, "of complex64"),
        (({},), ValueError, "data has no arrays"),
    ],
)
def test_what_is_no_data_is_refused(arguments, error, told):
    with pytest.raises(error, match=told):
        NDArrayIter(*arguments)
