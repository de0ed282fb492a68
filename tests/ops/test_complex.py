"""Gradients of real results that go through complex numbers, against the formula worked out by hand."""

from __future__ import annotations

import numpy

import minpy.numpy as np
from minpy.core import grad


def test_gradient_of_the_modulus():
    x, k = numpy.array([0.5, -2.0]), 3 + 4j
    for z, expected in (
        (lambda x: x * k, 5 * numpy.sign(x)),  # |k x| = 5 |x|
        (lambda x: x + 1j, x / numpy.sqrt(x * x + 1)),  # |x + i| = sqrt(x^2 + 1)
    ):
        found = grad(lambda x, z=z: np.sum(np.abs(z(x))))(x)
        numpy.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-12)
