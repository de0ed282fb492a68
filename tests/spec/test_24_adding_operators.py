"""Add to MinPy's operators."""

from __future__ import annotations

import mxnet
import numpy
import pytest

import minpy.numpy as np
from minpy.primitive import customop
from minpy.utils.gradient_checker import check_gradients


@pytest.mark.parametrize("library", ["numpy", "mxnet"])
def test_gradients_of_dot(library):
    """Second-order functions: of the result and the arguments, which give one of the gradient passed down."""

    product = {"numpy": numpy.dot, "mxnet": mxnet.nd.dot}[library]

    @customop(library)
    def dot(a, b):
        return product(a, b)

    dot.def_grad(lambda ans, a, b: lambda g: product(g, b.T))
    dot.def_grad(lambda ans, a, b: lambda g: product(a.T, g), argnum=1)
    a, b = numpy.random.standard_normal((3, 4)), numpy.random.standard_normal((4, 2))
    numpy.testing.assert_allclose(dot(np.array(a), np.array(b)).asnumpy(), a @ b, rtol=1e-5)
    check_gradients(lambda a, b: np.sum(np.sin(dot(a, b))), a, b)
