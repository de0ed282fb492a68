"""Convolution and pooling in loops: what is raised, what is not, and that values and gradients stay."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import grad_and_loss

RANDOM = numpy.random.RandomState(0)
X, W, B = (RANDOM.randn(*shape) for shape in ((2, 3, 6, 5), (4, 3, 3, 2), (4,)))
PLACES = [(i, j) for i in range(4) for j in range(4)]


def by_place(x, w, b):
    out = np.zeros((2, 4, 4, 4))
    for i, j in PLACES:
        out[:, :, i, j] = np.sum(x[:, None, :, i : i + 3, j : j + 2] * w, axis=(2, 3, 4))
    return out


def with_bias(x, w, b):
    out = np.zeros((2, 4, 4, 4))
    for i, j in PLACES:
        out[:, :, i, j] = np.sum(w[None] * x[:, None, :, i : i + 3, j : j + 2], axis=(2, 3, 4)) + b
    return out


def by_filter(x, w, b, stride=2):
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="constant")
    out = np.zeros((2, 4, 3, 3))
    for f in range(4):
        for i in range(3):
            for j in range(3):
                window = padded[:, :, i * stride : i * stride + 3, j * stride : j * stride + 2]
                out[:, f, i, j] = np.sum(window * w[f], axis=(1, 2, 3)) + b[f]
    return out


def by_image(x, w, b):
    out = np.zeros((2, 4, 2, 2))
    for n in range(2):
        image = x[n]
        for f in range(4):
            for i in range(2):
                for j in range(2):
                    out[n, f, i, j] = np.sum(image[:, 3 * i : 3 * i + 3, j + 1 : j + 3] * w[f]) + b[f]
    return out


def by_offset(x, w, b):
    out = 0
    for i in range(3):
        for j in range(2):
            out = out + np.einsum("nchw,fc->nfhw", x[:, :, i : i + 4, j : j + 4], w[:, :, i, j])
    return out


def by_offset_channels_last(x, w, b):
    out = np.zeros((2, 3, 3, 4))
    for i in range(3):
        for j in range(2):
            out += np.tensordot(x[:, :, i + 1 : i + 4, j : j + 3], w[:, :, i, j], axes=([1], [1]))
    return out


def means(x, w, b):
    out = np.zeros((2, 3, 2, 2))
    for i in range(2):
        for j in range(2):
            out[:, :, i, j] = np.mean(x[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 2], axis=(2, 3))
    return out


def of_blocks(x, w, b):
    return x[:, :, :, :4].reshape(2, 3, 2, 3, 2, 2).mean(axis=(3, 5))


RAISED = [
    (by_place, "convolution"),
    (with_bias, "convolution"),
    (by_filter, "convolution"),
    (by_image, "convolution"),
    (by_offset, "convolution"),
    (by_offset_channels_last, "convolution"),
    (means, "mean_pooling"),
    (of_blocks, "mean_pooling"),
]


def given(dtype):
    return [np.array(a.astype(dtype)) for a in (X, W, B)]


def operators(compiled):
    return [
        set(version.operators) for region in minpy.explain(compiled).regions for version in region.versions
    ]


@pytest.mark.parametrize("function, name", RAISED)
def test_raised_with_the_same_values(function, name):
    compiled, args = minpy.jit(function), given("float32")
    numpy.testing.assert_allclose(compiled(*args).asnumpy(), function(*args).asnumpy(), rtol=2e-5, atol=2e-6)
    (found,) = operators(compiled)
    assert {"convolution": "Convolution", "mean_pooling": "Pooling"}[name] in found
    assert not found & {"_npi_multiply", "_npi_add", "_npi_slice_assign", "dot", "_np_sum"}


@pytest.mark.parametrize("function, name", RAISED)
def test_gradients_are_the_same(function, name):
    def loss(x, w, b):
        return np.sum(function(x, w, b) ** 2) + np.sum(w) + np.sum(b)

    args = given("float32")
    found, value = grad_and_loss(minpy.jit(loss), [0, 1, 2])(*args)
    expected, same = grad_and_loss(loss, [0, 1, 2])(*args)
    numpy.testing.assert_allclose(float(value), float(same), rtol=2e-5)
    for one, other in zip(found, expected):
        numpy.testing.assert_allclose(one.asnumpy(), other.asnumpy(), rtol=2e-4, atol=2e-4)


def another_window(x, w, b):
    out = np.zeros((2, 4, 4, 4))
    for i, j in PLACES:
        k = 0 if (i, j) == (2, 1) else j
        out[:, :, i, j] = np.sum(x[:, None, :, i : i + 3, k : k + 2] * w, axis=(2, 3, 4))
    return out


def a_place_left_out(x, w, b):
    out = np.ones((2, 4, 4, 4))
    for i, j in PLACES[1:]:
        out[:, :, i, j] = np.sum(x[:, None, :, i : i + 3, j : j + 2] * w, axis=(2, 3, 4))
    return out


def another_bias(x, w, b):
    out = np.zeros((2, 4, 4, 4))
    for f in range(4):
        for i, j in PLACES:
            window = x[:, :, i : i + 3, j : j + 2]
            out[:, f, i, j] = np.sum(window * w[f], axis=(1, 2, 3)) + b[f - (i == 3)]
    return out


def another_offset(x, w, b):
    out = 0
    for i in range(3):
        for j in range(2):
            out = out + np.einsum("nchw,fc->nfhw", x[:, :, i : i + 4, : 0 + 4], w[:, :, i, j])
    return out


def another_order(x, w, b):
    out = 0
    for i in range(3):
        for j in range(2):
            product = np.tensordot(x[:, :, i : i + 4, j : j + 4], w[:, :, i, j], axes=([1], [1]))
            out = out + (np.transpose(product, (0, 3, 1, 2)) if i else product)
    return out


def largest(x, w, b):
    out = np.zeros((2, 3, 3, 2))
    for i in range(3):
        for j in range(2):
            out[:, :, i, j] = np.max(x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2], axis=(2, 3))
    return out


def placed(term, shape=(2, 4, 4, 4)):
    """A loop over places that writes ``term`` there."""

    def function(x, w, b):
        out = np.zeros(shape)
        for i, j in PLACES:
            if i < shape[2]:
                out[:, :, i, j] = term(x, w, b, i, j)
        return out

    return function


def summed(term):
    """A loop over the places of a kernel that adds up ``term``."""

    def function(x, w, b, out=0):
        for i in range(3):
            for j in range(2):
                out = out + term(x, w, b, i, j)
        return out

    return function


def window(x, i, j):
    return x[:, None, :, i : i + 3, j : j + 2]


def over(x, w, axes=(2, 3, 4)):
    return np.sum(x * w, axis=axes)


def product_of(x, w, axes=([1], [1])):
    return np.tensordot(x, w, axes=axes)


def in_two_parts(x, w, b):
    out = np.zeros((2, 4, 4, 4))
    for i, j in PLACES:
        out[:, :2, i, j] = over(window(x, i, j), w[:2])
        out[:, 2:, i, j] = over(window(x, i, j), w[2:])
    return out


ALIKE = {
    "in two parts": in_two_parts,
    "another window": another_window,
    "a place left out": a_place_left_out,
    "another bias": another_bias,
    "another offset": another_offset,
    "another order": another_order,
    "largest": largest,
    "an ellipsis": placed(lambda x, w, b, i, j: over(x[..., i : i + 3, j : j + 2][:, None], w)),
    "an axis before": placed(lambda x, w, b, i, j: over(x[:, None][:, :, :, i : i + 3, j : j + 2], w)),
    "dilated": placed(
        lambda x, w, b, i, j: over(x[:, None, :, i : i + 5 : 2, j : j + 2], w), shape=(2, 4, 2, 4)
    ),
    "another array": placed(lambda x, w, b, i, j: over(window(x if i else x * 2, i, j), w)),
    "other filters": placed(lambda x, w, b, i, j: over(window(x, i, j), w if i else w * 2)),
    "some channels": placed(lambda x, w, b, i, j: over(window(x, i, j)[:, :, :2], w[:, :2])),
    "one channel for all": placed(lambda x, w, b, i, j: over(window(x, i, j), w[:, :1])),
    "turned filters": placed(lambda x, w, b, i, j: over(window(x, i, j)[..., :2, :], w[:, :, ::2])),
    "smaller windows": placed(lambda x, w, b, i, j: over(window(x, i, j)[..., :2, :], w[:, :, :2])),
    "kept axes": placed(lambda x, w, b, i, j: over(window(x, i, j), w)[:, ::-1]),
    "other axes": placed(
        lambda x, w, b, i, j: over(window(x, i, j), w, (0, 3, 4))[:2, :1], shape=(2, 4, 4, 4)
    ),
    "a bias of two axes": placed(lambda x, w, b, i, j: over(window(x, i, j), w) + np.reshape(b, (1, 4))[0]),
    "a bias for each place": placed(lambda x, w, b, i, j: over(window(x, i, j), w) + b[i]),
    "a bias of one filter": placed(lambda x, w, b, i, j: over(window(x, i, j), w) + b[:1]),
    "a mean and more": placed(
        lambda x, w, b, i, j: np.mean(x[:, :, i : i + 3, j : j + 2], axis=(2, 3)) + b[:3], (2, 3, 4, 4)
    ),
    "means over channels": placed(
        lambda x, w, b, i, j: np.mean(x[:, :, i : i + 3, j : j + 2], axis=(1, 3)), (2, 3, 4, 4)
    ),
    "means of some channels": placed(
        lambda x, w, b, i, j: np.mean(x[:, :2, i : i + 3, j : j + 2], axis=(2, 3)), (2, 2, 4, 4)
    ),
    "backwards": placed(lambda x, w, b, i, j: over(window(x, 3 - i, j), w)),
    "one place before": placed(lambda x, w, b, i, j: over(window(x, i, max(j - 1, 0)), w)),
    "a term twice": lambda x, w, b: summed(
        lambda x, w, b, i, j: product_of(x[:, :, i : i + 4, j : j + 4], w[:, :, i, j])
    )(x, w, b, product_of(x[:, :, :4, :4], w[:, :, 0, 0])),
    "a term left out": summed(
        lambda x, w, b, i, j: product_of(x[:, :, i : i + 4, j : j + 4], w[:, :, i, j]) if i + j < 3 else 0
    ),
    "products of other arrays": summed(
        lambda x, w, b, i, j: product_of((x if i else x * 2)[:, :, i : i + 4, j : j + 4], w[:, :, i, j])
    ),
    "products by other filters": summed(
        lambda x, w, b, i, j: product_of(x[:, :, i : i + 4, j : j + 4], (w if j else w * 2)[:, :, i, j])
    ),
    "products of some channels": summed(
        lambda x, w, b, i, j: product_of(x[:, :2, i : i + 4, j : j + 4], w[:, :2, i, j])
    ),
    "products by some filters": summed(
        lambda x, w, b, i, j: product_of(x[:, :, i : i + 4, j : j + 4], w[1:, :, i, j])
    ),
    "products of one image": summed(
        lambda x, w, b, i, j: product_of(x[1:, :, i : i + 4, j : j + 4], w[:, :, i, j])
    ),
    "products of one image as a batch": summed(
        lambda x, w, b, i, j: product_of(x[1, None, :, i : i + 4, j : j + 4], w[:, :, i, j])
    ),
    "products by transposed filters": summed(
        lambda x, w, b, i, j: product_of(x[:, :, i : i + 4, j : j + 4], w[:3, :, i, j], ([1], [0]))
    ),
    "products with other places": summed(
        lambda x, w, b, i, j: product_of(x[:, :, 2 - i : 6 - i, j : j + 4], w[:, :, i, j])
    ),
    "products of larger windows": summed(
        lambda x, w, b, i, j: product_of(x[:, :, i : i + 4, j : j + 4 - (i == 2)][..., :3], w[:, :, i, j])
    ),
    "products and a number": summed(
        lambda x, w, b, i, j: product_of(x[:, :, i : i + 4, j : j + 4], w[:, :, i, j]) + 1.0
    ),
}


@pytest.mark.parametrize("name", ALIKE)
def test_other_loops_stay(name):
    function = ALIKE[name]
    compiled, args = minpy.jit(function), given("float32")
    numpy.testing.assert_allclose(compiled(*args).asnumpy(), function(*args).asnumpy(), rtol=2e-5, atol=2e-6)
    assert all(not found & {"Convolution", "Pooling"} for found in operators(compiled))


def test_a_bias_of_each_image_is_none_of_filters():
    def by_place(x, w, b):
        out = np.zeros((4, 4, 4, 4))
        for i, j in PLACES:
            out[:, :, i, j] = over(window(x, i, j), w) + b[:, None]
        return out

    args = [np.array(a.astype("float32")) for a in (RANDOM.randn(4, 3, 6, 5), W, B)]
    numpy.testing.assert_allclose(
        minpy.jit(by_place)(*args).asnumpy(), by_place(*args).asnumpy(), rtol=2e-5, atol=2e-6
    )


def test_windows_can_be_left_out(monkeypatch):
    monkeypatch.setenv("MINPY_PASSES", "-windows")
    compiled = minpy.jit(by_place)
    compiled(*given("float32"))
    assert all("Convolution" not in found for found in operators(compiled))


def test_what_a_layer_refuses_stays():
    x, w = np.array(X[:, :1].astype("float32")), np.array(W.astype("float32"))
    expected = by_place(x, w, B)  # one channel, under filters of three
    found = minpy.jit(by_place)(x, w, B)
    numpy.testing.assert_allclose(found.asnumpy(), expected.asnumpy(), rtol=2e-5, atol=2e-6)

    def sum_of_zeros(x):
        return np.sum(np.zeros(3)[2:]) + 0.0

    assert minpy.jit(lambda x: minpy.grad(sum_of_zeros)(x))(x).tolist() == numpy.zeros(x.shape).tolist()
